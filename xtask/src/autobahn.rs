//! `cargo xtask autobahn`: the Autobahn conformance cases against this project.

mod core;
mod device;
#[path = "../../tests/proto/endpoint.rs"]
mod endpoint;
mod report;
mod service;
mod suite;

use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;

use lexopt::Arg::Long;
use lexopt::{Parser, ValueExt};

use crate::{Command, Failure};
use report::Report;
use suite::Suite;

/// See [`crate::COMMANDS`].
pub(crate) const COMMAND: Command = Command {
    name: "autobahn",
    summary: "Run the Autobahn conformance cases",
    usage: "\
usage: cargo xtask autobahn [--role client|server] [--through core|service|device] [--cases GLOB]
       cargo xtask autobahn --listen ADDR:PORT [--through core|service|device]
       cargo xtask autobahn --connect URL [--through core|service|device]

Runs cases 1 to 10 of the suite (on a device all but 9, whose messages no device holds), which is set up in target/peers on the first run (Python 3 and a package index are
needed), against both roles. Prints a line for each section and the cases that are not passed strictly.

  --role ROLE         only the client, or only the server
  --through LAYER     core: the codec over plain sockets (default); service: through the service in a hosted system;
                      device: the same on an emulated device
  --cases GLOB        only these cases, such as 6.* or 7.7.1; may be given several times
  --listen ADDR:PORT  only run the echo server, for another suite to connect to; ends with the process
  --connect URL       only run the echo client, through all cases of the fuzzing server at this URL

The exit code is 1 when a case fails.",
    run,
};

/// There is no section 8, and 12 and 13 are for compression, which is never agreed.
const DEFAULT_CASES: [&str; 9] = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"];
/// Those whose messages have up to 16 MiB, which is all that a device has.
const LARGE_CASES: &str = "9.*";

/// Which end of the connection is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// What is tested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Through {
    #[default]
    Core,
    Service,
    Device,
}

impl Side {
    fn from_name(name: &str) -> Result<Self, String> {
        match name {
            "client" => Ok(Side::Client),
            "server" => Ok(Side::Server),
            _ => Err("--role takes client or server".into()),
        }
    }
}

impl Through {
    fn from_name(name: &str) -> Result<Self, String> {
        match name {
            "core" => Ok(Through::Core),
            "service" => Ok(Through::Service),
            "device" => Ok(Through::Device),
            _ => Err("--through takes core, service or device".into()),
        }
    }

    /// Echoes through every case of the fuzzing server at `url`, `ws://HOST:PORT`.
    fn run_client(self, url: &str) -> Result<(), Failure> {
        match self {
            Through::Core => core::run_client(url),
            Through::Service => service::run_client(url),
            Through::Device => device::run_client(url),
        }
    }

    /// Echoes to every client of `address`; returns only if it cannot listen.
    fn run_server(self, address: SocketAddr) -> Result<(), Failure> {
        match self {
            Through::Core => core::run_server(&TcpListener::bind(address)?),
            Through::Service => service::run_server(address),
            Through::Device => device::run_server(address),
        }
    }

    /// What is run if no cases are named.
    fn default_cases(self) -> impl Iterator<Item = &'static str> {
        DEFAULT_CASES.into_iter().filter(move |cases| self != Through::Device || *cases != LARGE_CASES)
    }
}

fn run(arguments: Vec<String>) -> Result<ExitCode, Failure> {
    let options = Options::parse(arguments)?;
    match options.task {
        Task::Connect(url) => options.through.run_client(&url)?,
        Task::Listen(address) => options.through.run_server(address)?,
        Task::Test { sides, cases } => return test(options.through, &sides, &cases),
    }
    Ok(ExitCode::SUCCESS)
}

fn test(through: Through, sides: &[Side], cases: &[String]) -> Result<ExitCode, Failure> {
    let suite = Suite::set_up()?;
    let mut passed = true;
    for side in sides {
        let report = match side {
            Side::Client => test_client(&suite, through, cases)?,
            Side::Server => test_server(&suite, through, cases)?,
        };
        println!("{side:?} through {through:?}");
        print!("{report}");
        passed &= report.is_passed();
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn test_client(suite: &Suite, through: Through, cases: &[String]) -> Result<Report, Failure> {
    let server = suite.serve(cases)?;
    through.run_client(server.url())?;
    server.finish()
}

fn test_server(suite: &Suite, through: Through, cases: &[String]) -> Result<Report, Failure> {
    match through {
        Through::Core => suite.attack(serve_core()?, cases),
        Through::Service => {
            let server = service::Server::start()?;
            suite.attack(server.address, cases)
        }
        Through::Device => {
            let server = device::Server::start(0)?;
            let report = suite.attack(server.address, cases)?;
            server.stop()?;
            Ok(report)
        }
    }
}

/// Starts the core's echo server, and says where. It ends with this process: an echo server has no end of its own.
fn serve_core() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        if let Err(Failure::Other(fault) | Failure::Usage(fault)) = core::run_server(&listener) {
            eprintln!("xtask autobahn: {fault}");
        }
    });
    Ok(address)
}

/// What the command was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    through: Through,
    task: Task,
}

#[derive(Debug, PartialEq, Eq)]
enum Task {
    Test { sides: Vec<Side>, cases: Vec<String> },
    Listen(SocketAddr),
    Connect(String),
}

impl Options {
    fn parse(arguments: Vec<String>) -> Result<Self, Failure> {
        Self::read(Parser::from_args(arguments)).map_err(Failure::usage)
    }

    fn read(mut parser: Parser) -> Result<Self, lexopt::Error> {
        let (mut through, mut sides, mut cases) =
            (Through::Core, vec![Side::Client, Side::Server], Vec::new());
        let mut alone = None;
        while let Some(option) = parser.next()? {
            match option {
                Long("role") => sides = vec![parser.value()?.parse_with(Side::from_name)?],
                Long("through") => through = parser.value()?.parse_with(Through::from_name)?,
                Long("cases") => cases.push(parser.value()?.string()?),
                Long("connect") => alone = Some(Task::Connect(parser.value()?.string()?)),
                Long("listen") => alone = Some(Task::Listen(parser.value()?.parse()?)),
                other => return Err(other.unexpected()),
            }
        }
        if cases.is_empty() {
            cases = through.default_cases().map(String::from).collect();
        }
        Ok(Self { through, task: alone.unwrap_or(Task::Test { sides, cases }) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Failure> {
        Options::parse(line.split_whitespace().map(String::from).collect())
    }

    #[test]
    fn options() {
        let Ok(Options { through: Through::Core, task: Task::Test { sides, cases } }) = parse("") else {
            panic!("both roles through the core")
        };
        assert_eq!((sides, cases.len()), (vec![Side::Client, Side::Server], 9));
        let task = Task::Test { sides: vec![Side::Server], cases: vec!["6.*".into(), "7.*".into()] };
        let line = "--role server --through service --cases 6.* --cases 7.*";
        assert!(parse(line).is_ok_and(|options| options == Options { through: Through::Service, task }));
        assert!(
            parse("--listen 127.0.0.1:9000").is_ok_and(|options| matches!(options.task, Task::Listen(_)))
        );
        let Ok(Options { through: Through::Device, task: Task::Test { cases, .. } }) =
            parse("--through device")
        else {
            panic!("both roles on the device")
        };
        assert!(cases.len() == 8 && !cases.contains(&"9.*".to_owned()), "{cases:?}");
        for line in ["--listen nowhere", "--role", "--role both", "--case 1"] {
            assert!(matches!(parse(line), Err(Failure::Usage(_))), "{line}");
        }
    }
}
