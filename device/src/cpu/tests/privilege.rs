use super::{encode::*, *};

const SSTATUS: u32 = 0x100;
const SIE_REGISTER: u32 = 0x104;
const SSCRATCH: u32 = 0x140;
const SEPC: u32 = 0x141;
const MASK: u32 = 0x9c0;
const PENDING: u32 = 0xdc0;

#[test]
fn csrs_are_written_set_and_cleared() {
    let program = [
        csr(1, 6, SSCRATCH, 5),
        csr(2, 7, SSCRATCH, 8),
        csr(3, 9, SSCRATCH, 10),
        csr(5, 11, SSCRATCH, 21),
        csr(7, 12, SSCRATCH, 1),
        csr(2, 13, SSCRATCH, 0),
    ];
    let cpu = run(&[(5, 0xf0), (8, 0x0f), (10, 0x81)], &program);
    assert_eq!(
        [cpu.x[6], cpu.x[7], cpu.x[9], cpu.x[11], cpu.x[12], cpu.x[13]],
        [0, 0xf0, 0xff, 0x7e, 21, 20]
    );
}

#[test]
fn only_bits_that_exist_are_kept() {
    let cpu = run(&[(5, u32::MAX)], &[csr(1, 0, SSTATUS, 5), csr(1, 6, SSTATUS, 5), csr(1, 0, SEPC, 5)]);
    assert_eq!(cpu.x[6], 0x000c_0122);
    assert_eq!(cpu.csr.resume, u32::MAX - 1);
}

#[test]
fn unknown_and_read_only_csrs_are_illegal() {
    for word in [csr(1, 0, 0x300, 5), csr(1, 0, PENDING, 5), csr(2, 0, 0xc00, 5), csr(4, 0, SSCRATCH, 5)] {
        assert_eq!(trapped(&run(&[(5, 1)], &[word])), (2, word));
    }
    // Reading one that is read-only is no write.
    assert_eq!(run(&[], &[NOP, csr(2, 6, 0xc00, 0)]).x[6], 2);
}

#[test]
fn time_goes_on_while_the_processor_sleeps() {
    let program = [csr(2, 5, 0xc00, 0), csr(2, 6, 0xc01, 0), csr(2, 7, 0xc81, 0), csr(2, 8, 0xc02, 0)];
    let mut cpu = cpu(&program);
    cpu.devices.slept = 3 << 32 | 1000;
    steps(&mut cpu, program.len() as u64);
    let [cycle, time, upper_time, instructions] = [5, 6, 7, 8].map(|register: usize| cpu.x[register]);
    assert_eq!([time - cycle, upper_time, instructions - cycle], [1001, 3, 3]);
}

#[test]
fn user_mode_has_no_supervisor_csrs_and_no_sret() {
    for word in [csr(2, 5, SSTATUS, 0), SRET, SFENCE, 0x1050_0073] {
        let mut cpu = cpu(&[word]);
        cpu.user = true;
        steps(&mut cpu, 1);
        assert_eq!(trapped(&cpu), (2, word));
        assert!(!cpu.user);
    }
}

#[test]
fn calls_and_breakpoints_have_their_causes() {
    assert_eq!(trapped(&run(&[], &[ECALL])), (9, 0));
    assert_eq!(trapped(&run(&[], &[EBREAK])), (3, RAM_START));
    let mut cpu = cpu(&[ECALL]);
    cpu.user = true;
    steps(&mut cpu, 1);
    assert_eq!(trapped(&cpu), (8, 0));
    assert_eq!(cpu.csr.resume, RAM_START);
}

#[test]
fn a_trap_keeps_mode_and_interrupt_enable_and_sret_restores_them() {
    let mut cpu = cpu(&[ECALL]);
    cpu.user = true;
    cpu.csr.status = csr::SIE;
    steps(&mut cpu, 1);
    assert_eq!(cpu.csr.status, csr::SPIE);
    cpu.ram.set_word(0x8000, SRET);
    cpu.run(cpu.count + 1);
    assert!(cpu.user);
    assert_eq!(cpu.pc, RAM_START);
    assert_eq!(cpu.csr.status, csr::SIE | csr::SPIE);
}

#[test]
fn a_trap_from_supervisor_mode_returns_there() {
    let mut cpu = cpu(&[ECALL]);
    steps(&mut cpu, 1);
    assert_eq!(cpu.csr.status & csr::SPP, csr::SPP);
    cpu.ram.set_word(0x8000, SRET);
    cpu.run(cpu.count + 1);
    assert!(!cpu.user);
    assert_eq!(cpu.csr.status & csr::SPP, 0);
}

fn with_line_up(enable: u32, mask: u32, status: u32, user: bool) -> Cpu<OneRegister> {
    let mut cpu = cpu(&[NOP]);
    cpu.devices.line = true;
    cpu.csr.enable = enable;
    cpu.csr.mask = mask;
    cpu.csr.status = status;
    cpu.user = user;
    cpu.interrupt();
    cpu
}

#[test]
fn an_interrupt_needs_line_mask_enable_and_an_open_mode() {
    for (enable, mask, status, user, taken) in [
        (csr::EXTERNAL, 1 << 5, csr::SIE, false, true),
        (csr::EXTERNAL, 1 << 5, 0, true, true),
        (csr::EXTERNAL, 1 << 5, 0, false, false),
        (csr::EXTERNAL, 1 << 4, csr::SIE, false, false),
        (0, 1 << 5, csr::SIE, false, false),
    ] {
        let cpu = with_line_up(enable, mask, status, user);
        assert_eq!(cpu.pc == VECTOR, taken);
        if taken {
            assert_eq!(trapped(&cpu), (0x8000_0009, 0));
            assert_eq!(cpu.csr.resume, RAM_START);
        }
    }
}

#[test]
fn pending_lines_are_those_that_the_mask_lets_through() {
    let mut cpu = cpu(&[csr(2, 5, PENDING, 0), csr(1, 0, MASK, 6), csr(2, 7, PENDING, 0)]);
    cpu.devices.line = true;
    cpu.x[6] = u32::MAX;
    steps(&mut cpu, 3);
    assert_eq!((cpu.x[5], cpu.x[7]), (0, 1 << 5));
}

#[test]
fn control_goes_back_where_an_interrupt_could_come_in() {
    let mut cpu = cpu(&[NOP, csr(1, 0, SIE_REGISTER, 5), NOP]);
    cpu.run(100);
    assert_eq!(cpu.count, 2);
}

#[test]
fn use_is_booked_by_process_and_mode() {
    let mut cpu = cpu(&[NOP, NOP, ECALL]);
    cpu.user = true;
    cpu.x[10] = 22;
    cpu.x[11] = 4;
    cpu.ram.set_word(0x8000, NOP);
    steps(&mut cpu, 3);
    cpu.run(cpu.count + 1);
    cpu.account();
    let process = cpu.counts.process(0);
    assert_eq!((process.user, process.kernel, process.calls[22]), (3, 1, 1));
    assert_eq!((process.exit, cpu.counts.ended()), (Some((4, 3)), 1));
}
