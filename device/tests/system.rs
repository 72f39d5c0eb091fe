//! The machine from outside: small hand-assembled kernels and programs, and what a run tells of them.

use std::{path::PathBuf, time::Duration};

use device::{Builder, ElfError, End, FaultKind, Generation, Machine, StartError};

const KERNEL_AT: u32 = 0xffd0_0000;
const PROGRAM_AT: u32 = 0x0001_0000;

/// Enters process 2 as the kernel's table tells it, and comes back to a loop.
const KERNEL: [u32; 10] = [
    0x0000_0297, // auipc t0, 0
    0x0242_8293, // addi t0, t0, 36: the loop
    0x1052_9073, // csrw stvec, t0
    0x00c5_a283, // lw t0, 12(a1): satp
    0x0105_a303, // lw t1, 16(a1): entry
    0x0145_a103, // lw sp, 20(a1)
    0x1413_1073, // csrw sepc, t1
    0x1802_9073, // csrw satp, t0
    0x1020_0073, // sret
    0x0000_006f, // j .
];

/// Ends with 7: `li a0, 22; li a1, 7; ecall`.
const ENDS: [u32; 3] = [0x0160_0513, 0x0070_0593, 0x0000_0073];
/// Never ends.
const LOOPS: [u32; 1] = [0x0000_006f];

/// A kernel that maps its UART with its own tables, writes `text` and a line end, and loops.
fn writing_kernel(text: &str) -> Vec<u32> {
    let mut words = vec![
        0xff7f_f2b7, // lui t0, 0xff7ff: the table of the addresses from 0xffc00000 on
        0x3c00_1337, // lui t1, 0x3c001
        0x4073_0313, // addi t1, t1, 0x407: the UART's page, valid, to be read and written
        0x3c62_a023, // sw t1, 0x3c0(t0): at 0xffcf0000
        0xffcf_03b7, // lui t2, 0xffcf0
    ];
    for byte in text.bytes().chain(*b"\n") {
        // li a0, byte; sw a0, 0(t2)
        words.extend([0x513 | u32::from(byte) << 20, 0x00a3_a023]);
    }
    words.extend(LOOPS);
    words
}

/// An ELF file with one segment, which may be read and executed.
fn elf(name: &str, address: u32, words: &[u32]) -> PathBuf {
    let size = words.len() as u32 * 4;
    let mut file = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    // Executable, RISC-V; version, entry, program headers at 52, no sections, flags.
    file.extend([2, 0, 0xf3, 0]);
    for word in [1, address, 52, 0, 0] {
        file.extend(u32::to_le_bytes(word));
    }
    for half in [52u16, 32, 1, 40, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    for word in [1, 84, address, address, size, size, 5, 4096] {
        file.extend(u32::to_le_bytes(word));
    }
    words.iter().for_each(|word| file.extend(word.to_le_bytes()));
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.elf"));
    std::fs::write(&path, file).unwrap();
    path
}

/// Each test has files of its own: they run at the same time.
fn machine(test: &str) -> Builder {
    Machine::builder(elf(&format!("{test}-kernel"), KERNEL_AT, &KERNEL)).wall_limit(Duration::from_secs(20))
}

#[test]
fn a_program_ends_with_its_code_and_its_use_is_counted() {
    let program = elf("ending-program", PROGRAM_AT, &ENDS);
    let outcome = machine("ending").program(program, &["--loud"]).run().unwrap();
    assert_eq!(outcome.end, End::ProgramsEnded);
    let process = outcome.process("ending-program").unwrap();
    assert_eq!((process.pid, process.exit_code), (2, Some(7)));
    assert_eq!((process.user_instructions, process.kernel_instructions), (3, 1));
    assert_eq!(process.system_calls, [(22, 1)]);
    assert!(process.pages > 4);
    assert_eq!(outcome.processes[0].kernel_instructions, 8);
    assert_eq!(outcome.instructions, 12);
    assert!(outcome.faults.is_empty());
}

#[test]
fn runs_repeat_to_the_instruction() {
    let program = elf("repeating-program", PROGRAM_AT, &ENDS);
    let run = || machine("repeating").program(&program, &[]).run().unwrap();
    assert_eq!(run(), run());
}

#[test]
fn a_limit_in_machine_time_is_exact() {
    let program = elf("looping-program", PROGRAM_AT, &LOOPS);
    let limit = Duration::from_millis(15);
    let outcome = machine("looping").program(program, &[]).machine_limit(limit).run().unwrap();
    assert_eq!(outcome.end, End::MachineTime);
    assert_eq!(outcome.machine_time(), limit);
    assert_eq!(outcome.instructions, 1_500_000);
}

#[test]
fn a_limit_in_the_pcs_time_ends_a_loop() {
    let program = elf("endless-program", PROGRAM_AT, &LOOPS);
    let machine = machine("endless").program(program, &[]).machine_limit(Duration::MAX);
    let outcome = machine.wall_limit(Duration::from_millis(50)).run().unwrap();
    assert_eq!(outcome.end, End::WallTime);
}

#[test]
fn a_line_of_the_log_ends_a_run() {
    let kernel = elf("writing-kernel", KERNEL_AT, &writing_kernel("all is well"));
    let outcome =
        Machine::builder(kernel).machine_limit(Duration::from_secs(1)).until("is well").run().unwrap();
    assert_eq!(outcome.end, End::Logged);
    assert_eq!(outcome.log[0].text, "all is well");
    assert!(outcome.succeeded());
}

#[test]
fn a_failure_ends_a_run_after_a_moment_for_the_log() {
    let text = "PROGRAM HALT: CPU Exception on PID 2: Load page fault";
    let kernel = elf("failing-kernel", KERNEL_AT, &writing_kernel(text));
    let program = elf("failing-program", PROGRAM_AT, &LOOPS);
    let outcome =
        Machine::builder(kernel).machine_limit(Duration::from_secs(1)).program(program, &[]).run().unwrap();
    assert_eq!(outcome.end, End::Failed);
    assert_eq!((outcome.faults[0].pid, outcome.faults[0].kind), (Some(2), FaultKind::Exception));
    assert_eq!(outcome.machine_time().as_millis(), 20);
    assert!(!outcome.succeeded());
}

#[test]
fn an_exit_code_but_0_is_no_success() {
    let program = elf("seven-program", PROGRAM_AT, &ENDS);
    assert!(!machine("seven").program(program, &[]).run().unwrap().succeeded());
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let missing = Machine::builder("no/such/kernel").run();
    assert!(matches!(missing, Err(StartError::File(path, _)) if path.ends_with("no/such/kernel")));
    let foreign = machine("foreign").program(std::env::current_exe().unwrap(), &[]).run();
    assert!(matches!(foreign, Err(StartError::Elf(..))));
}

#[test]
fn what_lies_where_nothing_may_is_named() {
    let out_of_place = |result| matches!(result, Err(StartError::Elf(_, ElfError::OutOfPlace)));
    // The parameters, the stack, the tables, the root table, the arguments, the kernel.
    for address in [0x00f0_0000, 0x7fff_f000, 0xff40_0000, 0xff80_0000, 0xffc0_0000, KERNEL_AT] {
        let program = elf(&format!("misplaced-{address:x}"), address, &LOOPS);
        assert!(out_of_place(machine("misplaced").program(program, &[]).run()), "{address:x}");
    }
    for address in [PROGRAM_AT, 0xff80_0000, 0xfff7_f000] {
        let kernel = elf(&format!("misplaced-kernel-{address:x}"), address, &LOOPS);
        assert!(out_of_place(Machine::builder(kernel).run()), "{address:x}");
    }
}

#[test]
fn more_than_fits_into_ram_is_refused() {
    let program = elf("many-program", PROGRAM_AT, &vec![0; 80 << 10]);
    let mut machine = machine("many");
    for _ in 0..60 {
        machine = machine.service(&program);
    }
    assert!(matches!(machine.run(), Err(StartError::RamFull)));
}

#[test]
fn more_programs_than_processes_are_refused() {
    let program = elf("crowd-program", PROGRAM_AT, &LOOPS);
    let crowd = |programs| {
        let machine =
            machine("crowd").machine_limit(Duration::from_millis(1)).service(&program).service(&program);
        (0..programs).fold(machine, |machine, _| machine.program(&program, &[])).run()
    };
    assert_eq!(crowd(61).unwrap().end, End::MachineTime);
    let error = crowd(62).err().unwrap().to_string();
    assert!(error.contains("62 programs beside 2 services") && error.contains("leaves 61"), "{error}");
}

#[test]
fn what_a_program_could_not_be_told_is_refused() {
    let program = elf("told-much-program", PROGRAM_AT, &LOOPS);
    let machine = || machine("told-much").machine_limit(Duration::from_millis(1));
    let (most, long) = ("x".repeat(65_535), "x".repeat(65_536));
    let fits = machine().program(&program, &[&most]).named("a").variable("KEY", &most);
    assert_eq!(fits.run().unwrap().end, End::MachineTime);
    let argument = machine().program(&program, &[&long]).named("a").run().err().unwrap();
    assert_eq!(argument.to_string(), "an argument of a is longer than 65,535 bytes");
    let variable = machine().service(&program).named("b").variable("KEY", &long).run();
    assert!(matches!(variable, Err(StartError::LongVariable(name)) if name == "b"));
    let many = machine().program(&program, &vec![""; 65_535]).run();
    assert!(matches!(many, Err(StartError::TooManyArguments(_))));
}

/// Jumps to nowhere, and has nothing that could handle that.
const LOST: [u32; 2] = [0xdead_0337, 0x0003_0067];

#[test]
fn a_kernel_that_cannot_handle_its_own_fault_ends_the_run() {
    let kernel = elf("lost-kernel", KERNEL_AT, &LOST);
    let outcome = Machine::builder(kernel).machine_limit(Duration::MAX).run().unwrap();
    assert_eq!((outcome.end, outcome.faults[0].kind), (End::Failed, FaultKind::Stuck));
    let why = outcome.failure();
    assert!(why.contains("does not start") && why.contains("three words"), "{why}");
    assert!(why.contains("pc 0xdead0000, cause 12, value 0xdead0000"), "{why}");
}

#[test]
fn a_kernel_that_does_nothing_ends_the_run() {
    let kernel = elf("idle-kernel", KERNEL_AT, &LOOPS);
    let machine = Machine::builder(kernel).generation(Generation::Current).machine_limit(Duration::MAX);
    let outcome = machine.run().unwrap();
    assert_eq!((outcome.end, outcome.faults[0].kind), (End::Failed, FaultKind::Stuck));
    assert!(outcome.instructions < 110_000_000, "{}", outcome.instructions);
    let why = outcome.failure();
    assert!(why.contains("does not start") && why.contains("four words"), "{why}");
}

#[test]
#[should_panic(expected = "the emulator has panicked")]
fn nobody_waits_for_an_emulator_that_has_panicked() {
    let kernel = elf("watched-kernel", KERNEL_AT, &writing_kernel("all is well"));
    let machine = Machine::builder(kernel).watch(|_| panic!("as the test wants it"));
    let mut running = machine.run_beside().unwrap();
    // The first questions may come before the line.
    while running.machine_time().is_ok() {}
}

#[test]
fn a_machine_is_asked_and_stopped_while_it_runs() {
    let program = elf("stopped-program", PROGRAM_AT, &LOOPS);
    let mut running = machine("stopped").program(program, &[]).run_beside().unwrap();
    let processes = running.processes().unwrap();
    assert_eq!((&*processes[1].name, processes[1].exit_code), ("stopped-program", None));
    let outcome = running.stop();
    assert_eq!(outcome.end, End::Stopped);
    assert!(outcome.instructions >= processes[1].user_instructions);
}

#[test]
fn ends_of_programs_are_lines_of_the_log() {
    let program = elf("told-program", PROGRAM_AT, &ENDS);
    let mut running = machine("ending").program(program, &[]).named("seven").run_beside().unwrap();
    running.wait_for("seven has ended with 7").unwrap();
    let told = running.wait_for("anything else").unwrap_err();
    assert!(told.contains("ProgramsEnded") && told.contains("seven has ended with 7"), "{told}");
    assert!(running.processes().is_err(), "nobody is there who could answer");
}
