//! What the tests have in common: systems, and servers on them that are reached from the PC.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use device::prepare::{Programs, prepare};
use device::{Builder, Memory, Network, Outcome, Running};

#[allow(dead_code, reason = "made for the tests of the server role")]
#[path = "../../../tests/common/browser.rs"]
pub(crate) mod browser;
#[allow(dead_code, reason = "made for the tests of the server role")]
#[path = "../../../tests/common/raw.rs"]
pub(crate) mod raw;

/// The longest that anything is waited for on the PC.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Limits of a system, in machine time, and in the time of a PC that may be busy with other things.
const LIMIT: Duration = Duration::from_secs(60);
pub(crate) const WALL_LIMIT: Duration = Duration::from_secs(180);

/// The programs.
pub(crate) fn programs() -> Programs {
    prepare().unwrap_or_else(|error| panic!("the device's programs are not there: {error}"))
}

/// A system with the service, whose sockets reach each other: it repeats to the instruction.
pub(crate) fn inside() -> Builder {
    let programs = programs();
    let machine = programs.machine().machine_limit(LIMIT).wall_limit(WALL_LIMIT);
    machine.service(&programs.service).network(Network::Inside)
}

/// A system with the service, whose sockets reach the PC's. Machine time passes while it waits for the PC, which may be
/// busy with other things: only the PC's time is limited.
pub(crate) fn outside() -> Builder {
    inside().network(Network::Loopback).machine_limit(WALL_LIMIT)
}

/// A system with a server that is ready for clients.
pub(crate) struct Server {
    pub(crate) running: Running,
    /// Its port, on the PC's 127.0.0.1.
    pub(crate) port: u16,
}

impl Server {
    /// With the demonstration server.
    pub(crate) fn start() -> Self {
        Self::of(outside().program(programs().example("echo_server"), &["--port", "0"]))
    }

    /// With the server that was added last, which tells its URL.
    pub(crate) fn of(builder: Builder) -> Self {
        let mut running = builder.run_beside().unwrap();
        let port = port_told(&mut running);
        Self { running, port }
    }

    pub(crate) fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://127.0.0.1:{}{path}", self.port)
    }

    /// What the service uses now.
    pub(crate) fn memory(&mut self) -> Memory {
        let processes = self.running.processes().unwrap();
        let service = processes.into_iter().find(|process| process.name == "websocket");
        service.and_then(|service| service.memory).expect("the service runs")
    }

    /// Stops the system, in which nothing has failed.
    pub(crate) fn stop(self) -> Outcome {
        let outcome = self.running.stop();
        outcome.expect_success();
        outcome
    }
}

/// The port of the next server that tells that it is ready.
pub(crate) fn port_told(running: &mut Running) -> u16 {
    let line = running.wait_for("/ is ready").unwrap();
    let port = line.text.trim_end_matches("/ is ready").rsplit(':').next();
    port.and_then(|port| port.parse().ok()).expect("a URL with a port")
}

/// A port that nobody has, and that nobody is given who asks for any: it lies below those that Linux gives out.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 10_000;
    const PORTS: u16 = 20_000;
    // Tests of other processes begin elsewhere.
    let begin = std::process::id().wrapping_mul(97);
    loop {
        let number = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed).into()) % u32::from(PORTS);
        let port = FIRST + number as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Bytes that are different wherever one looks.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 + at / 251 + at / 65_521) as u8).collect()
}
