//! Instructions by class, hand-assembled, on a processor with RAM and one register of a device.

mod encode;
mod instructions;
mod paging;
mod privilege;

use super::*;
use crate::machine::{RAM_START, View};

/// Where trap handlers stand in these tests; what is there is never executed.
const VECTOR: u32 = RAM_START + 0x8000;
/// The device: one word and one interrupt line, bit 5.
const DEVICE: u32 = 0xf000_0000;

#[derive(Default)]
struct OneRegister {
    value: u32,
    line: bool,
    /// Time in which the processor has slept.
    slept: u64,
}

impl Devices for OneRegister {
    fn lines(&self, _count: u64) -> u32 {
        u32::from(self.line) << 5
    }

    fn now(&self, count: u64) -> u64 {
        self.slept + count
    }

    fn read(&mut self, address: u32, _count: u64) -> Option<u32> {
        (address == DEVICE).then_some(self.value)
    }

    fn write(&mut self, address: u32, value: u32, _count: u64, _view: View<'_>) -> Option<()> {
        (address == DEVICE).then(|| self.value = value)
    }
}

/// A processor in supervisor mode without translation, `program` at the start of RAM.
fn cpu(program: &[u32]) -> Cpu<OneRegister> {
    let mut cpu = Cpu::new(Ram::new(), OneRegister::default());
    for (index, word) in program.iter().enumerate() {
        cpu.ram.set_word(index as u32 * 4, *word);
    }
    cpu.pc = RAM_START;
    cpu.csr.vector = VECTOR;
    cpu
}

/// Executes this many instructions, or fewer if a trap is taken.
fn steps(cpu: &mut Cpu<OneRegister>, instructions: u64) {
    let end = cpu.count + instructions;
    while cpu.count < end && cpu.pc != VECTOR {
        cpu.run(cpu.count + 1);
    }
}

/// Runs the whole program with registers set before; gives the processor.
fn run(registers: &[(usize, u32)], program: &[u32]) -> Cpu<OneRegister> {
    let mut cpu = cpu(program);
    for (register, value) in registers {
        cpu.x[*register] = *value;
    }
    steps(&mut cpu, program.len() as u64);
    cpu
}

/// The cause and the value of the trap that was taken.
fn trapped(cpu: &Cpu<OneRegister>) -> (u32, u32) {
    assert_eq!(cpu.pc, VECTOR, "no trap was taken");
    (cpu.csr.cause, cpu.csr.value)
}
