//! Boot, programs that need nothing outside, and what a run tells.

use device::{End, FaultKind, Outcome};

use crate::common::{inside, programs};

/// Kernel 0.9.37 has 64 processes with itself, of which the log server and the stand-ins are nine.
const MAX_PROGRAMS: usize = 64 - 1 - 9;

#[test]
fn the_service_is_registered() {
    let outcome = inside().until("names: registered _Websocket Service_").run().unwrap();
    outcome.expect_success();
    assert!(outcome.machine_time().as_millis() < 100, "{:?}", outcome.machine_time());
}

/// Boots a file as `cargo xtask device --kernel FILE` does.
fn boot(name: &str, kernel: &[u8]) -> Outcome {
    let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
    std::fs::write(&path, kernel).unwrap();
    let machine = programs().machine_on(&path).service(programs().service);
    let outcome = machine.until("names: registered _Websocket Service_").run();
    std::fs::remove_file(&path).unwrap();
    outcome.unwrap()
}

#[test]
fn a_kernel_that_lies_elsewhere_is_booted() {
    let mut kernel = std::fs::read(programs().kernel).unwrap();
    boot("xous-kernel", &kernel).expect_success();
    kernel.push(b'\n');
    boot("xous-kernel-and-a-byte", &kernel).expect_success();
}

#[test]
fn a_kernel_that_is_taken_for_another_generation_fails_with_its_name() {
    let mut kernel = std::fs::read(programs().kernel).unwrap();
    let text = b"KMAIN (clean boot)";
    let at = kernel.windows(text.len()).position(|window| window == text).unwrap();
    kernel[at] = b'k';
    let outcome = boot("xous-kernel-of-today", &kernel);
    assert_eq!((outcome.end, outcome.faults[0].kind), (End::Failed, FaultKind::Stuck));
    assert!(outcome.failure().contains("four words"), "{}", outcome.failure());
}

#[test]
fn a_client_and_a_server_talk_and_a_run_repeats_to_the_instruction() {
    let run = || {
        let server = programs().example("echo_server");
        let url = "ws://127.0.0.1:8080/echo";
        let arguments = [url, "--send", "hello", "--count", "20"];
        let outcome = inside().service(server).program(programs().example("ws"), &arguments).run().unwrap();
        outcome.expect_success();
        assert!(outcome.log_text().contains("20 sent, 20 received"), "{}", outcome.log_text());
        outcome
    };
    assert_eq!(run(), run());
}

#[test]
fn a_connection_without_the_service_process() {
    let server = programs().example("echo_server");
    let arguments = ["ws://127.0.0.1:8080/echo"];
    let program = programs().example("in_process");
    let outcome = inside().service(server).program(program, &arguments).run().unwrap();
    outcome.expect_success();
    assert!(outcome.log_text().contains("test message"), "{}", outcome.log_text());
}

#[test]
fn a_panic_an_exception_and_an_exit_code_fail_a_run() {
    let outcome = inside().program(programs().trial, &["panic"]).run().unwrap();
    assert_eq!(outcome.end, End::Failed);
    assert_eq!(outcome.faults[0].kind, FaultKind::Panic);
    assert!(!outcome.succeeded());
    let outcome = inside().program(programs().trial, &["overflow"]).run().unwrap();
    assert_eq!((outcome.end, outcome.faults[0].kind), (End::Failed, FaultKind::Exception));
    let outcome = inside().program(programs().trial, &["exit", "3"]).run().unwrap();
    assert_eq!(outcome.process("trial").unwrap().exit_code, Some(3));
    assert!(!outcome.succeeded());
}

#[test]
fn what_a_program_prints_is_no_panic() {
    // It says that it does not know the name.
    let outcome = inside().program(programs().trial, &["PANIC in PID 9"]).run().unwrap();
    assert!(outcome.log_text().contains("PANIC in PID 9"), "{}", outcome.log_text());
    assert_eq!(outcome.end, End::ProgramsEnded);
    assert!(outcome.faults.is_empty(), "{}", outcome.failure());
}

#[test]
fn the_kernel_has_room_for_as_many_programs_as_are_let_in() {
    let machine = (0..MAX_PROGRAMS)
        .fold(programs().machine(), |machine, _| machine.program(programs().trial, &["exit", "0"]));
    machine.run().unwrap().expect_success();
}

#[test]
fn a_run_tells_calls_and_memory_of_each_process() {
    let server = programs().example("echo_server");
    let outcome = inside().service(server).until("/ is ready").run().unwrap();
    outcome.expect_success();
    let service = outcome.process("websocket").unwrap();
    let sent = service.system_calls.iter().find(|(number, _)| device::call_name(*number) == "SendMessage");
    assert!(sent.is_some_and(|(_, count)| *count > 0), "{:?}", service.system_calls);
    let memory = service.memory.as_ref().unwrap();
    // The main thread, the deadlines, the refused, the port.
    assert!(memory.stacks.len() >= 4 && memory.heap > 0 && memory.image > 60, "{memory:?}");
    assert!(service.user_instructions > 10_000 && service.kernel_instructions > 10_000);
}
