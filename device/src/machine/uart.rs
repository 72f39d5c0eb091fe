//! UARTs: the kernel's own, with its debug shell, and the console of the log server.

use std::collections::VecDeque;

/// A line without an end is handed on in parts of this many bytes.
const LINE_LIMIT: usize = 8192;
/// Bit of the event registers for "something was received".
const RECEIVED: u32 = 1 << 1;

/// Who wrote a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The kernel, on its debug UART.
    Kernel,
    /// The log server, for all programs.
    Log,
    /// The machine itself, when a process has ended.
    Machine,
}

/// A line that came out of a UART.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Who wrote it.
    pub source: Source,
    /// Machine time of its end, in units of 10 ns.
    pub time: u64,
    /// The text, without its end.
    pub text: String,
}

/// One UART of LiteX: it never is full, and receives what the harness types.
pub(super) struct Uart {
    source: Source,
    line: Vec<u8>,
    typed: VecDeque<u8>,
    enabled: u32,
}

impl Uart {
    pub(super) fn new(source: Source) -> Self {
        Uart { source, line: Vec::new(), typed: VecDeque::new(), enabled: 0 }
    }

    /// Lets the other side of the line type these bytes.
    pub(super) fn type_bytes(&mut self, bytes: &[u8]) {
        self.typed.extend(bytes);
    }

    /// Whether its interrupt line is up.
    pub(super) fn line_is_up(&self) -> bool {
        !self.typed.is_empty() && self.enabled & RECEIVED != 0
    }

    pub(super) fn read(&mut self, register: u32) -> u32 {
        let received = u32::from(!self.typed.is_empty());
        match register {
            0x00 => self.typed.pop_front().unwrap_or(0).into(),
            0x08 => 1 - received,
            0x0c | 0x10 => received * RECEIVED,
            0x14 => self.enabled,
            _ => 0,
        }
    }

    /// Gives the line that this byte completes.
    pub(super) fn write(&mut self, register: u32, value: u32, time: u64) -> Option<Line> {
        match register {
            0x00 => return self.put(value as u8, time),
            0x14 => self.enabled = value,
            _ => (),
        }
        None
    }

    fn put(&mut self, byte: u8, time: u64) -> Option<Line> {
        if byte != b'\n' {
            self.line.push(byte);
            if self.line.len() < LINE_LIMIT {
                return None;
            }
        }
        self.finish(time)
    }

    /// What was written since the last line.
    pub(super) fn finish(&mut self, time: u64) -> Option<Line> {
        if self.line.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&bytes).trim_end_matches('\r').to_owned();
        Some(Line { source: self.source, time, text })
    }
}
