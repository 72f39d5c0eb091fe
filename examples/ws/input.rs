//! Lines of the standard input, as they are sent.

use std::io::{BufRead, StdinLock};

use xous_api_websocket::error::SendError;
use xous_api_websocket::{Code, Kind, Websocket};

use crate::hex;

/// What is sent for each line, or what is wrong with it. A line ends with LF or CR LF.
pub(crate) struct Lines {
    stdin: StdinLock<'static>,
    kind: Kind,
    number: u64,
    /// The input has ended, or cannot be read.
    ended: bool,
}

impl Lines {
    pub(crate) fn new(kind: Kind) -> Self {
        Lines { stdin: std::io::stdin().lock(), kind, number: 0, ended: false }
    }
}

impl Iterator for Lines {
    type Item = Result<Vec<u8>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let mut line = Vec::new();
        match self.stdin.read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Ok(_) => self.number += 1,
            Err(error) => {
                self.ended = true;
                return Some(Err(format!("standard input: {error}")));
            }
        }
        line.pop_if(|end| *end == b'\n').and_then(|_| line.pop_if(|end| *end == b'\r'));
        let number = self.number;
        Some(data(self.kind, line).map_err(|error| format!("line {number} of the input: {error}")))
    }
}

/// What a line, or the text of an option, stands for.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn data(kind: Kind, line: Vec<u8>) -> Result<Vec<u8>, String> {
    let text = String::from_utf8(line)
        .map_err(|_| "it is not UTF-8; --binary takes bytes as hexadecimal digits".to_owned())?;
    match kind {
        Kind::Text => Ok(text.into_bytes()),
        Kind::Binary => hex::read(&text),
    }
}

pub(crate) fn send(ws: &Websocket, kind: Kind, data: &[u8]) -> Result<(), SendError> {
    match kind {
        Kind::Text => {
            ws.send_text(std::str::from_utf8(data).map_err(|_| SendError::Refused(Code::InvalidText))?)
        }
        Kind::Binary => ws.send_binary(data),
    }
}
