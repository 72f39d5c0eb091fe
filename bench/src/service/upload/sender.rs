//! A plain WebSocket client that sends files in parts, as `docs/upload.md` has them.

use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};
use tungstenite::{Message, WebSocket};

use crate::Failure;

/// Data bytes of a part.
pub(super) const PART: usize = 64 * 1024;
/// An answer that takes longer has been lost.
const PATIENCE: Duration = Duration::from_secs(60);
/// The only transfer of its connection.
const ID: u32 = 1;

/// A connection to an upload route.
pub(super) struct Sender {
    ws: WebSocket<TcpStream>,
    /// The whole file in frames.
    frames: Vec<u8>,
}

/// The route whose files are written in batches of so many bytes.
pub(super) fn path(batch: usize) -> String {
    format!("/upload/{batch}")
}

impl Sender {
    pub(super) fn connect(port: u16, batch: usize) -> Result<Self, Failure> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let url = format!("ws://127.0.0.1:{port}{}", path(batch));
        let (ws, _) = tungstenite::client(url, stream)
            .map_err(|error| Failure(format!("the upload route cannot be opened: {error}")))?;
        Ok(Self { ws, frames: Vec::new() })
    }

    /// Makes the frames of a file, so that sending it takes no more than a socket does.
    pub(super) fn prepare(&mut self, name: &str, length: usize) -> Result<(), Failure> {
        let id = ID.to_le_bytes();
        let head = [&id[..], name.as_bytes(), &[0], &u32::try_from(length)?.to_le_bytes()].concat();
        self.frames.clear();
        self.frames.reserve(length + (length / PART + 2) * 32);
        self.push(head)?;
        let mut left = length;
        while left > 0 {
            let now = left.min(PART);
            let mut part = id.to_vec();
            part.resize(id.len() + now, b'x');
            self.push(part)?;
            left -= now;
        }
        Ok(())
    }

    fn push(&mut self, payload: Vec<u8>) -> Result<(), Failure> {
        let header = FrameHeader {
            opcode: OpCode::Data(Data::Binary),
            mask: Some([3, 141, 59, 26]),
            ..FrameHeader::default()
        };
        let frame = Frame::from_payload(header, payload.into());
        frame.format(&mut self.frames)?;
        Ok(())
    }

    /// Sends it, and waits until it is stored.
    pub(super) fn send(&mut self) -> Result<(), Failure> {
        for frames in self.frames.chunks(PART) {
            self.ws.get_mut().write_all(frames)?;
        }
        loop {
            let text = match self.ws.read()? {
                Message::Text(text) => text,
                Message::Close(reason) => return Err(Failure(format!("closed: {reason:?}"))),
                _ => continue,
            };
            if text.contains("\"stored\"") {
                return Ok(());
            }
            if !text.contains("\"accepted\"") && !text.contains("\"progress\"") {
                return Err(Failure(format!("the service answered {text}")));
            }
        }
    }
}
