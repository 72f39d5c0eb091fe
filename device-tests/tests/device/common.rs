//! What the tests have in common: systems, and servers on them that are reached from the PC.

use std::net::TcpListener;
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
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
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

/// A system with the service, whose sockets reach the PC's.
pub(crate) fn outside() -> Builder {
    inside().network(Network::Loopback)
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

/// A port that nobody has at this moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Bytes that are different wherever one looks.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 + at / 251 + at / 65_521) as u8).collect()
}
