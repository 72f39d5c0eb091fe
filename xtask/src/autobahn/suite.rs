//! The suite: kosoku, a Python package with the cases of Autobahn, in a virtual environment of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use super::report::Report;
use crate::Failure;

/// The version that the results of this project were measured with.
const PACKAGE: &str = "kosoku==0.1.0";

/// The longest that a whole run may take.
const TIME_LIMIT: Duration = Duration::from_secs(300);

/// An installed suite.
pub(super) struct Suite {
    interpreter: PathBuf,
    program: PathBuf,
    reports: PathBuf,
}

impl Suite {
    /// Installs the suite unless it is there.
    pub(super) fn set_up() -> Result<Self, Failure> {
        let interpreter = hosted::packages::python(PACKAGE)?;
        let program = interpreter.with_file_name("kosoku");
        let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/autobahn/reports");
        Ok(Self { interpreter, program, reports })
    }

    /// Runs the cases against the server at `address`.
    pub(super) fn attack(&self, address: SocketAddr, cases: &[String]) -> Result<Report, Failure> {
        let reports = self.fresh("server")?;
        let mut suite =
            Running::start(&mut self.command("fuzzingclient", &address.to_string(), cases, &reports))?;
        suite.end(&reports)
    }

    /// Starts the fuzzing server with the cases.
    pub(super) fn serve(&self, cases: &[String]) -> Result<FuzzingServer, Failure> {
        let reports = self.fresh("client")?;
        let mut running = Running::start(&mut self.command("fuzzingserver", "127.0.0.1:0", cases, &reports))?;
        let mut said = String::new();
        let url = loop {
            let Some(line) = running.line() else {
                return Err(Failure::Other(format!("the suite does not listen:\n{said}")));
            };
            if let Some((_, url)) = line.split_once("listening on ") {
                break url.trim().to_owned();
            }
            said += &format!("{line}\n");
        };
        Ok(FuzzingServer { running, url, reports })
    }

    fn command(&self, mode: &str, address: &str, cases: &[String], reports: &Path) -> Command {
        // The package has no module to be started with -m.
        let mut command = Command::new(&self.interpreter);
        command.arg(&self.program).args(["-m", mode, "-o"]).arg(reports);
        cases.iter().for_each(|case| {
            command.args(["-i", case]);
        });
        command.arg(address);
        command
    }

    /// An empty directory for the reports of one run.
    fn fresh(&self, name: &str) -> Result<PathBuf, Failure> {
        let reports = self.reports.join(name);
        if reports.exists() {
            fs::remove_dir_all(&reports)?;
        }
        fs::create_dir_all(&reports)?;
        Ok(reports)
    }
}

/// The fuzzing server of one run.
pub(super) struct FuzzingServer {
    running: Running,
    url: String,
    reports: PathBuf,
}

impl FuzzingServer {
    /// Where it listens.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Waits until it has written its report, which a client has asked it for.
    pub(super) fn finish(mut self) -> Result<Report, Failure> {
        self.running.end(&self.reports)
    }
}

/// A process of the suite, which does not outlive this value. What it says on stderr comes line by line.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start(command: &mut Command) -> Result<Self, Failure> {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let stderr = child.stderr.take().map(BufReader::new);
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.into_iter().flat_map(BufRead::lines).map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, lines })
    }

    /// What it says next; `None` if it has ended or is silent.
    fn line(&mut self) -> Option<String> {
        self.lines.recv_timeout(TIME_LIMIT).ok()
    }

    /// Waits for its end and reads its report. Its exit code repeats what that says.
    fn end(&mut self, reports: &Path) -> Result<Report, Failure> {
        let mut said = String::new();
        loop {
            match self.lines.recv_timeout(TIME_LIMIT) {
                Ok(line) => said += &format!("{line}\n"),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => return Err(Failure::Other("the suite hangs".into())),
            }
        }
        self.child.wait()?;
        Report::read(reports).ok_or_else(|| Failure::Other(format!("the suite left no report:\n{said}")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
