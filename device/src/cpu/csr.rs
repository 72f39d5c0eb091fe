//! Control and status registers of supervisor mode, and VexRiscv's two of its own for interrupts.

use super::{Cpu, trap::Trap};
use crate::machine::Devices;

/// `sstatus`: interrupts in supervisor mode are taken.
pub(super) const SIE: u32 = 1 << 1;
/// `sstatus`: `SIE` of before the trap.
pub(super) const SPIE: u32 = 1 << 5;
/// `sstatus`: the trap came from supervisor mode.
pub(super) const SPP: u32 = 1 << 8;
/// `sstatus`: supervisor mode may read and write pages of user mode.
pub(super) const SUM: u32 = 1 << 18;
/// `sstatus`: pages that can be executed can be read.
pub(super) const MXR: u32 = 1 << 19;
/// `sie` and `sip`: the external interrupt.
pub(super) const EXTERNAL: u32 = 1 << 9;

const STATUS_BITS: u32 = SIE | SPIE | SPP | SUM | MXR;
const ENABLE_BITS: u32 = 1 << 1 | 1 << 5 | EXTERNAL;

/// The registers that hold a value. There is no machine mode: the loader would delegate everything.
#[derive(Default)]
pub(crate) struct Csr {
    pub(super) status: u32,
    pub(super) enable: u32,
    pub(crate) vector: u32,
    pub(super) scratch: u32,
    /// `sepc`.
    pub(crate) resume: u32,
    pub(crate) cause: u32,
    pub(crate) value: u32,
    /// `satp`: bit 31 turns Sv32 on, bits 22 to 30 are the address space, the rest is the root table's page.
    pub(crate) translation: u32,
    /// VexRiscv's 0x9C0: a bit that is set lets its line through.
    pub(super) mask: u32,
}

/// Fields of one instruction of the `Zicsr` extension.
#[derive(Clone, Copy)]
pub(super) struct CsrInstruction {
    pub(super) word: u32,
    /// The source register's value.
    pub(super) source: u32,
}

impl<D: Devices> Cpu<D> {
    /// `csrrw`, `csrrs`, `csrrc` and their immediate forms: writes, and gives the value of before.
    pub(super) fn csr_instruction(&mut self, instruction: CsrInstruction) -> Result<u32, Trap> {
        let CsrInstruction { word, source } = instruction;
        let function = word >> 12 & 7;
        let number = word >> 20;
        let field = word >> 15 & 31;
        let illegal = Trap::illegal(word);
        // Bits 8 and 9 of the number are the lowest mode that may use it.
        if function == 4 || self.user && number >> 8 & 3 != 0 {
            return Err(illegal);
        }
        let old = self.read_csr(number).ok_or(illegal)?;
        let operand = if function & 4 != 0 { field } else { source };
        let new = match function & 3 {
            1 => operand,
            2 => old | operand,
            _ => old & !operand,
        };
        if function & 3 == 1 || field != 0 {
            self.write_csr(number, new).ok_or(illegal)?;
        }
        Ok(old)
    }

    fn read_csr(&self, number: u32) -> Option<u32> {
        Some(match number {
            0x100 => self.csr.status,
            0x104 => self.csr.enable,
            0x105 => self.csr.vector,
            0x140 => self.csr.scratch,
            0x141 => self.csr.resume,
            0x142 => self.csr.cause,
            0x143 => self.csr.value,
            0x144 => u32::from(self.pending_lines() != 0) * EXTERNAL,
            0x180 => self.csr.translation,
            0x9c0 => self.csr.mask,
            0xdc0 => self.pending_lines(),
            0xc00 | 0xc02 => self.count as u32,
            0xc80 | 0xc82 => (self.count >> 32) as u32,
            // Time goes on while the processor sleeps.
            0xc01 => self.devices.now(self.count) as u32,
            0xc81 => (self.devices.now(self.count) >> 32) as u32,
            _ => return None,
        })
    }

    fn write_csr(&mut self, number: u32, value: u32) -> Option<()> {
        match number {
            0x100 => self.write_status(value & STATUS_BITS),
            0x104 => self.csr.enable = value & ENABLE_BITS,
            0x105 => self.csr.vector = value & !3,
            0x140 => self.csr.scratch = value,
            0x141 => self.csr.resume = value & !1,
            0x142 => self.csr.cause = value,
            0x143 => self.csr.value = value,
            0x144 => (),
            0x180 => {
                self.account();
                self.csr.translation = value;
                self.flush();
            }
            0x9c0 => self.csr.mask = value,
            // Two top bits set: read-only. Anything else is unknown.
            _ => return None,
        }
        self.look_up();
        Some(())
    }

    fn write_status(&mut self, status: u32) {
        if (self.csr.status ^ status) & (SUM | MXR) != 0 {
            self.flush();
        }
        self.csr.status = status;
    }
}
