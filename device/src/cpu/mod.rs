//! The processor: rv32imac with user and supervisor mode and Sv32, as the Precursor's VexRiscv shows itself to Xous.
//!
//! There is no machine mode. An instruction takes one unit of time; nothing else takes any, so a run without the
//! outside world repeats to the instruction.

mod alu;
mod compressed;
mod counts;
mod csr;
mod execute;
mod memory;
mod mmu;
mod panics;
#[cfg(test)]
mod tests;
mod trap;

use csr::Csr;
use mmu::Tlb;
use panics::Panics;

pub(crate) use self::{
    counts::Counts,
    mmu::{Access, Space, walk},
    trap::{CALL, Trap, Trapped},
};
use crate::{
    machine::{Devices, Ram},
    profile::Recorder,
};

/// A processor with the memory and the devices that it is wired to.
pub(crate) struct Cpu<D> {
    pub(crate) x: [u32; 32],
    pub(crate) pc: u32,
    pub(crate) user: bool,
    /// Instructions since the start.
    pub(crate) count: u64,
    /// The count at which `run` gives control back.
    deadline: u64,
    pub(crate) csr: Csr,
    /// The address that `lr` has reserved.
    reservation: Option<u32>,
    tlb: Tlb,
    compressed: Box<[u32]>,
    pub(crate) counts: Counts,
    pub(crate) panics: Panics,
    /// The exception that supervisor mode cannot take: its handler's first instruction has failed, and would for ever.
    pub(crate) stuck: Option<Trap>,
    /// Where it is taken down what the instructions are spent for, if it is.
    pub(crate) recorder: Option<Box<Recorder>>,
    pub(crate) ram: Ram,
    pub(crate) devices: D,
}

impl<D: Devices> Cpu<D> {
    pub(crate) fn new(ram: Ram, devices: D) -> Self {
        Cpu {
            x: [0; 32],
            pc: 0,
            user: false,
            count: 0,
            deadline: 0,
            csr: Csr::default(),
            reservation: None,
            tlb: Tlb::new(),
            compressed: compressed::table(),
            counts: Counts::default(),
            panics: Panics::default(),
            stuck: None,
            recorder: None,
            ram,
            devices,
        }
    }

    /// Executes until the count reaches `deadline`, or until the devices or the interrupt lines are to be looked
    /// at again: after an access to a device, a write to a CSR, a return from a trap. Exceptions are taken on the way, but not
    /// one that nothing comes out of: see [`Cpu::stuck`].
    pub(crate) fn run(&mut self, deadline: u64) {
        self.deadline = deadline;
        while self.count < self.deadline {
            // Compiled twice, so that nothing is looked for at each instruction.
            let result = if self.recorder.is_some() { self.steps::<true>() } else { self.steps::<false>() };
            if let Err(trap) = result {
                self.exception(trap);
            }
        }
    }

    /// Lets `run` end after this instruction.
    fn look_up(&mut self) {
        self.deadline = 0;
    }

    /// The running address space's number, which is Xous's process number.
    pub(crate) fn pid(&self) -> u8 {
        (self.csr.translation >> 22 & 0xff) as u8
    }

    /// Books the instructions since the last change of process or mode.
    pub(crate) fn account(&mut self) {
        let instructions = self.counts.book(self.pid(), self.user, self.count);
        if let Some(recorder) = &mut self.recorder
            && !self.user
        {
            recorder.book(instructions);
        }
    }

    /// Forgets all translations of addresses.
    fn flush(&mut self) {
        self.tlb.flush();
        if let Some(recorder) = &mut self.recorder {
            recorder.flush();
        }
    }

    fn note_call(&mut self) {
        let before = self.counts.ended();
        self.counts.call(self.pid(), self.x[10], self.x[11], self.count);
        if self.counts.ended() != before {
            self.look_up();
        }
        self.look_for_panic();
    }
}
