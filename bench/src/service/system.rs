//! Programs, in a hosted Xous system and outside, and connections to them.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use hosted::{Program, System};

use super::floor;
use super::link::Way;
use super::peer::Peer;
use super::wire;
use crate::Failure;

/// A connection that takes longer to come has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// A system lives as long as what is measured on it.
const LIMIT: Duration = Duration::from_secs(300);

/// Running programs with everything that they need.
pub(crate) struct Running {
    program: TcpStream,
    /// A second program in the same system.
    bystander: Option<TcpStream>,
    incoming: Incoming,
    /// Kept to the end.
    _host: Host,
}

enum Host {
    System(#[expect(dead_code, reason = "ends when it is dropped")] Box<System>),
    Plain(Child),
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Host::Plain(child) = self {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

impl Running {
    /// A hosted system with `service` as the WebSocket service, the floor, and two programs.
    ///
    /// # Errors
    /// Something does not start.
    pub(crate) fn in_system(service: Program) -> Result<Self, Failure> {
        let own = own_path()?;
        Self::start(service, |words| Program::new(&own).args(words.iter().copied()))
    }

    /// As [`Running::in_system`]; `program` makes the program of its arguments.
    ///
    /// # Errors
    /// Something does not start.
    pub(crate) fn start(service: Program, program: impl Fn(&[&str]) -> Program) -> Result<Self, Failure> {
        let (control, second) = (Incoming::new()?, Incoming::new()?);
        let own = own_path()?;
        let mut system = System::builder()
            .service(service, xous_api_websocket::wire::SERVER_NAME)
            .service(Program::new(&own).arg("floor"), floor::NAME)
            .program(program(&["program", &control.port.to_string()]))
            .program(Program::new(&own).args(["program", &second.port.to_string()]))
            .time_limit(LIMIT)
            .start()?;
        system.wait_ready()?;
        Ok(Self {
            program: control.next()?,
            bystander: Some(second.next()?),
            incoming: Incoming::new()?,
            _host: Host::System(Box::new(system)),
        })
    }

    /// The program as a process of the host, for the ways that need no Xous.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn plain() -> Result<Self, Failure> {
        let control = Incoming::new()?;
        let child = Command::new(own_path()?).args(["program", &control.port.to_string()]).spawn()?;
        let host = Host::Plain(child);
        Ok(Self { program: control.next()?, bystander: None, incoming: Incoming::new()?, _host: host })
    }

    /// A new connection to the program.
    ///
    /// # Errors
    /// It does not come.
    pub(crate) fn connect(&mut self, way: Way) -> Result<Peer, Failure> {
        if way == Way::Secure {
            wire::make_certificate()?;
        }
        writeln!(self.program, "{} {}", way.name(), self.incoming.port)?;
        Peer::accept(self.incoming.next()?, way)
    }

    /// New connections to the second program of a system.
    ///
    /// # Errors
    /// One does not come.
    pub(crate) fn connect_bystander(&mut self, way: Way, count: usize) -> Result<Vec<Peer>, Failure> {
        let Some(bystander) = &mut self.bystander else { return Err(Failure("no second program".into())) };
        (0..count)
            .map(|_| {
                writeln!(bystander, "{} {}", way.name(), self.incoming.port)?;
                Peer::accept(self.incoming.next()?, way)
            })
            .collect()
    }
}

/// A free port of this machine and who connects to it.
pub(crate) struct Incoming {
    pub(crate) port: u16,
    streams: Receiver<TcpStream>,
}

impl Incoming {
    pub(crate) fn new() -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let (sender, streams) = channel();
        // Ends with the process, or with the first connection that nobody waits for.
        std::thread::spawn(move || listener.incoming().flatten().all(|stream| sender.send(stream).is_ok()));
        Ok(Self { port, streams })
    }

    /// The next connection.
    ///
    /// # Errors
    /// None comes for half a minute.
    pub(crate) fn next(&self) -> Result<TcpStream, Failure> {
        self.streams
            .recv_timeout(PATIENCE)
            .map_err(|_| Failure("no connection came; see the system's log".into()))
    }
}

/// The service as it is built beside this program.
///
/// # Errors
/// As [`service_path`].
pub(crate) fn service() -> Result<Program, Failure> {
    Ok(Program::new(service_path()?))
}

/// Its path.
///
/// # Errors
/// The path cannot be handed to the kernel.
pub(crate) fn service_path() -> Result<String, Failure> {
    utf8(std::env::current_exe()?.with_file_name("websocket"))
}

/// The path of this program.
///
/// # Errors
/// As [`service_path`].
pub(crate) fn own_path() -> Result<String, Failure> {
    utf8(std::env::current_exe()?)
}

fn utf8(path: std::path::PathBuf) -> Result<String, Failure> {
    path.into_os_string()
        .into_string()
        .map_err(|path| Failure(format!("{}: the path is not UTF-8", path.display())))
}
