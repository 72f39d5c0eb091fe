//! The launcher: what programs get, how their ends arrive, and what ends a system early.

use std::io::{BufRead, BufReader, Write};
use std::time::{Duration, Instant};

use hosted::{Builder, End, Program, RunError, RunFault, System};

fn shell(script: &str) -> Program {
    Program::new("sh").args(["-c", script])
}

fn system() -> Builder {
    System::builder().captured().time_limit(Duration::from_secs(60))
}

fn fault(result: Result<impl Sized, RunError>) -> RunFault {
    result.err().expect("the system does not run to its end").cause
}

/// Where the kernel says that it listens.
fn kernel_address(system: &System) -> String {
    let log = std::fs::read_to_string(system.log()).unwrap();
    log.split_once("listening on ").and_then(|(_, rest)| rest.lines().next()).unwrap().to_owned()
}

#[test]
fn arguments_and_environment_arrive_and_exit_codes_return() {
    let words = ["", "two words", "it's", "$HOME `id` \\ \"x\"; exit 1", "line\nfeed", "*"];
    let mut system = system()
        .program(Program::new("printf").arg("%s|").args(words))
        .program(shell(r#"test "$WORD" = "it's  "'$5' && exit 7"#).env("WORD", "it's  $5"))
        .program(shell("kill -KILL $$"))
        .program(Program::new("no/such/program"))
        .start()
        .unwrap();
    let ends = system.wait_programs().unwrap().programs;
    assert_eq!(ends, [End::Exited(0), End::Exited(7), End::Exited(128 + 9), End::Exited(127)]);
    assert!(system.output().contains(&words.map(|word| format!("{word}|")).concat()), "{}", system.output());
}

#[test]
fn what_a_program_prints_is_read_while_it_runs() {
    let (reader, writer) = std::io::pipe().unwrap();
    let program = shell("echo ready; exec sleep 600");
    let system = System::builder().output_to(writer).program(program).start().unwrap();
    let mut lines = BufReader::new(reader).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    drop(system);
    assert!(lines.next().is_none(), "its end is the program's");
}

#[test]
fn what_cannot_be_passed_on_is_refused() {
    let refused = system().program(Program::new("true").arg("a\0b")).start().err().unwrap();
    assert!(refused.to_string().contains("NUL"), "{refused}");
}

#[test]
fn a_service_is_ready_when_it_is_registered() {
    // The TRNG registers itself, so this service has nothing to do for its name.
    let mut system = system().service(Program::new("sleep").arg("600"), "_TRNG manager_").start().unwrap();
    system.wait_ready().unwrap();
    assert!(system.wait().unwrap().programs.is_empty());
}

#[test]
fn a_program_that_hangs_is_ended_by_the_time_limit() {
    let started = Instant::now();
    let limit = Duration::from_secs(1);
    let system = system().time_limit(limit).program(Program::new("sleep").arg("600")).start().unwrap();
    match fault(system.wait()) {
        RunFault::TimeLimit { limit: reported, waiting_for } => {
            assert_eq!((reported, waiting_for), (limit, vec!["sleep".to_owned()]));
        }
        other => panic!("{other:?}"),
    }
    assert!(started.elapsed() >= limit);
}

#[test]
fn a_service_that_ends_fails_the_system_at_once() {
    let system = system().service(shell("exit 3"), "_Never_").program(Program::new("sleep").arg("600"));
    match fault(system.start().unwrap().wait()) {
        RunFault::ServerEnded { path, status } => assert_eq!((path, status), ("sh".into(), 3)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_kernel_that_takes_too_much_memory_ends_with_its_system() {
    let system = system().memory_limit(1 << 16).program(Program::new("sleep").arg("600")).start().unwrap();
    let error = system.wait().unwrap_err();
    assert!(matches!(error.cause, RunFault::KernelMemory { limit: 0x1_0000, taken: 0x1_0000.. }), "{error}");
    assert!(error.to_string().contains("never frees what messages carried"), "{error}");
    std::fs::remove_dir_all(error.log.parent().unwrap()).unwrap();
}

#[test]
fn a_failure_shows_the_log() {
    let system = system().service(shell("exit 3"), "_Never_").program(Program::new("sleep").arg("600"));
    let error = system.start().unwrap().wait().unwrap_err();
    assert!(error.log_tail.contains("KERNEL: Xous server listening on"), "{error}");
    assert!(error.to_string().contains(&error.log_tail));
    std::fs::remove_dir_all(error.log.parent().unwrap()).unwrap();
}

#[test]
fn two_systems_do_not_meet() {
    let description = system().service(Program::new("sleep").arg("600"), "_TRNG manager_");
    let mut first = description.clone().start().unwrap();
    let (input, mut told) = std::io::pipe().unwrap();
    let mut second =
        description.input_from(input).program(shell("read word && test $word = end")).start().unwrap();
    first.wait_ready().unwrap();
    second.wait_ready().unwrap();
    assert_ne!(kernel_address(&first), kernel_address(&second));
    assert_ne!(first.log(), second.log());
    drop(first);
    // The second runs on until its own program ends.
    told.write_all(b"end\n").unwrap();
    assert_eq!(second.wait().unwrap().programs, [End::Exited(0)]);
}
