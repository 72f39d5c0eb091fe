use super::{encode::*, *};

const DATA: u32 = RAM_START + 0x1000;

#[test]
fn register_zero_stays_zero() {
    let cpu = run(&[], &[addi(0, 0, 5), addi(1, 0, 7)]);
    assert_eq!((cpu.x[0], cpu.x[1]), (0, 7));
}

#[test]
fn immediates_are_signed() {
    let cpu = run(&[(5, 10)], &[addi(6, 5, -11), op_immediate(3, 7, 5, -1), op_immediate(7, 8, 5, -2)]);
    assert_eq!(cpu.x[6..9], [u32::MAX, 1, 10]);
}

#[test]
fn shifts_by_immediates_know_their_kind() {
    let program = [
        op_immediate(1, 6, 5, 4),
        op_immediate(5, 7, 5, 4),
        op_immediate(5, 8, 5, 0x400 | 4),
        op_immediate(5, 9, 5, 0x100),
    ];
    let cpu = run(&[(5, 0x8000_0001)], &program);
    assert_eq!(cpu.x[6..9], [0x10, 0x0800_0000, 0xf800_0000]);
    assert_eq!(trapped(&cpu), (2, program[3]));
}

#[test]
fn registers_add_subtract_multiply_and_divide() {
    let program = [op(0, 0, 7, 5, 6), op(0, 0x20, 8, 5, 6), op(0, 1, 9, 5, 6), op(4, 1, 10, 5, 6)];
    let cpu = run(&[(5, 20), (6, 6)], &program);
    assert_eq!(cpu.x[7..11], [26, 14, 120, 3]);
}

#[test]
fn upper_immediates_stand_alone_or_on_the_pc() {
    let cpu = run(&[], &[lui(5, 0xabcd_e000), auipc(6, 0x1000)]);
    assert_eq!(cpu.x[5..7], [0xabcd_e000, RAM_START + 4 + 0x1000]);
}

#[test]
fn loads_extend_by_their_kind() {
    let mut cpu =
        cpu(&[load(0, 6, 5, 1), load(4, 7, 5, 1), load(1, 8, 5, 2), load(5, 9, 5, 2), load(2, 10, 5, 0)]);
    cpu.ram.set_word(0x1000, 0x8765_8321);
    cpu.x[5] = DATA;
    steps(&mut cpu, 5);
    assert_eq!(cpu.x[6..11], [0xffff_ff83, 0x83, 0xffff_8765, 0x8765, 0x8765_8321]);
}

#[test]
fn stores_write_their_width() {
    let cpu =
        run(&[(5, DATA), (6, 0x1122_3344)], &[store(2, 6, 5, 0), store(0, 6, 5, -1), store(1, 6, 5, 6)]);
    assert_eq!(cpu.ram.word(0xffc), 0x4400_0000);
    assert_eq!(cpu.ram.word(0x1000), 0x1122_3344);
    assert_eq!(cpu.ram.word(0x1004), 0x3344_0000);
}

#[test]
fn misaligned_accesses_trap_and_change_nothing() {
    for (word, cause, address) in [
        (load(2, 6, 5, 2), 4, DATA + 2),
        (load(1, 6, 5, 1), 4, DATA + 1),
        (store(2, 6, 5, 1), 6, DATA + 1),
        (store(1, 6, 5, 3), 6, DATA + 3),
    ] {
        // Once aligned before, so that the page is known already.
        let cpu = run(&[(5, DATA), (6, 9)], &[store(2, 0, 5, 0), load(2, 7, 5, 0), word]);
        assert_eq!(trapped(&cpu), (cause, address), "{word:#x}");
        assert_eq!(cpu.x[6], 9);
        assert_eq!(cpu.csr.resume, RAM_START + 8);
    }
}

/// As the bus of a Precursor has it, whose registers do not look at the lane.
#[test]
fn a_narrow_store_to_a_device_has_its_bytes_in_all_lanes() {
    for (function, offset, word) in [
        (0, 0, 0x4444_4444),
        (0, 3, 0x4444_4444),
        (1, 0, 0x3344_3344),
        (1, 2, 0x3344_3344),
        (2, 0, 0x1122_3344),
    ] {
        let cpu = run(&[(5, DEVICE), (6, 0x1122_3344)], &[store(function, 6, 5, offset)]);
        assert_eq!(cpu.devices.value, word, "{function} {offset}");
    }
}

#[test]
fn devices_answer_and_nothing_else_does() {
    let cpu = run(&[(5, DEVICE), (6, 77)], &[store(2, 6, 5, 0), load(2, 7, 5, 0), load(2, 8, 5, 4)]);
    assert_eq!((cpu.devices.value, cpu.x[7]), (77, 77));
    assert_eq!(trapped(&cpu), (5, DEVICE + 4));
    let cpu = run(&[(5, DEVICE)], &[store(2, 0, 5, 4)]);
    assert_eq!(trapped(&cpu), (7, DEVICE + 4));
}

#[test]
fn jumps_link_and_branches_go_both_ways() {
    let mut cpu = cpu(&[jal(1, 12), NOP, jalr(2, 1, 5), branch(1, 0, 1, -4)]);
    steps(&mut cpu, 1);
    assert_eq!((cpu.pc, cpu.x[1]), (RAM_START + 12, RAM_START + 4));
    steps(&mut cpu, 1);
    assert_eq!(cpu.pc, RAM_START + 8);
    steps(&mut cpu, 1);
    assert_eq!((cpu.pc, cpu.x[2]), (RAM_START + 8, RAM_START + 12));
}

#[test]
fn far_jumps_keep_all_their_bits() {
    for offset in [-0x10_0000, 0xf_fffe, 0x800, -2] {
        let mut cpu = cpu(&[]);
        cpu.pc = RAM_START + 0x20_0000;
        cpu.ram.set_word(0x20_0000, jal(1, offset));
        steps(&mut cpu, 1);
        assert_eq!(cpu.pc, (RAM_START + 0x20_0000).wrapping_add(offset as u32));
    }
    for offset in [-0x1000, 0xffe, 0x800, -2] {
        let mut cpu = cpu(&[]);
        cpu.pc = RAM_START + 0x20_0000;
        cpu.ram.set_word(0x20_0000, branch(0, 0, 0, offset));
        steps(&mut cpu, 1);
        assert_eq!(cpu.pc, (RAM_START + 0x20_0000).wrapping_add(offset as u32));
    }
}

#[test]
fn a_jump_leaves_the_lowest_bit_out() {
    let cpu = run(&[(5, RAM_START + 0x101)], &[jalr(5, 5, 0)]);
    assert_eq!((cpu.pc, cpu.x[5]), (RAM_START + 0x100, RAM_START + 4));
}

#[test]
fn a_reservation_is_good_for_one_store() {
    let program = [
        atomic(LR, 6, 5, 0),
        atomic(SC, 7, 5, 8),
        atomic(SC, 9, 5, 8),
        atomic(SC, 10, 11, 8),
        load(2, 12, 5, 0),
    ];
    let cpu = run(&[(5, DATA), (8, 3), (11, DATA + 64)], &program);
    assert_eq!((cpu.x[7], cpu.x[9], cpu.x[10], cpu.x[12]), (0, 1, 1, 3));
    assert_eq!(cpu.ram.word(0x1040), 0);
}

#[test]
fn a_reservation_is_for_its_address() {
    let cpu = run(&[(5, DATA), (11, DATA + 4), (8, 3)], &[atomic(LR, 6, 5, 0), atomic(SC, 7, 11, 8)]);
    assert_eq!((cpu.x[7], cpu.ram.word(0x1004)), (1, 0));
}

#[test]
fn atomics_give_the_old_value_and_keep_the_new() {
    let program = [store(2, 6, 5, 0), atomic(0, 7, 5, 8), atomic(1, 9, 5, 10), load(2, 11, 5, 0)];
    let cpu = run(&[(5, DATA), (6, 40), (8, 2), (10, 7)], &program);
    assert_eq!((cpu.x[7], cpu.x[9], cpu.x[11]), (40, 42, 7));
}

#[test]
fn misaligned_atomics_are_faults_of_a_store() {
    for word in [atomic(0, 7, 5, 8), atomic(SC, 7, 5, 8)] {
        assert_eq!(trapped(&run(&[(5, DATA + 2)], &[word])), (6, DATA + 2));
    }
    assert_eq!(trapped(&run(&[(5, DATA + 2)], &[atomic(LR, 7, 5, 0)])), (4, DATA + 2));
}

#[test]
fn compressed_and_long_instructions_mix_over_the_end_of_a_page() {
    let mut cpu = cpu(&[]);
    // c.nop at 0xffc, then `addi x5, x0, 321` from 0xffe to 0x1002.
    cpu.ram.set_half(0xffc, 0x0001);
    let word = addi(5, 0, 321);
    cpu.ram.set_half(0xffe, word as u16);
    cpu.ram.set_half(0x1000, (word >> 16) as u16);
    cpu.pc = RAM_START + 0xffc;
    steps(&mut cpu, 2);
    assert_eq!((cpu.x[5], cpu.pc, cpu.count), (321, RAM_START + 0x1002, 2));
}

#[test]
fn compressed_jumps_link_to_two_bytes_behind() {
    let mut cpu = cpu(&[0x0000_9502]);
    cpu.x[10] = RAM_START + 0x40;
    steps(&mut cpu, 1);
    assert_eq!((cpu.pc, cpu.x[1]), (RAM_START + 0x40, RAM_START + 2));
}

#[test]
fn unknown_instructions_are_illegal() {
    for word in [0, u32::MAX, op(1, 0x20, 5, 5, 5), op(0, 2, 5, 5, 5), load(3, 5, 0, 0), branch(2, 0, 0, 8)] {
        let cpu = run(&[], &[word]);
        assert_eq!(trapped(&cpu).0, 2, "{word:#x}");
    }
}

#[test]
fn fences_do_nothing() {
    let cpu = run(&[], &[0x0ff0_000f, 0x0000_100f, 0x0000_500f]);
    assert_eq!(cpu.pc, RAM_START + 12);
}
