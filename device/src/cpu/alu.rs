//! What instructions compute, apart from where their operands come from. `None` is an illegal encoding.

/// `OP` and `OP-IMM`, without the `M` extension; `alternative` is instruction bit 30 where it has a meaning.
#[inline(always)]
pub(super) fn integer(function: u32, alternative: bool, a: u32, b: u32) -> u32 {
    match function {
        0 if alternative => a.wrapping_sub(b),
        0 => a.wrapping_add(b),
        1 => a << (b & 31),
        2 => u32::from((a as i32) < b as i32),
        3 => u32::from(a < b),
        4 => a ^ b,
        5 if alternative => (a as i32 >> (b & 31)) as u32,
        5 => a >> (b & 31),
        6 => a | b,
        _ => a & b,
    }
}

/// The `M` extension. Division by zero and its overflow give results, not traps (RISC-V Unprivileged, 7.2).
#[inline(always)]
pub(super) fn multiply(function: u32, a: u32, b: u32) -> u32 {
    let (signed_a, signed_b) = (a as i32, b as i32);
    match function {
        0 => a.wrapping_mul(b),
        1 => ((i64::from(signed_a) * i64::from(signed_b)) >> 32) as u32,
        2 => ((i64::from(signed_a) * i64::from(b)) >> 32) as u32,
        3 => ((u64::from(a) * u64::from(b)) >> 32) as u32,
        4 if b == 0 => u32::MAX,
        4 => signed_a.wrapping_div(signed_b) as u32,
        5 => a.checked_div(b).unwrap_or(u32::MAX),
        6 if b == 0 => a,
        6 => signed_a.wrapping_rem(signed_b) as u32,
        _ => a.checked_rem(b).unwrap_or(a),
    }
}

/// Whether a conditional branch is taken.
#[inline(always)]
pub(super) fn branches(function: u32, a: u32, b: u32) -> Option<bool> {
    Some(match function {
        0 => a == b,
        1 => a != b,
        4 => (a as i32) < b as i32,
        5 => a as i32 >= b as i32,
        6 => a < b,
        7 => a >= b,
        _ => return None,
    })
}

/// What an atomic read-modify-write of the `A` extension stores: `old` is in memory, `operand` in the register.
pub(super) fn atomic(function: u32, old: u32, operand: u32) -> Option<u32> {
    Some(match function {
        0x00 => old.wrapping_add(operand),
        0x01 => operand,
        0x04 => old ^ operand,
        0x08 => old | operand,
        0x0c => old & operand,
        0x10 => (old as i32).min(operand as i32) as u32,
        0x14 => (old as i32).max(operand as i32) as u32,
        0x18 => old.min(operand),
        0x1c => old.max(operand),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: u32 = 0x8000_0000;

    #[test]
    fn division_by_zero_and_overflow_have_results() {
        for (function, a, b, expected) in [
            (4, 7, 0, u32::MAX),
            (5, 7, 0, u32::MAX),
            (6, 7, 0, 7),
            (7, 7, 0, 7),
            (4, LEAST, u32::MAX, LEAST),
            (6, LEAST, u32::MAX, 0),
            (4, -7i32 as u32, 2, -3i32 as u32),
            (6, -7i32 as u32, 2, -1i32 as u32),
            (5, u32::MAX, 2, 0x7fff_ffff),
            (7, u32::MAX, 2, 1),
        ] {
            assert_eq!(multiply(function, a, b), expected, "{function} {a:#x} {b:#x}");
        }
    }

    #[test]
    fn upper_halves_of_products_have_their_signs() {
        assert_eq!(multiply(1, u32::MAX, u32::MAX), 0);
        assert_eq!(multiply(2, u32::MAX, u32::MAX), u32::MAX);
        assert_eq!(multiply(3, u32::MAX, u32::MAX), u32::MAX - 1);
        assert_eq!(multiply(1, LEAST, LEAST), 0x4000_0000);
        assert_eq!(multiply(2, LEAST, LEAST), 0xc000_0000);
        assert_eq!(multiply(0, LEAST, 3), LEAST);
    }

    #[test]
    fn shifts_take_five_bits() {
        assert_eq!(integer(1, false, 1, 33), 2);
        assert_eq!(integer(5, false, LEAST, 32 + 31), 1);
        assert_eq!(integer(5, true, LEAST, 31), u32::MAX);
    }

    #[test]
    fn comparisons_have_their_signs() {
        assert_eq!(integer(2, false, u32::MAX, 0), 1);
        assert_eq!(integer(3, false, u32::MAX, 0), 0);
        assert_eq!(branches(4, u32::MAX, 0), Some(true));
        assert_eq!(branches(6, u32::MAX, 0), Some(false));
        assert_eq!(branches(5, 5, 5), Some(true));
        assert_eq!(branches(7, 4, 5), Some(false));
        assert_eq!(branches(2, 0, 0), None);
    }

    #[test]
    fn atomics_choose_by_sign() {
        assert_eq!(atomic(0x10, u32::MAX, 1), Some(u32::MAX));
        assert_eq!(atomic(0x14, u32::MAX, 1), Some(1));
        assert_eq!(atomic(0x18, u32::MAX, 1), Some(1));
        assert_eq!(atomic(0x1c, u32::MAX, 1), Some(u32::MAX));
        assert_eq!(atomic(0x02, 0, 0), None);
    }
}
