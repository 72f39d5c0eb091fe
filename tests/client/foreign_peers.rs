//! Echo servers on Python's `websockets` and npm's `ws`, which are set up on first use.
//! Without python3 (with venv) or node (with npm) they fail and say what to do: nothing else shows that others
//! understand us.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use hosted::packages::{node_modules_with_ws, python_with_websockets};
use hosted::tools::command;
use hosted::{End, Program, System};
use xous_api_websocket::error::{Closed, ReceiveError};
use xous_api_websocket::{CloseCode, Kind, Part, Payload, Request, Websocket};

use crate::common::{example, nothing_is_left, pattern, service, system, unused_port};

/// The sub-protocol of libwebsockets' demonstration.
const MIRROR: &str = "lws-mirror-protocol";

/// A server of another make, which ends with this value.
pub(super) struct Server {
    process: Child,
    pub(super) port: u16,
    /// What it would end without.
    _log: Option<BufReader<ChildStderr>>,
}

impl Server {
    /// Starts it and waits for the port that it prints.
    pub(super) fn start(command: &mut Command) -> Self {
        Self::start_with(command).0
    }

    /// The same, and what it prints behind the port.
    pub(super) fn start_with(command: &mut Command) -> (Self, String) {
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (port, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let port = port.parse().unwrap_or_else(|_| panic!("{command:?} printed {line:?} for its port"));
        (Server { process, port, _log: None }, rest.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[test]
fn python_websockets_understands_us() {
    let python = python_with_websockets();
    let server = || Server::start(Command::new(&python).arg(script("echo.py")));
    system!().run(|| exchange(&server(), "echo"));
    a_thousand_hellos(&server());
}

#[test]
fn npm_ws_understands_us() {
    let modules = node_modules_with_ws();
    let server = || Server::start(command("node").arg(script("echo.cjs")).env("NODE_PATH", &modules));
    system!().run(|| exchange(&server(), "other"));
    a_thousand_hellos(&server());
}

/// Debian's libwebsockets-test-server, which speaks on the sub-protocol that its demonstration page uses, and answers
/// nothing without it. It sends what comes to all clients of a path.
#[test]
fn libwebsockets_understands_us() {
    system!().run(|| {
        let server = libwebsockets();
        let request = Request::new("127.0.0.1", server.port).path("/mirror");
        let ws = Websocket::open(&request.clone().sub_protocol(MIRROR)).unwrap();
        assert_eq!(ws.sub_protocol(), Some(MIRROR));
        for text in ["hello".to_owned(), "x".repeat(125), "x".repeat(126), "x".repeat(2000)] {
            ws.send_text(&text).unwrap();
            assert!(ws.receive_text(2000).unwrap() == text, "{}", text.len());
        }
        assert_eq!(ws.close(CloseCode::NORMAL, "done"), Ok(CloseCode::NORMAL));
        // Without a sub-protocol it never answers: that is said after the time that was asked for.
        let ws = Websocket::open(&request).unwrap();
        ws.send_text("hello").unwrap();
        assert_eq!(ws.receive_for(Duration::from_millis(200)).err(), Some(ReceiveError::NothingCame));
        drop(ws);
        nothing_is_left();
    });
}

/// In the system: everything that both sides have.
fn exchange(server: &Server, chosen: &str) {
    let request = Request::new("127.0.0.1", server.port).path("/echo?x=1");
    let ws = Websocket::open(&request.clone().sub_protocol("other").sub_protocol("echo")).unwrap();
    assert_eq!(ws.sub_protocol(), Some(chosen));
    for len in [0, 1, 125, 126, 65535, 65536, 1 << 20] {
        let text = "x".repeat(len);
        ws.send_text(&text).unwrap();
        assert!(ws.receive_text(len).unwrap() == text, "{len}");
        ws.send_binary(&pattern(len)).unwrap();
        assert!(ws.receive_whole(len).unwrap() == Payload::Binary(pattern(len)), "{len}");
    }
    for (part, text) in [(Part::First, "a "), (Part::Middle, "message "), (Part::Last, "in parts: \u{e9}")] {
        ws.send_fragment(Kind::Text, part, text.as_bytes()).unwrap();
        ws.ping(text.as_bytes()).unwrap();
    }
    assert_eq!(ws.receive_text(100).unwrap(), "a message in parts: \u{e9}");
    assert_eq!(ws.close(4000, "done").map(u16::from), Ok(4000));

    let ws = Websocket::open(&request).unwrap();
    ws.send_text("close 4001 as you wish").unwrap();
    let closed = Closed::new(4001, "as you wish");
    assert_eq!(ws.receive_text(100), Err(ReceiveError::Closed(closed)));
    drop(ws);
    nothing_is_left();
}

/// The client program, as a user runs it.
fn a_thousand_hellos(server: &Server) {
    let url = format!("ws://127.0.0.1:{}/", server.port);
    let client = Program::new(example("ws")).args([&*url, "--send", "hello", "--count", "1000"]);
    let system = System::builder()
        .service(service(), xous_api_websocket::wire::SERVER_NAME)
        .program(client)
        .captured()
        .time_limit(Duration::from_secs(60));
    let mut system = system.start().unwrap();
    let ends = system.wait_programs().unwrap().programs;
    let output = system.output();
    assert_eq!(ends, [End::Exited(0)], "{output}");
    let lines: Vec<&str> = output.lines().collect();
    let (last, replies) = lines.split_last().unwrap();
    assert!(last.starts_with("1000 sent, 1000 received, p50 "), "{last}");
    assert_eq!(replies.len(), 1000);
    assert!(replies.iter().all(|reply| reply.starts_with("hello (")), "{output}");
    println!("{last}");
}

fn libwebsockets() -> Server {
    let port = unused_port();
    let mut server = command("libwebsockets-test-server");
    // Bit 4 of what it logs says that it is ready.
    server.args(["-i", "lo", "-d", "15", "-p", &port.to_string()]);
    let mut process = server.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(process.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("OPERATIONAL") {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "it has ended");
    }
    // Nobody reads what else it logs, which fills no pipe in a test.
    Server { process, port, _log: Some(log) }
}

pub(super) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client/peers").join(name)
}
