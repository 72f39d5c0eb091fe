//! Reads that nothing interrupts.

use std::io::{self, Read};

/// Waits for bytes; 0 at the end of the stream. For plain sockets, and for what TLS reads.
pub(super) fn receive(mut stream: impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            result => return result,
        }
    }
}
