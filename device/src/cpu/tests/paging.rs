use super::{encode::*, *};

const V: u32 = 1;
const R: u32 = 2;
const W: u32 = 4;
const X: u32 = 8;
const U: u32 = 16;

/// Virtual pages of these tests: instructions and data.
const CODE: u32 = 0x0001_0000;
const DATA: u32 = 0x0002_0000;
/// Offsets in RAM.
const ROOT: u32 = 0x4000;
const TABLE: u32 = 0x5000;
const DATA_PAGE: u32 = 0x1000;

fn entry(offset: u32, flags: u32) -> u32 {
    (RAM_START + offset) >> 12 << 10 | flags
}

/// A processor with `program` at `CODE` (`V | X` and `code`), and a page with `flags` at `DATA`.
fn paged(program: &[u32], code: u32, flags: u32) -> Cpu<OneRegister> {
    let mut cpu = cpu(program);
    cpu.ram.set_word(ROOT, entry(TABLE, V));
    cpu.ram.set_word(TABLE + (CODE >> 12) * 4, entry(0, V | X | code));
    cpu.ram.set_word(TABLE + (DATA >> 12) * 4, entry(DATA_PAGE, flags));
    cpu.csr.translation = 1 << 31 | 7 << 22 | (RAM_START + ROOT) >> 12;
    cpu.pc = CODE;
    cpu.x[5] = DATA;
    cpu
}

fn data_access(word: u32, user: bool, flags: u32, status: u32) -> Cpu<OneRegister> {
    let mut cpu = paged(&[word], if user { U } else { 0 }, flags);
    cpu.user = user;
    cpu.csr.status = status;
    steps(&mut cpu, 1);
    cpu
}

#[test]
fn pages_are_found_through_two_tables() {
    let cpu = data_access(store(2, 5, 5, 8), false, V | R | W, 0);
    assert_eq!(cpu.pc, CODE + 4);
    assert_eq!(cpu.ram.word(DATA_PAGE + 8), DATA);
    assert_eq!(cpu.pid(), 7);
}

#[test]
fn rights_of_pages_are_kept() {
    let (read, write) = (load(2, 6, 5, 4), store(2, 6, 5, 4));
    for (word, user, flags, status, fault) in [
        (read, true, V | R | U, 0, None),
        (read, true, V | R, 0, Some(13)),
        (read, true, V | X | U, 0, Some(13)),
        (read, true, V | X | U, csr::MXR, None),
        (read, true, R | W | U, 0, Some(13)),
        (read, false, V | R | U, 0, Some(13)),
        (read, false, V | R | U, csr::SUM, None),
        (write, true, V | R | W | U, 0, None),
        (write, true, V | R | U, 0, Some(15)),
        (write, true, V | W | U, 0, Some(15)),
        (write, true, V | R | W, 0, Some(15)),
        (write, false, V | R | W | U, csr::SUM, None),
        (write, false, 0, 0, Some(15)),
    ] {
        let cpu = data_access(word, user, flags, status);
        match fault {
            Some(cause) => assert_eq!(trapped(&cpu), (cause, DATA + 4), "{word:#x} {user} {flags:#x}"),
            None => assert_eq!(cpu.pc, CODE + 4, "{word:#x} {user} {flags:#x}"),
        }
    }
}

#[test]
fn instructions_need_a_page_of_their_mode_to_execute() {
    for (user, code, status, runs) in [
        (true, V | X | U, 0, true),
        (true, V | R | W | U, 0, false),
        (true, V | X, 0, false),
        (false, V | X, 0, true),
        (false, V | X | U, csr::SUM, false),
    ] {
        let mut cpu = paged(&[NOP], 0, 0);
        cpu.ram.set_word(TABLE + (CODE >> 12) * 4, entry(0, code));
        cpu.user = user;
        cpu.csr.status = status;
        steps(&mut cpu, 1);
        if runs {
            assert_eq!(cpu.pc, CODE + 4);
        } else {
            assert_eq!(trapped(&cpu), (12, CODE));
        }
    }
}

/// Xous ends interrupt handlers and threads by jumps to addresses where nothing is.
#[test]
fn a_jump_to_nowhere_faults_there() {
    let mut cpu = paged(&[jalr(0, 6, 0)], U, 0);
    cpu.user = true;
    cpu.x[6] = 0xff80_2000;
    steps(&mut cpu, 2);
    assert_eq!(trapped(&cpu), (12, 0xff80_2000));
    assert_eq!(cpu.csr.resume, 0xff80_2000);
}

#[test]
fn an_instruction_over_the_end_of_a_page_faults_at_its_other_half() {
    let mut cpu = paged(&[], U, 0);
    cpu.ram.set_half(0xffe, addi(5, 0, 1) as u16);
    cpu.pc = CODE + 0xffe;
    cpu.user = true;
    steps(&mut cpu, 1);
    assert_eq!(trapped(&cpu), (12, CODE + 0x1000));
    assert_eq!(cpu.csr.resume, CODE + 0xffe);
}

#[test]
fn superpages_take_the_rest_of_the_address() {
    let mut cpu = paged(&[store(2, 5, 5, 0)], 0, 0);
    cpu.ram.set_word(ROOT + 2 * 4, RAM_START >> 12 << 10 | V | R | W);
    cpu.x[5] = 2 << 22 | 0x1_2344;
    steps(&mut cpu, 1);
    assert_eq!(cpu.ram.word(0x1_2344), 2 << 22 | 0x1_2344);
    // One that does not start at its own size.
    let mut cpu = paged(&[load(2, 6, 5, 0)], 0, 0);
    cpu.ram.set_word(ROOT + 2 * 4, entry(0x1000, V | R | W));
    cpu.x[5] = 2 << 22;
    steps(&mut cpu, 1);
    assert_eq!(trapped(&cpu), (13, 2 << 22));
}

#[test]
fn tables_and_pages_outside_ram_are_access_faults() {
    let mut cpu = paged(&[load(2, 6, 5, 0)], 0, 0);
    cpu.ram.set_word(ROOT + 4, 0x1000_0000 >> 2 | V);
    cpu.x[5] = 1 << 22;
    steps(&mut cpu, 1);
    assert_eq!(trapped(&cpu), (5, 1 << 22));
    // A second table that points to itself as a pointer is no leaf.
    let cpu = data_access(load(2, 6, 5, 0), false, V, 0);
    assert_eq!(trapped(&cpu), (13, DATA));
}

#[test]
fn a_changed_entry_counts_after_a_fence() {
    let mut cpu = paged(&[load(2, 6, 5, 0), load(2, 6, 5, 0), SFENCE, load(2, 6, 5, 0)], 0, V | R);
    steps(&mut cpu, 1);
    cpu.ram.set_word(TABLE + (DATA >> 12) * 4, 0);
    steps(&mut cpu, 3);
    assert_eq!(trapped(&cpu), (13, DATA));
    assert_eq!(cpu.csr.resume, CODE + 12);
}

#[test]
fn user_mode_does_not_find_what_supervisor_mode_has_looked_up() {
    let mut cpu = paged(&[load(2, 6, 5, 0)], U, V | R);
    cpu.ram.set_word(TABLE + 0x30 * 4, entry(0, V | X));
    cpu.pc = 0x3_0000;
    steps(&mut cpu, 1);
    cpu.user = true;
    cpu.pc = CODE;
    cpu.tlb.leave_page();
    steps(&mut cpu, 1);
    assert_eq!(trapped(&cpu), (13, DATA));
}

#[test]
fn atomics_on_a_page_that_cannot_be_written_are_faults_of_a_store() {
    assert_eq!(trapped(&data_access(atomic(0, 6, 5, 7), false, V | R, 0)), (15, DATA));
    assert_eq!(trapped(&data_access(atomic(0, 6, 5, 7), false, 0, 0)), (15, DATA));
    assert_eq!(trapped(&data_access(atomic(LR, 6, 5, 0), false, 0, 0)), (13, DATA));
}
