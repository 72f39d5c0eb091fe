//! What Xous's loader leaves behind: address spaces, arguments, process table, owners of pages, first registers.

mod arguments;
mod elf;
mod page_tables;
mod place;
#[cfg(test)]
mod tests;

use arguments::{Arguments, parameters};
use page_tables::{Pages, READ, Space, USER, VALID, WRITE};

pub use self::elf::ElfError;
pub(crate) use self::{
    arguments::Fit,
    elf::Image,
    place::{check_kernel, check_program},
};
use crate::{
    cpu::Cpu,
    machine::{Board, DEVICES_SIZE, PAGE_SIZE, RAM_SIZE, RAM_START, Ram},
};

/// Where arguments, process table and owners of pages begin.
const ARGUMENTS_AT: u32 = 0xffc0_0000;
/// Where the kernel maps registers of its own, behind the arguments.
const KERNEL_REGISTERS_AT: u32 = 0xffcd_0000;
const KERNEL_STACK_TOP: u32 = 0xfff8_0000;
const TRAP_STACK_TOP: u32 = 0xffff_0000;
const STACK_TOP: u32 = 0x8000_0000;
/// Below 16 MiB, since the kernel keeps 24 bits of what it takes for a size.
const PARAMETERS_AT: u32 = 0x00f0_0000;

/// Which generation of Xous's kernel is booted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Generation {
    /// Kernels as published, of 2023: three words for each process.
    #[default]
    Published,
    /// Kernels of today's xous-core: four words, the fourth being the address of the parameter block.
    Current,
}

impl Generation {
    /// What is assumed of a kernel, for who has given another one.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Generation::Published => "taken for one as published, with three words for each process",
            Generation::Current => "taken for one of today's xous-core, with four words for each process",
        }
    }
}

/// A program to be booted with the kernel.
pub(crate) struct BootProgram {
    pub(crate) name: String,
    pub(crate) image: Image,
    /// The command line, the program's name first.
    pub(crate) words: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
}

impl BootProgram {
    /// The block that it finds its command line and its environment in.
    fn parameters(&self) -> Vec<u8> {
        parameters(&self.words, &self.environment)
    }
}

/// Where the kernel keeps the owners of all pages of RAM, one byte each.
pub(crate) struct Owners {
    /// Offsets in RAM of the pages that hold them, and where in the first of these they begin.
    pages: Vec<u32>,
    start: u32,
    /// Physical addresses of the root tables of the processes, from process 2 on.
    roots: Vec<u32>,
}

impl Owners {
    /// The physical address of a process's root table; 0 where there is no such process.
    pub(crate) fn root(&self, pid: u8) -> u32 {
        let index = usize::from(pid).checked_sub(2);
        index.and_then(|index| self.roots.get(index)).copied().unwrap_or(0)
    }

    /// How many pages of RAM each process owns now, by process.
    pub(crate) fn count(&self, ram: &Ram) -> Vec<u32> {
        let mut counts = vec![0; 256];
        for index in 0..RAM_SIZE / PAGE_SIZE {
            let at = self.start + index;
            let page = self.pages[(at / PAGE_SIZE) as usize];
            counts[usize::from(ram.byte(page + at % PAGE_SIZE))] += 1;
        }
        counts
    }
}

/// Puts the kernel and the programs into RAM, whose places have been checked, and sets the first registers; programs
/// become processes 2, 3 and so on.
/// None if RAM is not enough.
pub(crate) fn boot(
    cpu: &mut Cpu<Board>,
    kernel: &Image,
    generation: Generation,
    programs: &[BootProgram],
) -> Option<Owners> {
    let mut pages = Pages::new(&mut cpu.ram);
    // The loader's two pages of stack stay the kernel's; the suspend server maps the page below.
    for owner in [1, 1, 0] {
        pages.take(owner)?;
    }
    let kernel_space = kernel_space(&mut pages, kernel)?;
    let kernel_stack = KERNEL_STACK_TOP - 16;
    let mut table = vec![process(generation, kernel_space, kernel.entry, kernel_stack)];
    let mut spaces = Vec::new();
    for (pid, program) in (2..=u8::MAX).zip(programs) {
        let space = program_space(&mut pages, pid, program)?;
        table.push(process(generation, space, program.image.entry, STACK_TOP - 16));
        spaces.push(space);
    }
    let placed = place_arguments(&mut pages, kernel_space, generation, programs, &table)?;
    let roots = spaces.iter().map(|space| space.root).collect();
    for space in spaces {
        pages.share_kernel(kernel_space, space);
    }
    cpu.x[2] = kernel_stack;
    cpu.x[10] = ARGUMENTS_AT;
    cpu.x[11] = placed.processes;
    cpu.x[12] = placed.owners;
    cpu.x[13] = placed.owners + RAM_SIZE / PAGE_SIZE;
    // Not a resume after a suspend.
    cpu.x[17] = 0;
    cpu.pc = kernel.entry;
    cpu.csr.translation = kernel_space.translation();
    cpu.user = false;
    let first = placed.owners - ARGUMENTS_AT;
    let skipped = (first / PAGE_SIZE) as usize;
    Some(Owners { pages: placed.pages[skipped..].to_vec(), start: first % PAGE_SIZE, roots })
}

fn kernel_space(pages: &mut Pages<'_>, kernel: &Image) -> Option<Space> {
    let space = pages.space(1)?;
    for top in [KERNEL_STACK_TOP, TRAP_STACK_TOP] {
        pages.map_new(space, top - PAGE_SIZE, READ | WRITE | VALID)?;
    }
    pages.load(space, kernel, 0)?;
    Some(space)
}

/// The kernel itself adds the rest of the stack, the heap and the message area.
fn program_space(pages: &mut Pages<'_>, pid: u8, program: &BootProgram) -> Option<Space> {
    let space = pages.space(pid)?;
    pages.map_new(space, STACK_TOP - PAGE_SIZE, USER | READ | WRITE | VALID)?;
    pages.load(space, &program.image, USER)?;
    let block = program.parameters();
    for (address, part) in (PARAMETERS_AT..).step_by(PAGE_SIZE as usize).zip(block.chunks(PAGE_SIZE as usize))
    {
        let page = pages.map_new(space, address, USER | READ | WRITE | VALID)?;
        pages.ram.write(page - RAM_START, part);
    }
    Some(space)
}

/// A process's row in the kernel's table.
fn process(generation: Generation, space: Space, entry: u32, stack: u32) -> Vec<u8> {
    let words = [space.translation(), entry, stack, PARAMETERS_AT];
    let count = match generation {
        Generation::Published => 3,
        Generation::Current => 4,
    };
    words[..count].iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Where the kernel's tables are: addresses, and the offsets in RAM of their pages.
struct Placed {
    processes: u32,
    owners: u32,
    pages: Vec<u32>,
}

fn place_arguments(
    pages: &mut Pages<'_>,
    kernel: Space,
    generation: Generation,
    programs: &[BootProgram],
    table: &[Vec<u8>],
) -> Option<Placed> {
    let mut arguments = Arguments::new();
    for program in programs {
        let parameters = (generation == Generation::Published).then_some(PARAMETERS_AT);
        arguments.program(&program.image, parameters);
    }
    arguments.names(std::iter::once("kernel").chain(programs.iter().map(|program| program.name.as_str())));
    let mut bytes = arguments.finish();
    let processes = ARGUMENTS_AT + bytes.len() as u32;
    bytes.extend(table.concat());
    let owners = ARGUMENTS_AT + bytes.len() as u32;
    let of_devices = vec![0; (DEVICES_SIZE / PAGE_SIZE) as usize];
    let size = bytes.len() + pages.owners.len() + of_devices.len();
    if size > (KERNEL_REGISTERS_AT - ARGUMENTS_AT) as usize {
        return None;
    }
    // All pages are taken before their owners are written down, those of the tables included.
    let mut placed = Vec::new();
    for address in (ARGUMENTS_AT..).step_by(PAGE_SIZE as usize).take(size.div_ceil(PAGE_SIZE as usize)) {
        placed.push(pages.map_new(kernel, address, READ | WRITE | VALID)? - RAM_START);
    }
    bytes.extend(&pages.owners);
    bytes.extend(of_devices);
    for (offset, part) in placed.iter().zip(bytes.chunks(PAGE_SIZE as usize)) {
        pages.ram.write(*offset, part);
    }
    Some(Placed { processes, owners, pages: placed })
}
