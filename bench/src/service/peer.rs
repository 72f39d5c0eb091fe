//! The other end of a connection, outside of the system: it gives the orders and holds the clock.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::job::{Job, Task};
use super::link::Way;
use super::wire::Wire;
use crate::Failure;

/// A connection to a program.
pub(crate) struct Peer {
    stream: Wire,
    framed: bool,
    /// A message as it goes out, and what it was made for.
    message: Vec<u8>,
    size: usize,
    buffer: Box<[u8]>,
    /// Read and not looked at.
    start: usize,
    end: usize,
}

impl Peer {
    /// Takes a connection that a program has made; answers its opening handshake.
    ///
    /// # Errors
    /// Those of the socket and the handshake.
    pub(crate) fn accept(stream: TcpStream, way: Way) -> Result<Self, Failure> {
        let stream = Wire::accept(stream, way == Way::Secure)?;
        let stream = if way.is_framed() { accepted(stream)? } else { stream };
        let buffer = vec![0; 64 * 1024].into();
        let mut peer =
            Self { stream, framed: way.is_framed(), message: Vec::new(), size: 0, buffer, start: 0, end: 0 };
        peer.prepare(0);
        Ok(peer)
    }

    /// One echo after the other; how long each took.
    ///
    /// # Errors
    /// The program is gone.
    pub(crate) fn echo(&mut self, size: usize, messages: usize) -> Result<Vec<Duration>, Failure> {
        self.order(Task::Echo, size, messages)?;
        self.prepare(size);
        let mut times = Vec::with_capacity(messages);
        for _ in 0..messages {
            let start = Instant::now();
            self.stream.write_all(&self.message)?;
            self.receive(size)?;
            times.push(start.elapsed());
        }
        Ok(times)
    }

    /// Messages to the program; how long until it has received all.
    ///
    /// # Errors
    /// The program is gone.
    pub(crate) fn send(&mut self, size: usize, messages: usize) -> Result<Duration, Failure> {
        self.order(Task::Sink, size, messages)?;
        self.prepare(size);
        let start = Instant::now();
        for _ in 0..messages {
            self.stream.write_all(&self.message)?;
        }
        self.receive(1)?;
        Ok(start.elapsed())
    }

    /// Messages from the program; how long from the first byte that is asked for to the last that comes.
    ///
    /// # Errors
    /// The program is gone.
    pub(crate) fn take(&mut self, size: usize, messages: usize) -> Result<Duration, Failure> {
        let start = Instant::now();
        self.order(Task::Source, size, messages)?;
        for _ in 0..messages {
            self.receive(size)?;
        }
        Ok(start.elapsed())
    }

    fn order(&mut self, task: Task, size: usize, messages: usize) -> Result<(), Failure> {
        let (size, messages) = (u32::try_from(size)?, u32::try_from(messages)?);
        let order = Job { task, size, messages }.to_bytes();
        let bytes = if self.framed { frame(&order) } else { order.to_vec() };
        self.stream.write_all(&bytes)?;
        Ok(())
    }

    /// Makes the message that is sent.
    fn prepare(&mut self, size: usize) {
        if self.size != size || self.message.is_empty() {
            let payload = vec![b'x'; size];
            self.message = if self.framed { frame(&payload) } else { payload };
            self.size = size;
        }
    }

    /// Waits for a message's bytes: `size` of payload, in whatever frames.
    fn receive(&mut self, size: usize) -> Result<(), Failure> {
        let mut left = size;
        while left > 0 {
            let payload = if self.framed { self.header()? } else { left };
            if payload > left {
                return Err(Failure(format!("{payload} bytes came instead of {left}")));
            }
            self.skip(payload)?;
            left -= payload;
        }
        Ok(())
    }

    /// Reads the header of a masked frame; the length of its payload, which is not unmasked: this end is not measured.
    fn header(&mut self) -> Result<usize, Failure> {
        let [_, second] = self.take_bytes()?;
        let len = match second & 0x7f {
            126 => usize::from(u16::from_be_bytes(self.take_bytes()?)),
            127 => usize::try_from(u64::from_be_bytes(self.take_bytes()?))?,
            len => usize::from(len),
        };
        self.take_bytes::<4>()?;
        Ok(len)
    }

    fn take_bytes<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            if self.start == self.end {
                self.fill()?;
            }
            *byte = self.buffer[self.start];
            self.start += 1;
        }
        Ok(bytes)
    }

    fn skip(&mut self, count: usize) -> Result<(), Failure> {
        let mut left = count;
        while left > 0 {
            if self.start == self.end {
                self.fill()?;
            }
            let now = left.min(self.end - self.start);
            self.start += now;
            left -= now;
        }
        Ok(())
    }

    fn fill(&mut self) -> Result<(), Failure> {
        (self.start, self.end) = (0, self.stream.read(&mut self.buffer)?);
        if self.end == 0 { Err(Failure("the program has closed".into())) } else { Ok(()) }
    }
}

/// Answers the opening handshake.
fn accepted(wire: Wire) -> Result<Wire, Failure> {
    tungstenite::accept(wire)
        .map(tungstenite::WebSocket::into_inner)
        .map_err(|error| Failure(format!("no opening handshake: {error}")))
}

/// A server's frame (RFC 6455 section 5.2): one binary message, not masked.
fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x82];
    match payload.len() {
        len @ 0..=125 => frame.push(len as u8),
        len @ 126..=0xffff => {
            frame.push(126);
            frame.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            frame.push(127);
            frame.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}
