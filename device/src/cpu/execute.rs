//! One instruction after the other: rv32im with atomics and CSRs, in user and supervisor mode.

use super::{
    Cpu, alu,
    csr::CsrInstruction,
    trap::{Cause, Trap},
};
use crate::machine::Devices;

impl<D: Devices> Cpu<D> {
    /// Executes until the instruction count reaches the deadline, or to an exception.
    #[inline(never)]
    pub(super) fn steps<const RECORDED: bool>(&mut self) -> Result<(), Trap> {
        loop {
            // Before the fetch: a vector that cannot be fetched from must not stop the clock.
            self.count += 1;
            let (word, length) = self.fetch()?;
            if RECORDED && let Some(recorder) = &mut self.recorder {
                recorder.step(self.pc);
            }
            self.pc = self.execute(word, self.pc.wrapping_add(length))?;
            if self.count >= self.deadline {
                return Ok(());
            }
        }
    }

    /// Executes `word`, at `pc`; `next` is the address behind it. Gives the address of the next instruction.
    #[inline(always)]
    fn execute(&mut self, word: u32, next: u32) -> Result<u32, Trap> {
        let a = self.x[(word >> 15 & 31) as usize];
        let b = self.x[(word >> 20 & 31) as usize];
        let function = word >> 12 & 7;
        let immediate = (word as i32 >> 20) as u32;
        match word & 0x7f {
            0x37 => self.set(word, word & 0xffff_f000),
            0x17 => self.set(word, self.pc.wrapping_add(word & 0xffff_f000)),
            0x6f => {
                self.set(word, next);
                return Ok(self.pc.wrapping_add(jump_offset(word)));
            }
            0x67 if function == 0 => {
                self.set(word, next);
                return Ok(a.wrapping_add(immediate) & !1);
            }
            0x63 => {
                if alu::branches(function, a, b).ok_or(Trap::illegal(word))? {
                    return Ok(self.pc.wrapping_add(branch_offset(word)));
                }
            }
            0x03 => {
                let value = self.loaded(word, a.wrapping_add(immediate))?;
                self.set(word, value);
            }
            0x23 => self.stored(word, a.wrapping_add(immediate & !31 | word >> 7 & 31), b)?,
            0x13 => {
                let shifts = function == 1 || function == 5;
                let upper = word >> 25;
                if shifts && upper != 0 && !(upper == 0x20 && function == 5) {
                    return Err(Trap::illegal(word));
                }
                self.set(word, alu::integer(function, function == 5 && upper == 0x20, a, immediate));
            }
            0x33 => {
                let value = match word >> 25 {
                    0 => alu::integer(function, false, a, b),
                    1 => alu::multiply(function, a, b),
                    0x20 if function == 0 || function == 5 => alu::integer(function, true, a, b),
                    _ => return Err(Trap::illegal(word)),
                };
                self.set(word, value);
            }
            // Fences: one processor without caches has nothing to do. VexRiscv's cache flush is among them.
            0x0f => (),
            0x2f if function == 2 => self.atomic(word, a, b)?,
            0x73 => return self.system(word, a, next),
            _ => return Err(Trap::illegal(word)),
        }
        Ok(next)
    }

    /// Writes the destination register; register 0 stays 0.
    #[inline(always)]
    fn set(&mut self, word: u32, value: u32) {
        self.x[(word >> 7 & 31) as usize] = value;
        self.x[0] = 0;
    }

    #[inline(always)]
    fn loaded(&mut self, word: u32, address: u32) -> Result<u32, Trap> {
        Ok(match word >> 12 & 7 {
            0 => self.load::<1>(address)? as i8 as u32,
            1 => self.load::<2>(address)? as i16 as u32,
            2 => self.load::<4>(address)?,
            4 => self.load::<1>(address)?,
            5 => self.load::<2>(address)?,
            _ => return Err(Trap::illegal(word)),
        })
    }

    #[inline(always)]
    fn stored(&mut self, word: u32, address: u32, value: u32) -> Result<(), Trap> {
        match word >> 12 & 7 {
            0 => self.store::<1>(address, value),
            1 => self.store::<2>(address, value),
            2 => self.store::<4>(address, value),
            _ => Err(Trap::illegal(word)),
        }
    }

    /// `lr`, `sc` and the read-modify-writes. With one processor a reservation is lost by `sc` alone: the kernel
    /// drops it so each time it returns to a program.
    fn atomic(&mut self, word: u32, address: u32, operand: u32) -> Result<(), Trap> {
        match word >> 27 {
            2 => {
                if word >> 20 & 31 != 0 {
                    return Err(Trap::illegal(word));
                }
                let value = self.load::<4>(address)?;
                self.reservation = Some(address);
                self.set(word, value);
            }
            3 => {
                if address & 3 != 0 {
                    return Err(Trap::new(Cause::StoreMisaligned, address));
                }
                let held = self.reservation.take() == Some(address);
                if held {
                    self.store::<4>(address, operand)?;
                }
                self.set(word, u32::from(!held));
            }
            function => {
                // Decided before memory is touched: an illegal encoding has no other effect.
                alu::atomic(function, 0, 0).ok_or(Trap::illegal(word))?;
                let old = self.load::<4>(address).map_err(Trap::of_atomic)?;
                let new = alu::atomic(function, old, operand).ok_or(Trap::illegal(word))?;
                self.store::<4>(address, new)?;
                self.set(word, old);
            }
        }
        Ok(())
    }

    fn system(&mut self, word: u32, a: u32, next: u32) -> Result<u32, Trap> {
        if word >> 12 & 7 != 0 {
            let old = self.csr_instruction(CsrInstruction { word, source: a })?;
            self.set(word, old);
            return Ok(next);
        }
        match word {
            0x0000_0073 => {
                self.note_call();
                let cause = if self.user { Cause::UserCall } else { Cause::SupervisorCall };
                return Err(Trap::new(cause, 0));
            }
            0x0010_0073 => return Err(Trap::new(Cause::Breakpoint, self.pc)),
            _ if self.user => return Err(Trap::illegal(word)),
            0x1020_0073 => return Ok(self.leave()),
            // `wfi`: a hint; the kernel uses the machine's own device to sleep.
            0x1050_0073 => self.look_up(),
            _ if word >> 25 == 9 && word >> 7 & 31 == 0 => self.flush(),
            _ => return Err(Trap::illegal(word)),
        }
        Ok(next)
    }
}

/// Offset of `jal`: bits 20, 10 to 1, 11 and 19 to 12.
#[inline(always)]
fn jump_offset(word: u32) -> u32 {
    let sign = (word as i32 >> 31) as u32;
    sign << 20 | word & 0xf_f000 | (word >> 20 & 1) << 11 | (word >> 21 & 0x3ff) << 1
}

/// Offset of a branch: bits 12, 10 to 5, 4 to 1 and 11.
#[inline(always)]
fn branch_offset(word: u32) -> u32 {
    let sign = (word as i32 >> 31) as u32;
    sign << 12 | (word >> 7 & 1) << 11 | (word >> 25 & 0x3f) << 5 | (word >> 8 & 15) << 1
}
