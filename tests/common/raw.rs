//! RFC 6455 by hand, from the server's side: for peers that misbehave and for a look at what is on the wire.

use std::io::{self, Read, Write};
use std::net::TcpStream;

/// First byte of a frame: FIN, or not, with an opcode (section 5.2).
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const FIRST_TEXT: u8 = 0x01;
pub(crate) const FIRST_BINARY: u8 = 0x02;
pub(crate) const MIDDLE: u8 = 0x00;
pub(crate) const LAST: u8 = 0x80;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// A frame of the client, unmasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// FIN, reserved bits and opcode.
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
    /// `None` if it was not masked.
    pub(crate) mask: Option<[u8; 4]>,
    /// Bytes of the header without the mask: 2, 4 or 10.
    pub(crate) header: usize,
}

impl Frame {
    /// The code and text of a Close frame; 0 for none.
    pub(crate) fn close(&self) -> (u16, String) {
        assert_eq!(self.first, CLOSE, "{self:?}");
        match self.payload.split_first_chunk() {
            Some((code, text)) => (u16::from_be_bytes(*code), String::from_utf8(text.to_vec()).unwrap()),
            None => (0, String::new()),
        }
    }
}

/// Takes a request and accepts it with these header lines besides, each ending with CR LF. The request's head.
pub(crate) fn accept_with(stream: &mut TcpStream, lines: &str) -> String {
    let head = read_head(stream);
    stream.write_all(acceptance(&head, lines).as_bytes()).unwrap();
    head
}

/// Takes a request and accepts it. The request's head.
pub(crate) fn accept(stream: &mut TcpStream) -> String {
    accept_with(stream, "")
}

/// The answer that accepts the request with this head (section 4.2.2).
pub(crate) fn acceptance(head: &str, lines: &str) -> String {
    let key = field(head, "Sec-WebSocket-Key").unwrap();
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{lines}\r\n"
    )
}

/// Reads up to and including the empty line, and no byte more.
pub(crate) fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

/// The value of a header field that is there once; `None` if it is not there.
pub(crate) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut values = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let value = values.by_ref().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim());
    assert!(!values.any(|(field, _)| field.eq_ignore_ascii_case(name)), "{name} is there twice: {head}");
    value
}

/// A frame as a server sends it, with the shortest form of its length.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(len as u8),
        len @ 126..=0xffff => {
            frame.push(126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

/// The payload of a Close frame.
pub(crate) fn close_payload(code: u16, text: &str) -> Vec<u8> {
    [&code.to_be_bytes(), text.as_bytes()].concat()
}

/// The next frame of the client.
pub(crate) fn read_frame(stream: &mut impl Read) -> io::Result<Frame> {
    let [first, second] = read(stream)?;
    let (len, header) = match second & 0x7f {
        126 => (u64::from(u16::from_be_bytes(read(stream)?)), 4),
        127 => (u64::from_be_bytes(read(stream)?), 10),
        len => (u64::from(len), 2),
    };
    let mask = if second & 0x80 != 0 { Some(read(stream)?) } else { None };
    let mut payload = vec![0; usize::try_from(len).unwrap()];
    stream.read_exact(&mut payload)?;
    if let Some(mask) = mask {
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    }
    Ok(Frame { first, payload, mask, header })
}

/// Answers the client's Close frame, which must come next, and reads to the end of the stream.
pub(crate) fn expect_close(stream: &mut TcpStream) -> Frame {
    let close = read_frame(stream).unwrap();
    assert_eq!(close.first, CLOSE, "{close:?}");
    stream.write_all(&frame(CLOSE, &close.payload)).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "nothing comes behind a Close frame");
    close
}

fn read<const N: usize>(stream: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}
