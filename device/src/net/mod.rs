//! The host's side of the network: a page of registers to which the system's `net` server passes on std's messages.
//!
//! The server writes a message's fields and the virtual address of the lent page, then GO. An operation that must wait
//! is parked: the server keeps its message, and is told by the interrupt line when DONE has something. Nothing here
//! waits while the processor has work.

mod dns;
mod inside;
mod operation;
mod sockets;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, time::Duration};

pub(crate) use self::dns::Dns;
use operation::{Operation, Progress};
use sockets::Sockets;

use crate::machine::{Ram, View};

/// What sockets of the emulated system reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// Each other: nothing leaves the machine, and runs repeat to the instruction.
    #[default]
    Inside,
    /// The PC's loopback interface, both ways. Other addresses are refused.
    Loopback,
}

/// Parked operations at one time; std's calls block, so that it is one for each thread.
const MAX_PARKED: usize = 1024;

/// The registers, and the operations that wait.
pub(crate) struct Net {
    opcode: u32,
    page: Option<u32>,
    first: u32,
    second: u32,
    tag: u32,
    /// Whether the last operation was answered at once, and its answer.
    status: u32,
    answer: (u32, u32),
    done: VecDeque<(u32, (u32, u32))>,
    done_answer: (u32, u32),
    line: bool,
    parked: Vec<(u32, Operation)>,
    sockets: Sockets,
}

impl Net {
    pub(crate) fn new(network: Network) -> Self {
        Net {
            opcode: 0,
            page: None,
            first: 0,
            second: 0,
            tag: 0,
            status: 0,
            answer: (0, 0),
            done: VecDeque::new(),
            done_answer: (0, 0),
            line: false,
            parked: Vec::new(),
            sockets: Sockets::new(network),
        }
    }

    pub(crate) fn line_is_up(&self) -> bool {
        self.line
    }

    /// Whether something waits that the world outside may end at any time.
    pub(crate) fn waits_outside(&self) -> bool {
        self.sockets.outside() && !self.parked.is_empty()
    }

    /// Machine time at which the first parked operation times out.
    pub(crate) fn deadline(&self) -> Option<u64> {
        self.parked.iter().filter_map(|(_, operation)| operation.deadline).min()
    }

    pub(crate) fn read(&mut self, register: u32) -> u32 {
        match register {
            0x18 => self.status,
            0x1c => self.answer.0,
            0x20 => self.answer.1,
            0x24 => {
                let Some((tag, answer)) = self.done.pop_front() else { return 0 };
                self.done_answer = answer;
                tag
            }
            0x28 => self.done_answer.0,
            0x2c => self.done_answer.1,
            _ => 0,
        }
    }

    pub(crate) fn write(&mut self, register: u32, value: u32, now: u64, mut view: View<'_>) {
        match register {
            0x00 => self.opcode = value,
            // Its physical page, which stays the same while the message waits.
            0x04 => self.page = view.writable_page(value).filter(|_| value != 0),
            0x08 => self.first = value,
            0x0c => self.second = value,
            0x10 => self.tag = value,
            0x14 => self.go(now, view.ram()),
            0x30 => self.line = false,
            _ => (),
        }
    }

    fn go(&mut self, now: u64, ram: &mut Ram) {
        let mut operation = Operation::new(self.opcode, self.page, self.first, self.second, now);
        let progress = match operation.start(&mut self.sockets, now, ram) {
            Progress::Waits if self.parked.len() >= MAX_PARKED => operation.refuse(ram),
            progress => progress,
        };
        match progress {
            Progress::Done(answer) => (self.status, self.answer) = (1, answer),
            Progress::Waits => {
                self.status = 0;
                self.parked.push((self.tag, operation));
            }
        }
        if !self.sockets.outside() {
            // What was just done may be what another operation waits for.
            self.poll(now, ram);
        }
    }

    /// Tries everything that waits, in the order in which it came.
    pub(crate) fn poll(&mut self, now: u64, ram: &mut Ram) {
        let Net { parked, sockets, done, line, .. } = self;
        parked.retain(|(tag, operation)| match operation.attempt(sockets, now, ram) {
            Progress::Waits => true,
            Progress::Done(answer) => {
                done.push_back((*tag, answer));
                *line = true;
                false
            }
        });
    }

    /// Waits until one of the PC's sockets is ready that something waits for, at most this long.
    pub(crate) fn sleep(&self, at_most: Duration) {
        self.sockets.sleep(self.parked.iter().map(|(_, operation)| operation), at_most);
    }
}
