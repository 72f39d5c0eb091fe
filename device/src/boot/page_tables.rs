//! Hands out pages of RAM, with their owners, and builds address spaces as Xous's loader leaves them.

use std::collections::BTreeMap;

use super::elf::Image;
use crate::machine::{PAGE_SIZE, RAM_SIZE, RAM_START, Ram};

pub(super) const VALID: u32 = 1;
pub(super) const READ: u32 = 1 << 1;
pub(super) const WRITE: u32 = 1 << 2;
pub(super) const EXECUTE: u32 = 1 << 3;
pub(super) const USER: u32 = 1 << 4;
/// Set on every page: nobody keeps them.
const ACCESSED_AND_DIRTY: u32 = 0xc0;

/// Where each process finds its root table.
const ROOT_AT: u32 = 0xff80_0000;
/// Where the kernel keeps the registers of a process's threads.
const CONTEXT_AT: u32 = 0xff80_1000;
/// Where each process finds its other tables, in order.
const TABLES_AT: u32 = 0xff40_0000;

/// RAM with the owner of each of its pages.
pub(super) struct Pages<'a> {
    pub(super) ram: &'a mut Ram,
    /// One byte a page: 0 for a free one, otherwise its process.
    pub(super) owners: Vec<u8>,
    /// Pages from here on are taken.
    lowest: usize,
}

impl<'a> Pages<'a> {
    pub(super) fn new(ram: &'a mut Ram) -> Self {
        let count = (RAM_SIZE / PAGE_SIZE) as usize;
        Pages { ram, owners: vec![0; count], lowest: count }
    }

    /// The next page from the top, for process `owner`: its physical address. None if RAM is full.
    pub(super) fn take(&mut self, owner: u8) -> Option<u32> {
        self.lowest = self.lowest.checked_sub(1)?;
        self.owners[self.lowest] = owner;
        Some(RAM_START + self.lowest as u32 * PAGE_SIZE)
    }

    /// A new address space: root table, context page, and where they are to be found.
    pub(super) fn space(&mut self, pid: u8) -> Option<Space> {
        let space = Space { root: self.take(pid)?, pid };
        self.map(space, ROOT_AT, space.root, READ | WRITE | VALID)?;
        let context = self.take(pid)?;
        self.map(space, CONTEXT_AT, context, READ | WRITE | VALID)?;
        Some(space)
    }

    /// Lets `address` stand for the page at `physical`. Rights of a page that is mapped there already are joined:
    /// segments may share a page.
    pub(super) fn map(&mut self, space: Space, address: u32, physical: u32, flags: u32) -> Option<()> {
        let index = address >> 22;
        let first = space.root - RAM_START + index * 4;
        if self.ram.word(first) & VALID == 0 {
            let table = self.take(space.pid)?;
            self.ram.set_word(first, table >> 12 << 10 | VALID);
            self.map(space, TABLES_AT + index * PAGE_SIZE, table, READ | WRITE | VALID)?;
        }
        let entry = self.entry(space, address)?;
        let before = self.ram.word(entry) & 0x3f;
        self.ram.set_word(entry, physical >> 12 << 10 | flags | ACCESSED_AND_DIRTY | before);
        Some(())
    }

    /// Takes a page and maps it.
    pub(super) fn map_new(&mut self, space: Space, address: u32, flags: u32) -> Option<u32> {
        let page = self.take(space.pid)?;
        self.map(space, address, page, flags)?;
        Some(page)
    }

    /// Loads a program's segments where they are linked, with the rights that its file asks for. Pages that have been
    /// mapped for something else are not touched: None if one is in the way.
    pub(super) fn load(&mut self, space: Space, image: &Image, user: u32) -> Option<()> {
        let mut loaded = BTreeMap::new();
        for segment in &image.segments {
            let mut flags = VALID | READ | user;
            flags |= if segment.writable { WRITE } else { 0 };
            flags |= if segment.executable { EXECUTE } else { 0 };
            let last = segment.address + (segment.size - 1);
            for page in segment.address >> 12..=last >> 12 {
                let address = page << 12;
                let physical = match loaded.get(&page) {
                    Some(physical) => *physical,
                    None if self.find(space, address).is_some() => return None,
                    None => self.take(space.pid)?,
                };
                loaded.insert(page, physical);
                self.map(space, address, physical, flags)?;
                self.fill(physical, address, segment.address, &segment.data);
            }
        }
        Some(())
    }

    /// Copies the part of `data`, which starts at `start`, that falls into the page at `address`.
    fn fill(&mut self, physical: u32, address: u32, start: u32, data: &[u8]) {
        let to = start.saturating_sub(address);
        let from = address.saturating_sub(start) as usize;
        let room = (PAGE_SIZE - to) as usize;
        if let Some(rest) = data.get(from..) {
            self.ram.write(physical - RAM_START + to, &rest[..rest.len().min(room)]);
        }
    }

    /// The page that is mapped at `address`.
    pub(super) fn find(&self, space: Space, address: u32) -> Option<u32> {
        let entry = self.ram.word(self.entry(space, address)?);
        (entry & VALID != 0).then_some(entry >> 10 << 12)
    }

    /// The kernel's part of the address space, which is the same in every process.
    pub(super) fn share_kernel(&mut self, kernel: Space, with: Space) {
        let top = 1023 * 4;
        let entry = self.ram.word(kernel.root - RAM_START + top);
        self.ram.set_word(with.root - RAM_START + top, entry);
    }

    /// Where the entry of `address` stands, if its table exists.
    fn entry(&self, space: Space, address: u32) -> Option<u32> {
        let first = self.ram.word(space.root - RAM_START + (address >> 22) * 4);
        (first & VALID != 0).then(|| (first >> 10 << 12) - RAM_START + (address >> 12 & 0x3ff) * 4)
    }
}

/// An address space: the physical address of its root table, and its process.
#[derive(Clone, Copy)]
pub(super) struct Space {
    pub(super) root: u32,
    pub(super) pid: u8,
}

impl Space {
    /// The value of `satp`.
    pub(super) fn translation(self) -> u32 {
        1 << 31 | u32::from(self.pid) << 22 | self.root >> 12
    }
}
