//! The test harness: what it passes, and what it must not pass.

use hosted::{hear, tell};

/// Not the test function: the runner inside finds no test of this name.
fn misplaced() {
    hosted::test!().run(|| {});
}

#[test]
fn roles_are_processes_and_talk() {
    hosted::test!()
        .role("left", || {
            tell("right", &xous::process::id().to_string());
            assert_eq!(hear(), "thanks");
        })
        .role("right", || {
            assert_ne!(hear(), xous::process::id().to_string());
            tell("left", "thanks");
        })
        .run_roles();
}

#[test]
#[should_panic(expected = "exited with 101 before the end of its body")]
fn a_panic_in_a_body_fails() {
    hosted::test!().run(|| panic!("as intended"));
}

#[test]
#[should_panic(expected = "the Xous process 'second' exited with 101")]
fn a_panic_in_one_role_fails_though_another_waits() {
    hosted::test!().role("first", || drop(hear())).role("second", || panic!("as intended")).run_roles();
}

#[test]
#[should_panic(expected = "exited with 0 before the end of its body")]
fn a_body_that_exits_early_fails() {
    hosted::test!().run(|| std::process::exit(0));
}

#[test]
#[should_panic(expected = "exited with 0 before the end of its body")]
fn a_test_that_does_not_run_fails() {
    misplaced();
}

#[test]
#[should_panic(expected = "not done after 1 s")]
fn a_body_that_hangs_fails() {
    hosted::test!().time_limit(std::time::Duration::from_secs(1)).run(|| drop(hear()));
}

#[test]
#[should_panic(expected = "the Xous kernel ended")]
fn a_client_that_ends_with_its_kernel_has_not_succeeded() {
    hosted::test!().run(|| {
        // The shell that started this process was started by the kernel.
        let shell = std::os::unix::process::parent_id();
        let status = std::fs::read_to_string(format!("/proc/{shell}/stat")).unwrap();
        let kernel = status.split(' ').nth(3).unwrap().parse().unwrap();
        let kernel = rustix::process::Pid::from_raw(kernel).unwrap();
        rustix::process::kill_process(kernel, rustix::process::Signal::KILL).unwrap();
        // The Xous library exits with 0 when the kernel's connection ends, on a thread of its own.
        loop {
            std::thread::park();
        }
    });
}

mod nested {
    #[test]
    fn a_test_in_a_module_is_found() {
        hosted::test!().run(|| assert!(xous::process::id() > 1));
    }
}
