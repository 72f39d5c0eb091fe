//! `cargo xtask run`: the client program on a hosted Xous system, against an echo peer or any server.

use std::process::{Command as Process, ExitCode};
use std::time::Duration;

use hosted::peer::Peer;
use hosted::{End, Program, System};

use crate::{Command, Failure};

/// See [`crate::COMMANDS`].
pub(crate) const COMMAND: Command = Command {
    name: "run",
    summary: "Run the client program on a hosted Xous system",
    usage: "\
usage: cargo xtask run [--release] [--verbose] [-- CLIENT ARGUMENTS]

Without client arguments, the client sends 5 messages to an echo peer that is started for it, and shows each reply with
its round-trip time. With them it does what they say; when the first of them is an option, they still go to that peer:

  cargo xtask run -- ws://HOST:PORT/PATH --send TEXT --count N   N messages to that server
  cargo xtask run -- ws://HOST:PORT/PATH                         the lines typed, one message each
  cargo xtask run -- --send TEXT --count N                       N messages to the echo peer

  --release   build service and client optimised
  --verbose   show what kernel and servers log on stderr (also when RUST_LOG is set)

The exit code is the client's; 1 when the system cannot run, 2 for a wrong call.",
    run,
};

/// The name under which the service is registered.
const SERVICE: &str = "_Websocket Service_";
/// The whole time for the run that sends 5 messages.
const DEMONSTRATION_LIMIT: Duration = Duration::from_secs(60);

fn run(arguments: Vec<String>) -> Result<ExitCode, Failure> {
    let options = Options::parse(arguments)?;
    let built = build(options.release)?;
    // Kept until the client has ended.
    let peer = if options.needs_peer() { Some(Peer::echo()?) } else { None };
    let url = peer.as_ref().map(|peer| peer.url("/"));
    let client = Program::new(built.client).args(url).args(options.client_arguments());
    let mut system = System::builder().service(Program::new(built.service), SERVICE).program(client);
    if options.client.is_empty() {
        system = system.time_limit(DEMONSTRATION_LIMIT);
    }
    if options.verbose {
        system = system.verbose(true);
    }
    let mut system = system.start()?;
    match system.wait_programs()?.programs[..] {
        [End::Exited(0) | End::Done] => Ok(ExitCode::SUCCESS),
        [End::Exited(code)] => {
            system.keep_log();
            eprintln!("xtask run: the client ended with {code}; the log is {}", system.log().display());
            Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
        }
        _ => Err(Failure::Other("the system lost its program".into())),
    }
}

/// What the command was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    release: bool,
    verbose: bool,
    /// For the client, unchanged.
    client: Vec<String>,
}

impl Options {
    fn parse(arguments: Vec<String>) -> Result<Self, Failure> {
        let mut options = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match &*argument {
                "--release" => options.release = true,
                "--verbose" => options.verbose = true,
                "--" => {
                    options.client = arguments.collect();
                    break;
                }
                other => {
                    return Err(Failure::Usage(format!(
                        "unknown argument '{other}'; the client's own follow after --"
                    )));
                }
            }
        }
        Ok(options)
    }

    fn needs_peer(&self) -> bool {
        self.client.first().is_none_or(|first| first.starts_with('-'))
    }

    fn client_arguments(&self) -> Vec<String> {
        if self.client.is_empty() {
            return ["--send", "hello from Xous", "--count", "5"].map(str::to_owned).to_vec();
        }
        self.client.clone()
    }
}

/// What was built.
struct Built {
    service: String,
    client: String,
}

/// Builds the service and the client program with the profile asked for.
fn build(release: bool) -> Result<Built, Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Process::new(cargo);
    command.args(["build", "--quiet", "--package", "websocket", "--bin", "websocket", "--example", "client"]);
    if release {
        command.arg("--release");
    }
    if !command.status()?.success() {
        return Err(Failure::Other("the service and its client do not build, see above".into()));
    }
    let profile = hosted::target_directory().join(if release { "release" } else { "debug" });
    let path = |relative: &str| match profile.join(relative).into_os_string().into_string() {
        Ok(path) => Ok(path),
        Err(path) => Err(Failure::Other(format!("{}: the path is not UTF-8", path.display()))),
    };
    Ok(Built { service: path("websocket")?, client: path("examples/client")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Failure> {
        Options::parse(line.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn own_options_come_before_the_client_s() {
        let options = parse("--release -- ws://host/ --verbose").ok().unwrap();
        assert!(options.release && !options.verbose && !options.needs_peer());
        assert_eq!(options.client_arguments(), ["ws://host/", "--verbose"]);
    }

    #[test]
    fn without_a_url_there_is_a_peer() {
        assert!(parse("").ok().unwrap().needs_peer());
        let options = parse("-- --count 3").ok().unwrap();
        assert!(options.needs_peer());
        assert_eq!(options.client_arguments(), ["--count", "3"]);
    }

    #[test]
    fn an_unknown_argument_is_refused() {
        assert!(matches!(parse("ws://host/"), Err(Failure::Usage(_))));
    }
}
