//! The machine around the processor: RAM and the devices of a Precursor that Xous's kernel and servers use.
//!
//! Addresses are those of the Precursor's hardware description ("PVT"). Time is counted in instructions, 100,000 a
//! millisecond: 100 MHz at one instruction a cycle.

mod board;
mod clock;
mod ram;
#[cfg(test)]
mod tests;
mod ticktimer;
mod timer;
mod trng;
mod uart;

pub(crate) use self::{
    board::{Board, DEVICES_SIZE, DEVICES_START, Next, Options},
    clock::PER_MILLISECOND,
    ram::{PAGE_SIZE, RAM_SIZE, RAM_START, Ram},
};
pub use self::{
    clock::Idle,
    uart::{Line, Source},
};
use crate::cpu::{Access, Space, walk};

/// What a processor is wired to besides RAM. `count` is the number of instructions executed.
pub(crate) trait Devices {
    /// Interrupt lines that are up now, by bit.
    fn lines(&self, count: u64) -> u32;

    /// Machine time, in units of 10 ns.
    fn now(&self, count: u64) -> u64;

    /// Reads the register at a physical address, which is a multiple of 4; `None` where there is nothing.
    fn read(&mut self, address: u32, count: u64) -> Option<u32>;

    /// Writes the register at a physical address, which is a multiple of 4; `None` where there is nothing. A narrow store
    /// comes as the word that the bus carries for it, with its bytes in all lanes.
    fn write(&mut self, address: u32, value: u32, count: u64, view: View<'_>) -> Option<()>;
}

/// Memory as a device sees it that is given virtual addresses of the program which writes to it.
pub(crate) struct View<'a> {
    ram: &'a mut Ram,
    space: Space,
}

impl<'a> View<'a> {
    pub(crate) fn new(ram: &'a mut Ram, space: Space) -> Self {
        View { ram, space }
    }

    /// The offset in RAM of the page at a virtual address that the program may write.
    pub(crate) fn writable_page(&self, address: u32) -> Option<u32> {
        let page = walk(self.ram, self.space, address, Access::Write).ok()?;
        self.ram.offset(page)
    }

    pub(crate) fn ram(&mut self) -> &mut Ram {
        self.ram
    }
}
