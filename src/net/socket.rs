//! A connected socket that two threads use at a time.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

/// One thread reads, another writes, a third may shut it down: none needs it exclusively.
pub(crate) struct Socket(TcpStream);

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        // Small messages go out at once; frames that wait together are written together anyway.
        stream.set_nodelay(true).ok();
        Socket(stream)
    }

    /// Waits for bytes; 0 at the end of the stream.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            match (&self.0).read(buffer) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => (),
                result => return result,
            }
        }
    }

    /// Waits until all of it is taken. A write that takes nothing is the end: that is how one on the device ends
    /// after a local shutdown.
    pub(crate) fn write_all(&self, bytes: &[u8]) -> std::io::Result<()> {
        (&self.0).write_all(bytes)
    }

    /// Ends calls that wait, on a PC also those to come; on the device only calls that wait already.
    pub(crate) fn shutdown(&self, how: Shutdown) {
        self.0.shutdown(how).ok();
    }
}
