//! Sv32 address translation (RISC-V Privileged 1.12, 4.3) and the table of its latest results.

use super::{
    csr,
    trap::{Cause, Trap},
};
use crate::machine::{PAGE_SIZE, Ram};

const VALID: u32 = 1;
const READ: u32 = 1 << 1;
const WRITE: u32 = 1 << 2;
const EXECUTE: u32 = 1 << 3;
const USER: u32 = 1 << 4;

/// What an instruction wants of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
    Execute,
}

impl Access {
    fn page_fault(self, address: u32) -> Trap {
        let cause = match self {
            Access::Read => Cause::LoadPage,
            Access::Write => Cause::StorePage,
            Access::Execute => Cause::FetchPage,
        };
        Trap::new(cause, address)
    }

    pub(super) fn access_fault(self, address: u32) -> Trap {
        let cause = match self {
            Access::Read => Cause::LoadAccess,
            Access::Write => Cause::StoreAccess,
            Access::Execute => Cause::FetchAccess,
        };
        Trap::new(cause, address)
    }
}

/// An address space and the rights in it.
#[derive(Clone, Copy)]
pub(crate) struct Space {
    /// The value of `satp`.
    pub(crate) translation: u32,
    /// The value of `sstatus`, of which `SUM` and `MXR` count.
    pub(crate) status: u32,
    /// Whether user mode asks.
    pub(crate) user: bool,
}

/// The physical address of the page that holds `address`.
///
/// The bits A and D are not looked at: the loader and the kernel set them always.
pub(crate) fn walk(ram: &Ram, space: Space, address: u32, access: Access) -> Result<u32, Trap> {
    if space.translation >> 31 == 0 {
        return Ok(address & !(PAGE_SIZE - 1));
    }
    let root = u64::from(space.translation & 0x3f_ffff) << 12;
    let first = entry(ram, root, address >> 22).ok_or_else(|| access.access_fault(address))?;
    let leaf = first & (READ | WRITE | EXECUTE) != 0;
    let (found, superpage) = if first & VALID == 0 || leaf {
        (first, true)
    } else {
        let table = page_of(first);
        (entry(ram, table, address >> 12 & 0x3ff).ok_or_else(|| access.access_fault(address))?, false)
    };
    if !permits(found, space, access) {
        return Err(access.page_fault(address));
    }
    let mut page = page_of(found);
    if superpage {
        if page & 0x3f_f000 != 0 {
            return Err(access.page_fault(address));
        }
        page |= u64::from(address & 0x3f_f000);
    }
    u32::try_from(page).map_err(|_| access.access_fault(address))
}

/// Sv32 has physical addresses of 34 bits.
fn page_of(entry: u32) -> u64 {
    u64::from(entry >> 10) << 12
}

fn entry(ram: &Ram, table: u64, index: u32) -> Option<u32> {
    ram.physical_word(u32::try_from(table).ok()?.checked_add(index * 4)?)
}

fn permits(entry: u32, space: Space, access: Access) -> bool {
    let rights = entry & (READ | WRITE | EXECUTE);
    // Neither read nor execute: no leaf, or the encoding that is reserved (write without read).
    if entry & VALID == 0 || rights & (READ | EXECUTE) == 0 || rights & (READ | WRITE) == WRITE {
        return false;
    }
    let of_user = entry & USER != 0;
    let mode = match (space.user, of_user) {
        (true, of_user) => of_user,
        (false, false) => true,
        (false, true) => access != Access::Execute && space.status & csr::SUM != 0,
    };
    let readable = rights & READ != 0 || rights & EXECUTE != 0 && space.status & csr::MXR != 0;
    mode && match access {
        Access::Read => readable,
        Access::Write => rights & WRITE != 0,
        Access::Execute => rights & EXECUTE != 0,
    }
}

const ENTRIES: usize = 1024;
const NO_PAGE: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Entry {
    tag: u64,
    /// Where the page starts in RAM.
    offset: u32,
}

const EMPTY: Entry = Entry { tag: u64::MAX, offset: 0 };

/// Pages of RAM that were found lately, by kind of access. Flushing it only counts its generation up.
pub(super) struct Tlb {
    generation: u64,
    read: Box<[Entry; ENTRIES]>,
    write: Box<[Entry; ENTRIES]>,
    execute: Box<[Entry; ENTRIES]>,
    /// The page of the instruction before, which most instructions are in.
    current: u32,
    current_offset: u32,
}

impl Tlb {
    pub(super) fn new() -> Self {
        let empty = || Box::new([EMPTY; ENTRIES]);
        Tlb {
            generation: 0,
            read: empty(),
            write: empty(),
            execute: empty(),
            current: NO_PAGE,
            current_offset: 0,
        }
    }

    pub(super) fn flush(&mut self) {
        self.generation += 1;
        self.leave_page();
    }

    /// The mode changes or control goes elsewhere: the next instruction's page is looked up again.
    pub(super) fn leave_page(&mut self) {
        self.current = NO_PAGE;
    }

    /// The offset in RAM of the page of the instruction at `pc`, if it is that of the one before.
    #[inline(always)]
    pub(super) fn current(&self, pc: u32) -> Option<u32> {
        (pc >> 12 == self.current).then_some(self.current_offset)
    }

    pub(super) fn set_current(&mut self, pc: u32, offset: u32) {
        self.current = pc >> 12;
        self.current_offset = offset;
    }

    /// The offset in RAM of the page that holds `address`, if it is known.
    #[inline(always)]
    pub(super) fn find(&self, access: Access, user: bool, address: u32) -> Option<u32> {
        let page = address >> 12;
        let table = match access {
            Access::Read => &self.read,
            Access::Write => &self.write,
            Access::Execute => &self.execute,
        };
        let entry = table[page as usize % ENTRIES];
        (entry.tag == self.tag(user, page)).then_some(entry.offset)
    }

    pub(super) fn keep(&mut self, access: Access, user: bool, address: u32, offset: u32) {
        let page = address >> 12;
        let tag = self.tag(user, page);
        let table = match access {
            Access::Read => &mut self.read,
            Access::Write => &mut self.write,
            Access::Execute => &mut self.execute,
        };
        table[page as usize % ENTRIES] = Entry { tag, offset };
    }

    #[inline(always)]
    fn tag(&self, user: bool, page: u32) -> u64 {
        self.generation << 21 | u64::from(user) << 20 | u64::from(page)
    }
}
