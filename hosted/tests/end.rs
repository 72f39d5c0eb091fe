//! Whatever ends the launcher ends its system.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Lines};
use std::os::fd::OwnedFd;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use hosted::{Program, System};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process, pidfd_open, set_child_subreaper, waitid,
};

/// Set for a launcher under test and inherited by its system: how to recognise its processes.
const MARK: &str = "HOSTED_END_TEST";
/// How long ended processes may take to be gone.
const LIMIT: Duration = Duration::from_secs(20);

/// The processes of this host with the mark in their environment.
fn marked(mark: &str) -> BTreeSet<i32> {
    let entry = format!("{MARK}={mark}");
    let numbers = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let has_mark = |number: &i32| {
        // Other processes come and go.
        let environment = std::fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == entry.as_bytes())
    };
    numbers.filter(has_mark).collect()
}

/// What a launcher prints.
type Printed = Lines<BufReader<ChildStdout>>;

/// Starts `test` of this binary again, as a launcher, and waits until its system is up.
fn start_launcher(test: &str, mark: &str) -> (Child, Printed) {
    // A script that starts the tests aside has SIGINT ignored, and so would all that they start.
    let mut launcher = Command::new("env")
        .arg("--default-signal")
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(MARK, mark)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(launcher.stdout.take().unwrap()).lines();
    assert!(
        lines.any(|line| line.unwrap().ends_with("the system is up")),
        "the launcher did not get its system up"
    );
    (launcher, lines)
}

/// What a launcher under test does first: gets a system up and says so.
fn launch() -> System {
    // The TRNG registers itself: then all servers are connected to the kernel.
    let mut system = System::builder()
        .captured()
        .service(Program::new("sleep").arg("600"), "_TRNG manager_")
        .program(Program::new("sleep").arg("600"))
        .start()
        .unwrap();
    system.wait_ready().unwrap();
    println!("the system is up");
    system
}

/// Ends a launcher by `end` and checks that its whole system goes with it.
fn all_end(test: &str, end: impl FnOnce(&mut Child)) {
    let mark = format!("{test}-{}", std::process::id());
    // The orphans of a killed launcher come here, to be reaped.
    set_child_subreaper(Some(rustix::process::getpid())).unwrap();
    let (mut launcher, _printed) = start_launcher(test, &mark);
    // The launcher, the guardian, the kernel, and four servers and two programs with a shell each. The programs may have
    // yet to be started.
    let deadline = Instant::now() + LIMIT;
    let processes = loop {
        let processes = marked(&mark);
        if processes.len() >= 3 + 2 * 6 {
            break processes;
        }
        assert!(Instant::now() < deadline, "{processes:?}");
    };
    let watched: Vec<_> = processes
        .iter()
        .filter(|number| **number != launcher.id() as i32)
        .map(|number| pidfd_open(Pid::from_raw(*number).unwrap(), PidfdFlags::empty()).unwrap())
        .collect();
    let launched = pidfd_open(Pid::from_child(&launcher), PidfdFlags::empty()).unwrap();
    end(&mut launcher);
    let deadline = Instant::now() + LIMIT;
    if !ends_by(&launched, deadline) {
        launcher.kill().unwrap();
        panic!("the launcher does not end");
    }
    launcher.wait().unwrap();
    for process in &watched {
        assert!(ends_by(process, deadline), "of {processes:?}, there are still {:?}", marked(&mark));
        // Only those that came here are ours to reap; the launcher had the others.
        waitid(WaitId::PidFd(rustix::fd::AsFd::as_fd(process)), WaitIdOptions::EXITED).ok();
    }
    assert_eq!(marked(&mark), BTreeSet::new());
}

/// The process of this number ends in time.
fn ends_by(process: &OwnedFd, deadline: Instant) -> bool {
    let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now())).unwrap();
    poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&left)).unwrap() == 1
}

fn is_launcher() -> bool {
    std::env::var_os(MARK).is_some()
}

#[test]
fn a_killed_launcher_leaves_nothing() {
    if is_launcher() {
        launch().wait().unwrap();
    }
    for signal in [Signal::KILL, Signal::INT, Signal::TERM] {
        all_end("a_killed_launcher_leaves_nothing", |launcher| {
            kill_process(Pid::from_child(launcher), signal).unwrap();
        });
    }
}

#[test]
fn a_panicking_launcher_leaves_nothing() {
    if is_launcher() {
        let _system = launch();
        // Until the test closes the other end.
        std::io::stdin().read_line(&mut String::new()).unwrap();
        panic!("as intended");
    }
    all_end("a_panicking_launcher_leaves_nothing", |launcher| drop(launcher.stdin.take()));
}
