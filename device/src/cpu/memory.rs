//! Fetches, loads and stores through address translation: RAM directly, devices word by word.

use super::{
    Cpu,
    mmu::{Access, Space, walk},
    trap::{Cause, Trap},
};
use crate::machine::{Devices, View};

impl<D: Devices> Cpu<D> {
    pub(super) fn space(&self) -> Space {
        Space { translation: self.csr.translation, status: self.csr.status, user: self.user }
    }

    /// The instruction at `pc`, expanded if it is compressed, and its length in bytes. Expanded to 0: illegal.
    #[inline(always)]
    pub(super) fn fetch(&mut self) -> Result<(u32, u32), Trap> {
        let pc = self.pc;
        let page = match self.tlb.current(pc) {
            Some(offset) => offset,
            None => self.enter_page(pc)?,
        };
        let low = u32::from(self.ram.half(page + (pc & 0xffe)));
        if low & 3 != 3 {
            return Ok((self.compressed[low as usize], 2));
        }
        if pc & 0xfff != 0xffe {
            return Ok((self.ram.word(page + (pc & 0xffe)), 4));
        }
        // Over the end of the page: the other half may be anywhere.
        let next = self.instruction_page(pc.wrapping_add(2))?;
        Ok((low | u32::from(self.ram.half(next)) << 16, 4))
    }

    #[cold]
    fn enter_page(&mut self, pc: u32) -> Result<u32, Trap> {
        let offset = self.instruction_page(pc)?;
        self.tlb.set_current(pc, offset);
        let (pid, user) = (self.pid(), self.user);
        if let Some(recorder) = &mut self.recorder {
            recorder.enter_page(pid, user, pc);
        }
        Ok(offset)
    }

    fn instruction_page(&mut self, address: u32) -> Result<u32, Trap> {
        if let Some(offset) = self.tlb.find(Access::Execute, self.user, address) {
            return Ok(offset);
        }
        let page = walk(&self.ram, self.space(), address, Access::Execute)?;
        let offset = self.ram.offset(page).ok_or(Access::Execute.access_fault(address))?;
        self.tlb.keep(Access::Execute, self.user, address, offset);
        Ok(offset)
    }

    /// Reads `SIZE` bytes (1, 2 or 4), without sign.
    #[inline(always)]
    pub(super) fn load<const SIZE: u32>(&mut self, address: u32) -> Result<u32, Trap> {
        if address & (SIZE - 1) == 0
            && let Some(page) = self.tlb.find(Access::Read, self.user, address)
        {
            let offset = page + (address & 0xfff);
            return Ok(match SIZE {
                1 => u32::from(self.ram.byte(offset)),
                2 => u32::from(self.ram.half(offset)),
                _ => self.ram.word(offset),
            });
        }
        self.load_slowly::<SIZE>(address)
    }

    /// Writes the lowest `SIZE` bytes (1, 2 or 4) of `value`.
    #[inline(always)]
    pub(super) fn store<const SIZE: u32>(&mut self, address: u32, value: u32) -> Result<(), Trap> {
        if address & (SIZE - 1) == 0
            && let Some(page) = self.tlb.find(Access::Write, self.user, address)
        {
            let offset = page + (address & 0xfff);
            match SIZE {
                1 => self.ram.set_byte(offset, value as u8),
                2 => self.ram.set_half(offset, value as u16),
                _ => self.ram.set_word(offset, value),
            }
            return Ok(());
        }
        self.store_slowly::<SIZE>(address, value)
    }

    #[cold]
    #[inline(never)]
    fn load_slowly<const SIZE: u32>(&mut self, address: u32) -> Result<u32, Trap> {
        if address & (SIZE - 1) != 0 {
            return Err(Trap::new(Cause::LoadMisaligned, address));
        }
        let page = walk(&self.ram, self.space(), address, Access::Read)?;
        if let Some(offset) = self.ram.offset(page) {
            self.tlb.keep(Access::Read, self.user, address, offset);
            return self.load::<SIZE>(address);
        }
        let word = self
            .devices
            .read(page | address & 0xffc, self.count)
            .ok_or(Trap::new(Cause::LoadAccess, address))?;
        self.look_up();
        let shifted = word >> ((address & 3) * 8);
        Ok(match SIZE {
            1 => shifted & 0xff,
            2 => shifted & 0xffff,
            _ => shifted,
        })
    }

    #[cold]
    #[inline(never)]
    fn store_slowly<const SIZE: u32>(&mut self, address: u32, value: u32) -> Result<(), Trap> {
        if address & (SIZE - 1) != 0 {
            return Err(Trap::new(Cause::StoreMisaligned, address));
        }
        let page = walk(&self.ram, self.space(), address, Access::Write)?;
        if let Some(offset) = self.ram.offset(page) {
            self.tlb.keep(Access::Write, self.user, address, offset);
            return self.store::<SIZE>(address, value);
        }
        let space = self.space();
        let view = View::new(&mut self.ram, space);
        self.devices
            .write(page | address & 0xffc, in_all_lanes::<SIZE>(value), self.count, view)
            .ok_or(Trap::new(Cause::StoreAccess, address))?;
        self.look_up();
        Ok(())
    }
}

/// What the bus carries for a store: VexRiscv repeats the bytes of a narrow one in all lanes, and LiteX's bridge to the
/// registers (`Wishbone2CSR`) writes the whole word, whichever lane is selected.
fn in_all_lanes<const SIZE: u32>(value: u32) -> u32 {
    match SIZE {
        1 => (value & 0xff) * 0x0101_0101,
        2 => (value & 0xffff) * 0x0001_0001,
        _ => value,
    }
}
