use super::{elf::Segment, *};
use crate::{
    cpu::{Access, Space as Rights, walk},
    machine::Options,
};

fn image(address: u32) -> Image {
    let code = Segment { address, size: 0x1800, writable: false, executable: true, data: vec![7; 0x1800] };
    let data = Segment {
        address: address + 0x1800,
        size: 0x2000,
        writable: true,
        executable: false,
        data: vec![9; 16],
    };
    Image { entry: address + 4, segments: vec![code, data] }
}

fn booted(generation: Generation) -> (Cpu<Board>, Owners) {
    let mut cpu = Cpu::new(Ram::new(), Board::new(&Options::default()));
    let program = BootProgram {
        name: "one".into(),
        image: image(0x1_0000),
        words: vec!["one".into(), "--two".into()],
        environment: Vec::new(),
    };
    let owners = boot(&mut cpu, &image(0xffd0_0000), generation, &[program]).unwrap();
    (cpu, owners)
}

/// The first word of a page as a mode finds it.
fn word(cpu: &Cpu<Board>, translation: u32, user: bool, address: u32, access: Access) -> Option<u32> {
    let page = walk(&cpu.ram, Rights { translation, status: 0, user }, address, access).ok()?;
    cpu.ram.physical_word(page + (address & 0xffc))
}

#[test]
fn the_kernel_starts_with_its_arguments_and_tables() {
    let (cpu, owners) = booted(Generation::Published);
    let kernel = cpu.csr.translation;
    let read = |address| word(&cpu, kernel, false, address, Access::Read).unwrap();
    assert_eq!((cpu.pc, cpu.user, cpu.x[17]), (0xffd0_0004, false, 0));
    assert_eq!(read(cpu.x[10]), u32::from_le_bytes(*b"XArg"));
    assert_eq!(read(cpu.x[11]), kernel);
    assert_eq!(cpu.x[12] - cpu.x[11], 2 * 12);
    assert_eq!(read(cpu.x[11] + 16), 0x1_0004);
    assert_eq!(read(ARGUMENTS_AT + 8) * 4, cpu.x[11] - ARGUMENTS_AT);
    let counts = owners.count(&cpu.ram);
    // Root, context, 5 tables (segments, parameters, stack, tables, context), stack, parameters, 4 of segments.
    assert_eq!(counts[2], 2 + 5 + 1 + 1 + 4);
    assert_eq!(counts.iter().sum::<u32>(), RAM_SIZE / PAGE_SIZE);
}

#[test]
fn a_program_has_its_pages_with_the_rights_of_its_file() {
    let (cpu, _) = booted(Generation::Published);
    let kernel = cpu.csr.translation;
    let program = word(&cpu, kernel, false, cpu.x[11] + 12, Access::Read).unwrap();
    assert_eq!(program >> 22 & 0x1ff, 2);
    let find = |address, access| word(&cpu, program, true, address, access);
    assert_eq!(find(0x1_0000, Access::Execute), Some(0x0707_0707));
    assert_eq!(find(0x1_0000, Access::Write), None);
    assert_eq!(find(0x1_2000, Access::Write), Some(0));
    assert_eq!(find(0x1_2000, Access::Execute), None);
    // A page that two segments share has the rights of both.
    assert_eq!(find(0x1_1800, Access::Write), Some(0x0909_0909));
    assert_eq!(find(0x1_17fc, Access::Execute), Some(0x0707_0707));
    assert_eq!(find(PARAMETERS_AT, Access::Read), Some(u32::from_le_bytes(*b"AppP")));
    assert_eq!(find(STACK_TOP - 16, Access::Write), Some(0));
    // The kernel is there, and out of reach.
    assert_eq!(find(0xffd0_0000, Access::Read), None);
    assert_eq!(word(&cpu, program, false, 0xffd0_0000, Access::Execute), Some(0x0707_0707));
}

#[test]
fn current_kernels_have_the_parameters_in_the_table() {
    let (cpu, _) = booted(Generation::Current);
    let read = |address| word(&cpu, cpu.csr.translation, false, address, Access::Read).unwrap();
    assert_eq!(cpu.x[12] - cpu.x[11], 2 * 16);
    assert_eq!(read(cpu.x[11] + 28), PARAMETERS_AT);
    assert_eq!(cpu.x[13] - cpu.x[12], RAM_SIZE / PAGE_SIZE);
}

#[test]
fn what_is_no_program_is_refused() {
    assert!(matches!(Image::parse(b"#!/bin/sh\n"), Err(ElfError::Broken(_))));
    let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    assert!(matches!(Image::parse(&own), Err(ElfError::NotRiscV32)));
}
