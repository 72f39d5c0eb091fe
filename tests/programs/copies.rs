//! The examples that people copy: each does its work against a peer in Python, is short, and has no `unsafe`.

use std::path::Path;
use std::process::{Command, Stdio};

use hosted::packages::python_with_websockets;

use crate::common::python::Python;
use crate::running::{Running, run};

/// Lines that an example has at most.
const MAX_LINES: usize = 79;

fn source(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).with_extension("rs");
    std::fs::read_to_string(path).unwrap()
}

/// A server in Python, on the same port whenever it is started: below those that the system gives to others.
fn server(script: &str, ports: u16) -> Python {
    let port = ports + u16::try_from(std::process::id() % 10_000).unwrap();
    Python::start(&format!("programs/peers/{script}.py"), &[&port.to_string()])
}

/// What a script that talks with a server prints.
fn script(name: &str, arguments: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/peers").join(name);
    let output = Command::new(python_with_websockets())
        .arg(script)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
}

#[test]
fn they_are_short_and_safe() {
    for name in ["home_assistant", "signal", "chat", "inbox", "seed_004"] {
        let source = source(name);
        assert!(source.lines().count() <= MAX_LINES, "{name} has {} lines", source.lines().count());
        // What stands in its example stands in seed 004.
        assert!(name == "seed_004" || !source.contains("unsafe"), "{name}");
    }
}

#[test]
fn home_assistant_asks_and_asks_again_when_the_server_is_back() {
    let mut home = server("home_assistant", 11_000);
    let url = home.url("/api/websocket");
    let program = Running::start("home_assistant", &[&url, "good"]);
    // Closed by the server between the two; then it is killed, and another one comes.
    for visit in [1, 2, 1] {
        assert_eq!(program.line(), format!("\"light.hall\" is \"on {visit}\""));
        assert_eq!(program.line(), "3000 states");
        assert_eq!(program.line(), format!("\"light.hall\" is \"off {visit}\""));
        if visit == 2 {
            drop(home);
            home = server("home_assistant", 11_000);
        }
    }
    drop(program);
    let refused = run("home_assistant", &[&url, "bad"], "");
    assert!(refused.code == 1 && refused.output.contains("Invalid access token"), "{}", refused.output);
    drop(home);
}

#[test]
fn signal_answers_shows_that_it_lives_and_comes_back() {
    let mut peer = server("signal_server", 21_000);
    let url = format!("ws://me:pass%20word@127.0.0.1:{}/v1/websocket/?agent=xous", peer.port);
    let mut program = Running::start("signal", &[&url, "1"]);
    // Broken off by the server between the two; then it is killed, and another one comes.
    for connection in [1, 2, 1] {
        let body = format!("{connection}:{}", "x".repeat(20_000));
        assert_eq!(program.line(), format!("{} bytes: 00000001{body}", 8 + body.len()));
        assert_eq!(peer.line(), "answer b'00000001'");
        assert_eq!(peer.line_after("alive").len(), 0);
        program.write(&format!("typed {connection}"));
        peer.line_after(&format!("got b'typed {connection}'"));
        if connection == 2 {
            drop(peer);
            peer = server("signal_server", 21_000);
        }
    }
    drop(program);
    let wrong = run("signal", &[&url.replace("me:", "you:")], "");
    assert!(wrong.code == 1 && wrong.output.contains("401"), "{}", wrong.output);
}

#[test]
fn the_chat_has_rooms() {
    let chat = Running::start("chat", &["0"]);
    let line = chat.line();
    assert_eq!(script("chat.py", &[line.strip_suffix(" is ready").unwrap()]), "ok\n");
}

#[test]
fn the_inbox_takes_and_shows_files() {
    let inbox = Running::start("inbox", &["0", "me", "secret"]);
    let line = inbox.line();
    assert_eq!(script("inbox.py", &[line.strip_suffix("files/ is ready").unwrap(), "me:secret"]), "ok\n");
}

#[test]
fn seed_004_runs() {
    let server = Python::start("programs/peers/server.py", &[]);
    let ended = run("seed_004", &["127.0.0.1", &server.port.to_string()], "");
    assert_eq!((ended.code, ended.output.as_str()), (0, "test message\n"));
    assert_eq!((server.line(), server.line()), ("open /test".into(), "closed 1000 1".into()));
}

/// Each line of the example that it takes the place of is there, in order; host and port are those of the test.
#[test]
fn seed_004_is_word_for_word() {
    let ours = source("seed_004");
    let mut lines = ours.lines();
    for line in include_str!("peers/seed_004.txt").lines().filter(|line| !line.is_empty()) {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let expected = match words(line).as_str() {
            "\"signal.org\", // host" => "host, // host".to_owned(),
            "Some(1337), // port" => "Some(port), // port".to_owned(),
            ")" => ");".to_owned(),
            other => other.to_owned(),
        };
        assert!(lines.any(|line| words(line).ends_with(&expected)), "{expected}");
    }
}
