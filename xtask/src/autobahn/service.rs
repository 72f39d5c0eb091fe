//! The service in a hosted system as the system under test: the example `conformance` is its client or server.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use hosted::{End, Program, System};

use crate::Failure;
use crate::run::{SERVICE, build};

/// As [`super::core::run_client`], by a Xous program that opens its connections through the service.
pub(super) fn run_client(url: &str) -> Result<(), Failure> {
    run(["--connect".to_owned(), url.to_owned()])
}

/// As [`super::core::run_server`], by a Xous program that listens through the service. Prints the port when it is
/// ready.
pub(super) fn run_server(address: SocketAddr) -> Result<(), Failure> {
    if !address.ip().is_loopback() {
        return Err(Failure::Usage(format!(
            "through the service it listens on 127.0.0.1, not on {}",
            address.ip()
        )));
    }
    run(["--listen".to_owned(), address.port().to_string()])
}

fn run(arguments: [String; 2]) -> Result<(), Failure> {
    let built = build(false, Some("conformance"))?;
    let program = Program::new(built.program.unwrap_or_default()).args(arguments);
    let mut system =
        System::builder().service(Program::new(built.service), SERVICE).program(program).start()?;
    match system.wait_programs()?.programs[..] {
        [End::Exited(0) | End::Done] => Ok(()),
        _ => {
            system.keep_log();
            let log = system.log();
            Err(Failure::Other(format!("the system under test failed; the log is {}", log.display())))
        }
    }
}

/// The server in a process of its own, which is ended with this value.
pub(super) struct Server {
    process: Child,
    pub(super) address: SocketAddr,
}

impl Server {
    /// Starts it and waits until it listens.
    pub(super) fn start() -> Result<Self, Failure> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["autobahn", "--role", "server", "--through", "service", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        match line.trim().parse() {
            Ok(port) => Ok(Server { process, address: SocketAddr::from(([127, 0, 0, 1], port)) }),
            Err(_) => {
                process.kill().ok();
                process.wait().ok();
                Err(Failure::Other("the server did not start, see above".into()))
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
