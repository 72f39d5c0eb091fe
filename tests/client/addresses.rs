//! Names with several addresses, of which the first is dead.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hosted::Program;
use xous_api_websocket::wire::SERVER_NAME;
use xous_api_websocket::{Code, Deadlines, Request, Websocket};

use crate::common::raw::{accept, expect_close, field};
use crate::common::{nothing_is_left, refusal};

const NAME: &str = "twohomes.test";

/// A listener whose queue is full, so that nothing that is sent to it is answered.
struct Silent(Child, u16);

impl Silent {
    /// On 127.0.0.1.
    fn start() -> Self {
        const SCRIPT: &str = "\
import socket, sys
server = socket.create_server(('127.0.0.1', 0), backlog=0)
clients = []
for _ in range(16):
    try:
        clients.append(socket.create_connection(server.getsockname(), timeout=0.3))
    except TimeoutError:
        break
print(server.getsockname()[1], flush=True)
sys.stdin.read()
";
        let mut child = Command::new("python3")
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is installed");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Silent(child, line.trim().parse().unwrap())
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The service, for which the name has two addresses: it sees another `/etc/hosts`. `None` where the PC lets nobody have a
/// view of the file system of his own (`unshare`, util-linux).
fn service_with_hosts() -> Option<Program> {
    const MOUNT: &str = "mount --bind \"$1\" /etc/hosts && exec \"$2\"";
    let namespace = ["--map-root-user", "--mount"];
    if !Command::new("unshare").args(namespace).arg("true").status().is_ok_and(|status| status.success()) {
        eprintln!("unshare is missing or not permitted: src/net/dial.rs has the test of the addresses alone");
        return None;
    }
    let hosts = concat!(env!("CARGO_TARGET_TMPDIR"), "/two-homes");
    std::fs::write(hosts, format!("127.0.0.1 {NAME}\n127.0.0.2 {NAME}\n")).unwrap();
    let service = Program::new("/usr/bin/unshare").args(namespace);
    Some(service.args(["sh", "-c", MOUNT, "sh", hosts, env!("CARGO_BIN_EXE_websocket")]))
}

#[test]
fn a_name_whose_first_address_is_dead_is_open_within_a_second() {
    let Some(service) = service_with_hosts() else { return };
    hosted::test!().service(service, SERVER_NAME).run(|| {
        let silent = Silent::start();
        let listener = TcpListener::bind(("127.0.0.2", silent.1)).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let head = accept(&mut stream);
            expect_close(&mut stream);
            head
        });
        let start = Instant::now();
        let ws = Websocket::open(&Request::new(NAME, silent.1)).unwrap();
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(400), "the first address answers: {took:?}");
        assert!(took < Duration::from_secs(1), "{took:?}");
        ws.close(1000, "").unwrap();
        let host = format!("{NAME}:{}", silent.1);
        assert_eq!(field(&server.join().unwrap(), "Host"), Some(&*host));
        // Now nobody is there but the dead one.
        let deadlines = Deadlines::new().open(Duration::from_millis(700));
        let (code, text) = refusal(&Request::new(NAME, silent.1).options(deadlines));
        assert!(matches!(code, Code::Timeout | Code::Connect), "{text}");
        nothing_is_left();
    });
}
