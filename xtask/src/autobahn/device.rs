//! The service on an emulated device as the system under test: the ELF files that go onto a device, and the example
//! `conformance` as its client or server. What its sockets reach is this machine's loopback interface.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use ::device::prepare::prepare;
use ::device::{Builder, Network, Running};

use crate::{Failure, toolchain};

/// The example.
const PROGRAM: &str = "conformance";
/// How long the server may take to listen.
const START_LIMIT: Duration = Duration::from_secs(60);

/// As [`super::core::run_client`], by a program that opens its connections through the service on a device.
pub(super) fn run_client(url: &str) -> Result<(), Failure> {
    let outcome = machine(&["--connect", url])?.run()?;
    if outcome.succeeded() { Ok(()) } else { Err(Failure::Other(outcome.failure())) }
}

/// As [`super::core::run_server`], by a program that listens through the service on a device. Prints the port when it
/// is ready.
pub(super) fn run_server(address: SocketAddr) -> Result<(), Failure> {
    if !address.ip().is_loopback() {
        let ip = address.ip();
        return Err(Failure::Usage(format!("on the device it listens on 127.0.0.1, not on {ip}")));
    }
    let server = Server::start(address.port())?;
    println!("{}", server.address.port());
    Err(Failure::Other(server.running.wait().failure()))
}

/// The server on a device of its own, which ends with this value.
pub(super) struct Server {
    running: Running,
    pub(super) address: SocketAddr,
}

impl Server {
    /// Starts it on this port, or on any if that is 0, and waits until it listens.
    pub(super) fn start(port: u16) -> Result<Self, Failure> {
        let (builder, ports) = tell_port(machine(&["--listen", &port.to_string()])?);
        let running = builder.run_beside()?;
        match ports.recv_timeout(START_LIMIT) {
            Ok(port) => Ok(Self { running, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) }),
            Err(_) => Err(Failure::Other(format!("the server did not start: {}", running.stop().failure()))),
        }
    }

    /// Ends the device, on which nothing may have failed.
    pub(super) fn stop(self) -> Result<(), Failure> {
        let outcome = self.running.stop();
        if outcome.succeeded() { Ok(()) } else { Err(Failure::Other(outcome.failure())) }
    }
}

/// The device with the program and its arguments, without limits: the suite has its own.
fn machine(arguments: &[&str]) -> Result<Builder, Failure> {
    // So that preparing does not fail for what could be had.
    toolchain::find_or_install().map_err(Failure::Other)?;
    let programs = prepare()?;
    let machine = programs.machine().machine_limit(Duration::MAX).wall_limit(Duration::MAX);
    let machine = machine.service(&programs.service).network(Network::Loopback);
    Ok(machine.program(programs.example(PROGRAM), arguments))
}

/// The program prints the number of its port, and nothing else that is a number.
fn tell_port(builder: Builder) -> (Builder, Receiver<u16>) {
    let (sender, ports) = channel();
    let builder = builder.watch(move |line| {
        if let Ok(port) = line.text.trim().parse() {
            // Nobody listens any more when the port is known.
            sender.send(port).ok();
        }
    });
    (builder, ports)
}
