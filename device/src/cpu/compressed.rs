//! The `C` extension: each instruction of 16 bits stands for one of 32 (RISC-V Unprivileged, chapter 16).

/// The expansion of every half word; 0, which is illegal, where there is none.
pub(super) fn table() -> Box<[u32]> {
    (0..=u16::MAX).map(|half| expand(u32::from(half)).unwrap_or(0)).collect()
}

const LOAD: u32 = 0x03;
const IMMEDIATE: u32 = 0x13;
const REGISTERS: u32 = 0x33;
const LUI: u32 = 0x37;
const JALR: u32 = 0x67;
const EBREAK: u32 = 0x0010_0073;
const RETURN: u32 = 1;
const STACK: u32 = 2;

fn expand(c: u32) -> Option<u32> {
    match c & 3 {
        0 => first_quadrant(c),
        1 => second_quadrant(c),
        2 => third_quadrant(c),
        _ => None,
    }
}

fn first_quadrant(c: u32) -> Option<u32> {
    let (low, high) = (register(c, 2), register(c, 7));
    let offset = bits(c, 10, 3) << 3 | bits(c, 6, 1) << 2 | bits(c, 5, 1) << 6;
    match c >> 13 {
        0 => {
            let size = bits(c, 11, 2) << 4 | bits(c, 7, 4) << 6 | bits(c, 6, 1) << 2 | bits(c, 5, 1) << 3;
            (size != 0).then(|| immediate(IMMEDIATE, low, 0, STACK, size))
        }
        2 => Some(immediate(LOAD, low, 2, high, offset)),
        6 => Some(store_word(high, low, offset)),
        _ => None,
    }
}

fn second_quadrant(c: u32) -> Option<u32> {
    let rd = bits(c, 7, 5);
    let value = signed(bits(c, 12, 1) << 5 | bits(c, 2, 5), 6);
    match c >> 13 {
        0 => Some(immediate(IMMEDIATE, rd, 0, rd, value)),
        1 => Some(jump(RETURN, jump_offset(c))),
        2 => Some(immediate(IMMEDIATE, rd, 0, 0, value)),
        3 if rd == STACK => {
            let size = bits(c, 12, 1) << 9
                | bits(c, 6, 1) << 4
                | bits(c, 5, 1) << 6
                | bits(c, 3, 2) << 7
                | bits(c, 2, 1) << 5;
            (size != 0).then(|| immediate(IMMEDIATE, STACK, 0, STACK, signed(size, 10)))
        }
        3 => (value != 0).then_some(LUI | rd << 7 | value << 12),
        4 => arithmetic(c, value),
        5 => Some(jump(0, jump_offset(c))),
        function => {
            let offset = bits(c, 12, 1) << 8
                | bits(c, 10, 2) << 3
                | bits(c, 5, 2) << 6
                | bits(c, 3, 2) << 1
                | bits(c, 2, 1) << 5;
            Some(branch(function & 1, register(c, 7), signed(offset, 9)))
        }
    }
}

/// Shifts, `andi`, and the four of two registers.
fn arithmetic(c: u32, value: u32) -> Option<u32> {
    let (rd, rs2) = (register(c, 7), register(c, 2));
    let wide = bits(c, 12, 1) == 1;
    match bits(c, 10, 2) {
        // A shift by more than 31 exists for 64 bits alone.
        0 => (!wide).then(|| immediate(IMMEDIATE, rd, 5, rd, bits(c, 2, 5))),
        1 => (!wide).then(|| immediate(IMMEDIATE, rd, 5, rd, bits(c, 2, 5) | 0x400)),
        2 => Some(immediate(IMMEDIATE, rd, 7, rd, value)),
        _ if wide => None,
        _ => Some(match bits(c, 5, 2) {
            0 => registers(rd, 0, rd, rs2, 0x20),
            1 => registers(rd, 4, rd, rs2, 0),
            2 => registers(rd, 6, rd, rs2, 0),
            _ => registers(rd, 7, rd, rs2, 0),
        }),
    }
}

fn third_quadrant(c: u32) -> Option<u32> {
    let (rd, rs2) = (bits(c, 7, 5), bits(c, 2, 5));
    match c >> 13 {
        0 => (bits(c, 12, 1) == 0).then(|| immediate(IMMEDIATE, rd, 1, rd, rs2)),
        2 => {
            let offset = bits(c, 4, 3) << 2 | bits(c, 12, 1) << 5 | bits(c, 2, 2) << 6;
            (rd != 0).then(|| immediate(LOAD, rd, 2, STACK, offset))
        }
        4 => match (bits(c, 12, 1), rd, rs2) {
            (0, 0, 0) => None,
            (0, _, 0) => Some(immediate(JALR, 0, 0, rd, 0)),
            (0, ..) => Some(registers(rd, 0, 0, rs2, 0)),
            (_, 0, 0) => Some(EBREAK),
            (_, _, 0) => Some(immediate(JALR, RETURN, 0, rd, 0)),
            _ => Some(registers(rd, 0, rd, rs2, 0)),
        },
        6 => Some(store_word(STACK, rs2, bits(c, 9, 4) << 2 | bits(c, 7, 2) << 6)),
        _ => None,
    }
}

fn jump_offset(c: u32) -> u32 {
    let offset = bits(c, 12, 1) << 11
        | bits(c, 11, 1) << 4
        | bits(c, 9, 2) << 8
        | bits(c, 8, 1) << 10
        | bits(c, 7, 1) << 6
        | bits(c, 6, 1) << 7
        | bits(c, 3, 3) << 1
        | bits(c, 2, 1) << 5;
    signed(offset, 12)
}

fn bits(c: u32, lowest: u32, width: u32) -> u32 {
    c >> lowest & ((1 << width) - 1)
}

/// A register field of three bits: registers 8 to 15.
fn register(c: u32, lowest: u32) -> u32 {
    8 + bits(c, lowest, 3)
}

fn signed(value: u32, width: u32) -> u32 {
    ((value << (32 - width)) as i32 >> (32 - width)) as u32
}

fn registers(rd: u32, function: u32, rs1: u32, rs2: u32, upper: u32) -> u32 {
    REGISTERS | rd << 7 | function << 12 | rs1 << 15 | rs2 << 20 | upper << 25
}

fn immediate(opcode: u32, rd: u32, function: u32, rs1: u32, value: u32) -> u32 {
    opcode | rd << 7 | function << 12 | rs1 << 15 | value << 20
}

fn store_word(base: u32, value: u32, offset: u32) -> u32 {
    0x23 | (offset & 0x1f) << 7 | 2 << 12 | base << 15 | value << 20 | (offset >> 5 & 0x7f) << 25
}

fn branch(function: u32, rs1: u32, offset: u32) -> u32 {
    0x63 | bits(offset, 11, 1) << 7
        | bits(offset, 1, 4) << 8
        | function << 12
        | rs1 << 15
        | bits(offset, 5, 6) << 25
        | bits(offset, 12, 1) << 31
}

fn jump(rd: u32, offset: u32) -> u32 {
    0x6f | rd << 7
        | bits(offset, 12, 8) << 12
        | bits(offset, 11, 1) << 20
        | bits(offset, 1, 10) << 21
        | bits(offset, 20, 1) << 31
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs as an assembler writes them with and without compression.
    #[test]
    fn instructions_expand_to_their_long_forms() {
        for (short, long, text) in [
            (0x0001, 0x0000_0013, "nop"),
            (0x4501, 0x0000_0513, "li a0, 0"),
            (0x557d, 0xfff0_0513, "li a0, -1"),
            (0x1141, 0xff01_0113, "addi sp, sp, -16"),
            (0x0141, 0x0101_0113, "addi sp, sp, 16"),
            (0x717d, 0xff01_0113, "addi16sp -16"),
            (0x0808, 0x0101_0513, "addi a0, sp, 16"),
            (0xc606, 0x0011_2623, "sw ra, 12(sp)"),
            (0x40b2, 0x00c1_2083, "lw ra, 12(sp)"),
            (0x8082, 0x0000_8067, "ret"),
            (0x852e, 0x00b0_0533, "mv a0, a1"),
            (0x952e, 0x00b5_0533, "add a0, a0, a1"),
            (0x8d0d, 0x40b5_0533, "sub a0, a0, a1"),
            (0x8d6d, 0x00b5_7533, "and a0, a0, a1"),
            (0x4108, 0x0005_2503, "lw a0, 0(a0)"),
            (0xc14c, 0x00b5_2223, "sw a1, 4(a0)"),
            (0x9002, 0x0010_0073, "ebreak"),
            (0x9502, 0x0005_00e7, "jalr a0"),
            (0x050e, 0x0035_1513, "slli a0, a0, 3"),
            (0x810d, 0x0035_5513, "srli a0, a0, 3"),
            (0x850d, 0x4035_5513, "srai a0, a0, 3"),
            (0x891d, 0x0075_7513, "andi a0, a0, 7"),
            (0x6505, 0x0000_1537, "lui a0, 1"),
            (0xa001, 0x0000_006f, "j ."),
            (0xbffd, 0xfffff06f, "j .-2"),
            (0xc101, 0x0005_0063, "beqz a0, ."),
            (0xfd7d, 0xfe05_1fe3, "bnez a0, .-2"),
        ] {
            assert_eq!(expand(short), Some(long), "{text}");
        }
    }

    #[test]
    fn what_is_reserved_is_illegal() {
        // All zeros, addi4spn of 0, lui of 0, lw to x0, jr x0, floating point, a shift by 32.
        for short in [0x0000, 0x0004, 0x6501, 0x4002, 0x8002, 0x2000, 0x6002, 0x9101, 0x1502] {
            assert_eq!(expand(short), None, "{short:#x}");
        }
    }
}
