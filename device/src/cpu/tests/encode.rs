//! Instruction words.

fn r(opcode: u32, rd: u32, function: u32, rs1: u32, rs2: u32, upper: u32) -> u32 {
    opcode | rd << 7 | function << 12 | rs1 << 15 | rs2 << 20 | upper << 25
}

fn i(opcode: u32, rd: u32, function: u32, rs1: u32, value: i32) -> u32 {
    opcode | rd << 7 | function << 12 | rs1 << 15 | (value as u32 & 0xfff) << 20
}

pub(super) fn addi(rd: u32, rs1: u32, value: i32) -> u32 {
    i(0x13, rd, 0, rs1, value)
}

pub(super) fn op_immediate(function: u32, rd: u32, rs1: u32, value: i32) -> u32 {
    i(0x13, rd, function, rs1, value)
}

pub(super) fn op(function: u32, upper: u32, rd: u32, rs1: u32, rs2: u32) -> u32 {
    r(0x33, rd, function, rs1, rs2, upper)
}

pub(super) fn load(function: u32, rd: u32, rs1: u32, offset: i32) -> u32 {
    i(0x03, rd, function, rs1, offset)
}

pub(super) fn store(function: u32, rs2: u32, rs1: u32, offset: i32) -> u32 {
    let offset = offset as u32;
    0x23 | (offset & 31) << 7 | function << 12 | rs1 << 15 | rs2 << 20 | (offset >> 5 & 0x7f) << 25
}

pub(super) fn branch(function: u32, rs1: u32, rs2: u32, offset: i32) -> u32 {
    let offset = offset as u32;
    0x63 | (offset >> 11 & 1) << 7
        | (offset >> 1 & 15) << 8
        | function << 12
        | rs1 << 15
        | rs2 << 20
        | (offset >> 5 & 0x3f) << 25
        | (offset >> 12 & 1) << 31
}

pub(super) fn jal(rd: u32, offset: i32) -> u32 {
    let offset = offset as u32;
    0x6f | rd << 7
        | offset & 0xf_f000
        | (offset >> 11 & 1) << 20
        | (offset >> 1 & 0x3ff) << 21
        | (offset >> 20 & 1) << 31
}

pub(super) fn jalr(rd: u32, rs1: u32, offset: i32) -> u32 {
    i(0x67, rd, 0, rs1, offset)
}

pub(super) fn lui(rd: u32, value: u32) -> u32 {
    0x37 | rd << 7 | value & 0xffff_f000
}

pub(super) fn auipc(rd: u32, value: u32) -> u32 {
    0x17 | rd << 7 | value & 0xffff_f000
}

pub(super) fn atomic(function: u32, rd: u32, rs1: u32, rs2: u32) -> u32 {
    r(0x2f, rd, 2, rs1, rs2, function << 2)
}

pub(super) const LR: u32 = 2;
pub(super) const SC: u32 = 3;

/// `csrrw` 1, `csrrs` 2, `csrrc` 3; 4 more for the immediate forms.
pub(super) fn csr(function: u32, rd: u32, number: u32, source: u32) -> u32 {
    0x73 | rd << 7 | function << 12 | source << 15 | number << 20
}

pub(super) const ECALL: u32 = 0x73;
pub(super) const EBREAK: u32 = 0x0010_0073;
pub(super) const SRET: u32 = 0x1020_0073;
pub(super) const SFENCE: u32 = 0x1200_0073;
pub(super) const NOP: u32 = 0x13;
