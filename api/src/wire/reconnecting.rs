//! What the receiver is told when a connection is opened again.

use std::time::Duration;

use super::fields::{Reader, Writer, len_of};
use crate::Code;
use crate::settings::{read_wait, write_wait};

/// The connection has ended, or an attempt to open it again has failed, and there will be another one.
///
/// In the page of a `Receive` with the status [`Reconnecting`](super::Status::Reconnecting), little-endian: u8 code, u8 1 if
/// the owner is asked for another request, u16 close code, u32 milliseconds to wait, u32 number of the attempt in a row,
/// u16 length and text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconnecting<'a> {
    /// Why: of an attempt the code with which an opening fails; of a connection that was open `NoPong` or `Closed`.
    pub code: Code,
    /// The close code; 1006 without a Close frame.
    pub close: u16,
    /// How long it is until the next attempt, in milliseconds.
    pub wait: Duration,
    /// Which one it is in a row, from 1.
    pub attempt: u32,
    /// The owner is waited for then ([`Reconnect::asks`](crate::Reconnect::asks)).
    pub asks: bool,
    /// What went wrong, for people.
    pub reason: &'a str,
}

impl<'a> Reconnecting<'a> {
    /// The first attempt, at once, of which the owner is not asked, behind this end.
    pub fn new(code: Code, close: u16, reason: &'a str) -> Self {
        Reconnecting { code, close, wait: Duration::ZERO, attempt: 1, asks: false, reason }
    }

    /// As it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; len_of(|w| self.fields(w))];
        self.fields(&mut Writer::new(&mut bytes));
        bytes
    }

    fn fields(&self, w: &mut Writer<'_>) {
        w.u8(self.code as u8);
        w.u8(u8::from(self.asks));
        w.u16(self.close);
        write_wait(w, self.wait);
        w.u32(self.attempt);
        w.text(self.reason);
    }

    /// Reads what the service wrote; `None` if it is something else.
    pub fn parse(page: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(page);
        let (code, asks, close) = (Code::from_word(usize::from(r.u8()?)), r.u8()? != 0, r.u16()?);
        Some(Reconnecting {
            code,
            asks,
            close,
            wait: read_wait(&mut r)?,
            attempt: r.u32()?,
            reason: r.text()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_there_and_back() {
        let told = Reconnecting {
            code: Code::NoPong,
            close: 1006,
            wait: Duration::from_millis(1234),
            attempt: 3,
            asks: true,
            reason: "no answer",
        };
        let bytes = told.to_bytes();
        assert_eq!(Reconnecting::parse(&bytes), Some(told));
        (0..bytes.len()).for_each(|len| assert_eq!(Reconnecting::parse(&bytes[..len]), None, "{len}"));
    }
}
