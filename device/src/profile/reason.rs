//! What made the kernel run, as the processor sees it: numbers only.

use crate::cpu::{CALL, Trapped};

/// Numbers of the system calls that send a message (`xous`'s `SysCallNumber`).
const SEND_MESSAGE: u32 = 16;
const TRY_SEND_MESSAGE: u32 = 24;
/// Kinds of messages below this one carry memory: 1 is a mutable lend, 2 a lend, 3 a move.
const SCALAR: u32 = 4;
/// Where a program's code returns to the kernel: these addresses cannot be executed
/// (`kernel/src/arch/riscv/process.rs` of xous-core).
const HANDLER_END: u32 = 0xff80_2000;
const THREAD_END: u32 = 0xff80_3000;
const FETCH_PAGE_FAULT: u32 = 12;
const INTERRUPT: u32 = 1 << 31;

/// What made the kernel run, and who was running then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entered {
    /// The process; 1 where the kernel itself was.
    pub(crate) pid: u8,
    pub(crate) cause: Cause,
}

/// Causes by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cause {
    /// None: the scheduler's own instructions.
    Scheduler,
    /// A system call.
    Call(u8),
    /// One that sends a message.
    Send(Sent),
    /// Interrupt lines, by bit.
    Interrupt(u32),
    /// An interrupt handler's end.
    HandlerEnd,
    /// A thread's end.
    ThreadEnd,
    /// Another exception, by its number.
    Fault(u8),
}

/// A message as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sent {
    /// The system call.
    pub(crate) call: u8,
    /// The process whose server it goes to, if that is known.
    pub(crate) to: Option<u8>,
    /// The kind, by its number.
    pub(crate) kind: u8,
    /// Pages that it carries.
    pub(crate) pages: u32,
    /// The lowest byte of its id, in which servers have their opcodes; others hold a handle.
    pub(crate) opcode: u8,
}

impl Cause {
    /// The cause of a trap that was just taken. `receiver` knows who has the server at the end of a connection.
    pub(crate) fn of(trapped: &Trapped<'_>, receiver: impl FnOnce(u32) -> Option<u8>) -> Self {
        let Trapped { cause, value, registers, lines, .. } = *trapped;
        let argument = |number: usize| registers[10 + number];
        match (cause, value) {
            (cause, _) if cause & INTERRUPT != 0 => Cause::Interrupt(lines),
            (cause, _) if CALL.contains(&cause) => match argument(0) {
                call @ (SEND_MESSAGE | TRY_SEND_MESSAGE) => Cause::Send(Sent {
                    call: call as u8,
                    to: receiver(argument(1)),
                    kind: argument(2) as u8,
                    pages: if argument(2) < SCALAR { argument(5) >> 12 } else { 0 },
                    opcode: argument(3) as u8,
                }),
                call => Cause::Call(call as u8),
            },
            (FETCH_PAGE_FAULT, HANDLER_END) => Cause::HandlerEnd,
            (FETCH_PAGE_FAULT, THREAD_END) => Cause::ThreadEnd,
            (cause, _) => Cause::Fault(cause as u8),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(cause: u32, value: u32, arguments: [u32; 6]) -> Cause {
        let mut registers = [0; 32];
        registers[10..16].copy_from_slice(&arguments);
        let trapped = Trapped { pid: 7, cause, value, registers: &registers, lines: 1 << 25 };
        Cause::of(&trapped, |connection| (connection == 3).then_some(2))
    }

    #[test]
    fn a_message_is_told_by_its_registers() {
        // A page to connection 3, opcode 31 of socket 2.
        let lend = Sent { call: 16, to: Some(2), kind: 1, pages: 1, opcode: 31 };
        assert_eq!(cause(8, 0, [16, 3, 1, 2 << 16 | 31, 0x4000_0000, 4096]), Cause::Send(lend));
        // The fifth argument of a scalar is no size.
        let scalar = Sent { call: 24, to: None, kind: 4, pages: 0, opcode: 8 };
        assert_eq!(cause(8, 0, [24, 4, 4, 8, 0, 4096]), Cause::Send(scalar));
    }

    #[test]
    fn other_traps_are_told_apart() {
        assert_eq!(cause(9, 0, [7, 0, 0, 0, 0, 0]), Cause::Call(7));
        assert_eq!(cause(1 << 31 | 9, 0, [16; 6]), Cause::Interrupt(1 << 25));
        assert_eq!(cause(12, 0xff80_2000, [16; 6]), Cause::HandlerEnd);
        assert_eq!(cause(12, 0xff80_3000, [16; 6]), Cause::ThreadEnd);
        assert_eq!(cause(15, 0x2000_0000, [16; 6]), Cause::Fault(15));
    }
}
