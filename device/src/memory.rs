//! RAM of a process by use, as its page tables tell it.
//!
//! The kernel gives memory on first use, so that what is mapped is what was touched. A heap and a stack never shrink
//! while their process or thread lives, so that for these the end tells the most that there was.

use crate::machine::{PAGE_SIZE, Ram};

const VALID: u32 = 1;
const READ: u32 = 1 << 1;
const USER: u32 = 1 << 4;

/// Where the kernel puts what (`kernel/src/arch/riscv/mem.rs` of xous-core).
const HEAP_START: u32 = 0x2000_0000;
const MESSAGES_START: u32 = 0x4000_0000;
const MAPPED_START: u32 = 0x6000_0000;
const USER_END: u32 = 0x8000_0000;
/// Where the kernel keeps the registers of a process's threads: 128 bytes for each, the first 128 for other things.
const CONTEXT_AT: u32 = 0xff80_1000;
const CONTEXT_SIZE: u32 = 128;
/// There, the words of the table of connections: a byte for each, 0 where there is none.
const CONNECTIONS_AT: std::ops::Range<u32> = 9..17;
/// Threads of a process, with the two that serve interrupts and exceptions.
const THREADS: u32 = 31;
/// The first that is a thread of the program.
const FIRST_THREAD: u32 = 2;
/// Within a thread's context, of the stack pointer and of where the thread goes on; 0 where there is no thread.
const STACK_POINTER: u32 = 4;
const RESUME: u32 = 124;

/// Pages of 4096 bytes by use, and connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Code, constants and variables, and the page of arguments.
    pub image: u32,
    /// The heap.
    pub heap: u32,
    /// Pages of messages that it has received and not given back, whosever they are.
    pub messages: u32,
    /// Other pages that it has asked for, registers of devices among them.
    pub mapped: u32,
    /// The stacks of the threads that are there, by number.
    pub stacks: Vec<Stack>,
    /// Connections to servers, of which a process can have 32.
    pub connections: u32,
}

/// The stack of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stack {
    /// The thread; 2 is the main one.
    pub thread: u8,
    /// Pages that were touched.
    pub pages: u32,
    /// Pages that may be.
    pub reserved: u32,
}

/// Address spaces, seen through their page tables.
pub(crate) struct Tables<'a> {
    ram: &'a Ram,
    /// Physical address of the root table.
    root: u32,
}

impl<'a> Tables<'a> {
    pub(crate) fn new(ram: &'a Ram, root: u32) -> Self {
        Tables { ram, root }
    }

    /// What the space is used for.
    pub(crate) fn memory(&self) -> Memory {
        let mut memory =
            Memory { stacks: self.stacks(), connections: self.connections(), ..Memory::default() };
        for address in self.touched() {
            match address {
                ..HEAP_START => memory.image += 1,
                HEAP_START..MESSAGES_START => memory.heap += 1,
                MESSAGES_START..MAPPED_START => memory.messages += 1,
                _ => memory.mapped += 1,
            }
        }
        let in_stacks: u32 = memory.stacks.iter().map(|stack| stack.pages).sum();
        memory.mapped = memory.mapped.saturating_sub(in_stacks);
        memory
    }

    /// Addresses of the pages of the program that have memory.
    fn touched(&self) -> impl Iterator<Item = u32> {
        let tables = (0..USER_END >> 22).filter(|index| self.word(self.root, *index) & VALID != 0);
        let pages = tables.flat_map(|index| (0..1024).map(move |page| index << 22 | page << 12));
        pages.filter(|address| self.entry(*address) & USER != 0 && has_memory(self.entry(*address)))
    }

    /// Where the registers of the process's threads are.
    fn context(&self) -> Option<u32> {
        let context = self.entry(CONTEXT_AT);
        (context & VALID != 0).then_some(context >> 10 << 12)
    }

    fn connections(&self) -> u32 {
        let Some(context) = self.context() else { return 0 };
        let bytes = CONNECTIONS_AT.flat_map(|at| self.word(context, at).to_le_bytes());
        bytes.map(|byte| u32::from(byte != 0)).sum()
    }

    fn stacks(&self) -> Vec<Stack> {
        let Some(context) = self.context() else { return Vec::new() };
        let word = |thread: u32, at: u32| self.word(context, (CONTEXT_SIZE * (thread + 1) + at) / 4);
        let threads = (FIRST_THREAD..THREADS).filter(|thread| word(*thread, RESUME) != 0);
        threads.filter_map(|thread| self.stack(thread, word(thread, STACK_POINTER))).collect()
    }

    /// The readable pages around a stack pointer: there is a guard at both ends that is not, or nothing.
    fn stack(&self, thread: u32, pointer: u32) -> Option<Stack> {
        let is_stack = |address: &u32| *address < USER_END && self.entry(*address) & READ != 0;
        // An empty stack's pointer is behind its end.
        let top = pointer.checked_sub(1)? & !(PAGE_SIZE - 1);
        let down = (0..=top / PAGE_SIZE).map(|page| top - page * PAGE_SIZE).take_while(is_stack);
        let up = (1..).map_while(|page| top.checked_add(page * PAGE_SIZE)).take_while(is_stack);
        let mut stack = Stack { thread: thread as u8, pages: 0, reserved: 0 };
        for address in down.chain(up) {
            stack.reserved += 1;
            stack.pages += u32::from(has_memory(self.entry(address)));
        }
        (stack.reserved > 0).then_some(stack)
    }

    /// The entry of the page at `address`; 0 where there is no table for it.
    fn entry(&self, address: u32) -> u32 {
        let first = self.word(self.root, address >> 22);
        if first & VALID == 0 { 0 } else { self.word(first >> 10 << 12, address >> 12 & 0x3ff) }
    }

    /// A word of the page at a physical address. Outside RAM there are none, and 0 is no valid entry.
    fn word(&self, page: u32, index: u32) -> u32 {
        self.ram.physical_word(page + index * 4).unwrap_or(0)
    }
}

/// Whether the entry of a page names memory. That of a page which the process has lent does, although it is not valid
/// until it comes back.
fn has_memory(entry: u32) -> bool {
    entry >> 10 != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::RAM_START;

    const ROOT: u32 = RAM_START;

    /// Maps pages: the tables follow the root, each at its index in the list of those in use.
    fn map(ram: &mut Ram, tables: &mut Vec<u32>, address: u32, entry: u32) {
        let index = address >> 22;
        let at = tables.iter().position(|table| *table == index).unwrap_or_else(|| {
            tables.push(index);
            tables.len() - 1
        });
        let table = ROOT + PAGE_SIZE * (at as u32 + 1);
        ram.set_word(ROOT - RAM_START + index * 4, table >> 12 << 10 | VALID);
        ram.set_word(table - RAM_START + (address >> 12 & 0x3ff) * 4, entry);
    }

    #[test]
    fn pages_are_told_by_their_place_and_stacks_by_their_threads() {
        let mut ram = Ram::new();
        let mut tables = Vec::new();
        let context = ROOT + 64 * PAGE_SIZE;
        let there = VALID | READ | USER | 0x10_0000 << 10;
        let lent = there & !VALID;
        let reserved = READ | USER;
        map(&mut ram, &mut tables, CONTEXT_AT, context >> 12 << 10 | VALID | READ);
        for address in [0x1_0000, 0x1_1000, HEAP_START, MESSAGES_START, MAPPED_START] {
            map(&mut ram, &mut tables, address, there);
        }
        map(&mut ram, &mut tables, HEAP_START + PAGE_SIZE, reserved);
        // Main thread: two pages of four, one of them lent; a second one: one of two, between guards.
        for (page, entry) in [(1, there), (2, lent), (3, reserved), (4, reserved)] {
            map(&mut ram, &mut tables, USER_END - page * PAGE_SIZE, entry);
        }
        let second = MAPPED_START + 0x10_0000;
        for (page, entry) in [(0, 1 << 2), (1, reserved), (2, there), (3, 1 << 2)] {
            map(&mut ram, &mut tables, second + page * PAGE_SIZE, entry);
        }
        for (thread, pointer) in [(2, USER_END - 16), (5, second + 3 * PAGE_SIZE)] {
            let at = context - RAM_START + CONTEXT_SIZE * (thread + 1);
            ram.set_word(at + STACK_POINTER, pointer);
            ram.set_word(at + RESUME, 0x1_0000);
        }
        for (word, connections) in [(8, 0x5), (9, 0x0203_0400), (16, 0x1100_0000), (17, 0x7)] {
            ram.set_word(context - RAM_START + word * 4, connections);
        }
        let memory = Tables::new(&ram, ROOT).memory();
        assert_eq!(memory.connections, 4);
        let stacks = [Stack { thread: 2, pages: 2, reserved: 4 }, Stack { thread: 5, pages: 1, reserved: 2 }];
        assert_eq!(memory.stacks, stacks);
        assert_eq!((memory.image, memory.heap, memory.messages, memory.mapped), (2, 1, 1, 1));
    }
}
