//! What a run has taken, with names.

use std::{collections::BTreeMap, fmt, ops::AddAssign};

use crate::calls::call_name;

/// Who has spent the instructions of a run, and what for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// What has made the kernel run: together all of its instructions.
    pub entries: BTreeMap<Entry, Cost>,
    /// Instructions of each function, the kernel's among them. An instruction whose fetch fails is nobody's.
    pub functions: BTreeMap<Function, u64>,
}

/// A reason for the kernel to run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The process that gave it, with its number if others have the same name; the kernel for interrupts, and for what its scheduler calls.
    pub process: String,
    /// What it was.
    pub reason: Reason,
}

/// What makes the kernel run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Nothing: the scheduler of process 1 looks for the next thread. It runs in supervisor mode and is no system call.
    Scheduler,
    /// A system call, by its number (`xous`'s `SysCallNumber`).
    Call(u8),
    /// A system call, by its number, that sends a message.
    Send(u8, Message),
    /// Interrupt lines that were up, by bit.
    Interrupt(u32),
    /// A program's interrupt handler has come to its end.
    HandlerEnd,
    /// A thread has come to its end.
    ThreadEnd,
    /// Another exception of the processor, by its number (`scause`): mostly the first use of a page.
    Fault(u8),
}

/// A message as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    /// 1: a lend that the receiver may write to, 2: a lend, 3: a move, 4: a scalar, 5: a scalar that waits.
    pub kind: u8,
    /// Pages of 4096 bytes that it carries.
    pub pages: u32,
    /// The process whose server it is sent to; none if that has not been seen.
    pub to: Option<String>,
    /// The lowest byte of its id.
    pub opcode: u8,
}

/// What reasons of one kind have cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// How often it happened.
    pub count: u64,
    /// Instructions of the kernel until it left for a program, or for the scheduler.
    pub instructions: u64,
    /// How often all translations of addresses were forgotten in them.
    pub flushes: u64,
}

/// A function of a program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Function {
    /// The process, the kernel for all of supervisor mode.
    pub process: String,
    /// Its symbol in the ELF file, mangled as it is there; empty where there is none.
    pub symbol: String,
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.instructions += other.instructions;
        self.flushes += other.flushes;
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Scheduler => f.write_str("(scheduler)"),
            Reason::Call(number) => f.write_str(call_name(*number)),
            Reason::Send(number, message) => write!(f, "{} {message}", call_name(*number)),
            Reason::Interrupt(lines) => write!(f, "interrupt {}", lines.trailing_zeros()),
            Reason::HandlerEnd => f.write_str("(end of an interrupt handler)"),
            Reason::ThreadEnd => f.write_str("(end of a thread)"),
            Reason::Fault(12 | 13 | 15) => f.write_str("(page fault)"),
            Reason::Fault(cause) => write!(f, "(exception {cause})"),
        }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Message { kind, pages, to, opcode } = self;
        let kind = match kind {
            1 => "lend_mut",
            2 => "lend",
            3 => "move",
            4 => "scalar",
            5 => "blocking scalar",
            _ => "?",
        };
        write!(f, "{kind}")?;
        match pages {
            0 => (),
            1 => write!(f, " 1 page")?,
            pages => write!(f, " {pages} pages")?,
        }
        write!(f, " to {}, opcode {opcode}", to.as_deref().unwrap_or("nobody"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_written_in_words() {
        let to = Some("net".to_owned());
        let lend = Reason::Send(16, Message { kind: 1, pages: 1, to, opcode: 31 });
        assert_eq!(lend.to_string(), "SendMessage lend_mut 1 page to net, opcode 31");
        let scalar = Reason::Send(24, Message { kind: 4, pages: 0, to: None, opcode: 8 });
        assert_eq!(scalar.to_string(), "TrySendMessage scalar to nobody, opcode 8");
        assert_eq!(Reason::Interrupt(1 << 25).to_string(), "interrupt 25");
    }
}
