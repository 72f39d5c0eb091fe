//! Traps: what interrupts a program's instructions, and how supervisor mode is entered and left.

use super::{Cpu, csr};
use crate::machine::Devices;

/// Set in `scause` for an interrupt; clear for an exception.
const INTERRUPT: u32 = 1 << 31;
/// `scause` of an external interrupt for supervisor mode.
const EXTERNAL: u32 = INTERRUPT | 9;

/// Why an instruction did not end (RISC-V Privileged 1.12, table 4.2; the number is `scause`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    FetchAccess = 1,
    Illegal = 2,
    Breakpoint = 3,
    LoadMisaligned = 4,
    LoadAccess = 5,
    StoreMisaligned = 6,
    StoreAccess = 7,
    UserCall = 8,
    SupervisorCall = 9,
    FetchPage = 12,
    LoadPage = 13,
    StorePage = 15,
}

/// `scause` of a system call, by the mode it comes from.
pub(crate) const CALL: [u32; 2] = [Cause::UserCall as u32, Cause::SupervisorCall as u32];

/// A trap as it is taken.
pub(crate) struct Trapped<'a> {
    /// The process that was running.
    pub(crate) pid: u8,
    /// `scause` and `stval`.
    pub(crate) cause: u32,
    pub(crate) value: u32,
    pub(crate) registers: &'a [u32; 32],
    /// Interrupt lines that were up and let through.
    pub(crate) lines: u32,
}

/// An exception: its cause and the value for `stval` (an address, an instruction, or 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trap {
    pub(crate) cause: Cause,
    pub(crate) value: u32,
}

impl Trap {
    pub(crate) fn new(cause: Cause, value: u32) -> Self {
        Trap { cause, value }
    }

    pub(crate) fn illegal(instruction: u32) -> Self {
        Trap::new(Cause::Illegal, instruction)
    }

    /// An atomic read-modify-write counts as a store, also where its reading half fails.
    pub(crate) fn of_atomic(self) -> Self {
        let cause = match self.cause {
            Cause::LoadMisaligned => Cause::StoreMisaligned,
            Cause::LoadAccess => Cause::StoreAccess,
            Cause::LoadPage => Cause::StorePage,
            other => other,
        };
        Trap { cause, ..self }
    }
}

impl<D: Devices> Cpu<D> {
    /// Enters supervisor mode for an exception of the instruction at `pc`. If that is the first one of supervisor mode's
    /// own handler, it would come back to the same instruction with the same registers for ever.
    pub(super) fn exception(&mut self, trap: Trap) {
        if !self.user && self.pc == self.csr.vector {
            self.stuck = Some(trap);
            self.look_up();
            return;
        }
        self.enter(trap.cause as u32, trap.value);
    }

    /// Takes an external interrupt if a line is up, not masked, and the mode lets it through.
    pub(crate) fn interrupt(&mut self) {
        let open = self.user || self.csr.status & csr::SIE != 0;
        if open && self.csr.enable & csr::EXTERNAL != 0 && self.pending_lines() != 0 {
            self.enter(EXTERNAL, 0);
        }
    }

    /// Lines that are up and enabled by the mask of VexRiscv's interrupt register.
    pub(super) fn pending_lines(&self) -> u32 {
        self.devices.lines(self.count) & self.csr.mask
    }

    fn enter(&mut self, cause: u32, value: u32) {
        self.account();
        self.record_trap(cause, value);
        self.csr.cause = cause;
        self.csr.value = value;
        self.csr.resume = self.pc;
        let was_enabled = self.csr.status & csr::SIE != 0;
        self.csr.status &= !(csr::SIE | csr::SPIE | csr::SPP);
        if was_enabled {
            self.csr.status |= csr::SPIE;
        }
        if !self.user {
            self.csr.status |= csr::SPP;
        }
        self.user = false;
        self.pc = self.csr.vector;
        self.tlb.leave_page();
    }

    fn record_trap(&mut self, cause: u32, value: u32) {
        if self.recorder.is_none() {
            return;
        }
        let (pid, lines) = (self.pid(), self.pending_lines());
        if let Some(recorder) = &mut self.recorder {
            recorder.enter(&Trapped { pid, cause, value, registers: &self.x, lines });
        }
    }

    /// `sret`: back to the mode and the interrupt enable of before the trap. Gives where to go on.
    pub(super) fn leave(&mut self) -> u32 {
        self.account();
        self.user = self.csr.status & csr::SPP == 0;
        if self.user {
            self.look_at_answer();
        }
        let pid = self.pid();
        if let Some(recorder) = &mut self.recorder {
            recorder.leave(pid, self.user, &self.x);
        }
        let enable = self.csr.status & csr::SPIE != 0;
        self.csr.status &= !(csr::SIE | csr::SPP);
        self.csr.status |= csr::SPIE;
        if enable {
            self.csr.status |= csr::SIE;
        }
        self.tlb.leave_page();
        self.look_up();
        self.csr.resume
    }
}
