//! `cargo xtask run`: programs on a hosted Xous system: the demonstration server, an example, or the client.

mod certificate;
mod data;
mod stats;

use std::io::IsTerminal;
use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;

use hosted::peer::Peer;
use hosted::{End, Pddb, Program, System};
use lexopt::Arg::Long;
use lexopt::{Parser, ValueExt};

use data::Data;

use crate::{Command, Failure};

/// See [`crate::COMMANDS`].
pub(crate) const COMMAND: Command = Command {
    name: "run",
    summary: "Run the demonstration server, an example or the client on a hosted Xous system",
    usage: "\
usage: cargo xtask run [--example NAME | --program FILE] [--listen ADDRESS] [--port N] [--data DIR] [--tls] [--release]
                       [--memory MIB] [--stats] [--verbose] [-- ARGUMENTS]

  cargo xtask run                                the demonstration server on http://127.0.0.1:8080/, until Ctrl-C;
                                                 /upload.html there sends files
  cargo xtask run --port N                       the same on another port; for servers only
  cargo xtask run --listen 0.0.0.0               the same for other machines, a phone say; prints a code that lets it in
  cargo xtask run --stats                        the same, and what passes: a table in the terminal, else a line a second
  cargo xtask run --tls                          the same on https://localhost:8080/, with a certificate made for it
  cargo xtask run --example NAME                 one of the programs in examples/, until it ends or Ctrl-C
  cargo xtask run --program FILE -- ARGUMENTS    a program of yours, built for this machine, in the same way
  cargo xtask run -- ws://HOST:PORT/PATH --send TEXT --count N
                                                 the client: N messages to that server, with round-trip times;
                                                 `cargo xtask ws` is the same, and its --help has all that it does
  cargo xtask run -- --send TEXT --count N       the client against an echo peer that is started for it
  cargo xtask run --example upload -- FILE ws://HOST:PORT/upload
                                                 send a file to the demonstration server, or any other
  cargo xtask run --example trust -- wss://HOST:PORT/PATH
                                                 ask whether to trust a server that no root vouches for

  --data DIR  where the database keeps its keys, as plain files; if not said, target/hosted/pddb, or pddb-2 and so on
              beside systems that run already
  --memory MIB
              end the system when its kernel has taken so much memory, which it never gives back; if not said, half of
              this machine's, 8192 at most
  --release   build optimised
  --verbose   show what kernel and servers log on stderr (also when RUST_LOG is set)

The exit code is the program's; 1 when the system cannot run, 2 for a wrong call.",
    run,
};

/// The name under which the service is registered.
pub(crate) const SERVICE: &str = "_Websocket Service_";
/// What runs when nothing is asked for.
const DEMONSTRATION: &str = "echo_server";
/// What runs when arguments are given and no name: the command line client.
const CLIENT: &str = "ws";
/// The URL that it takes if its arguments name none.
const CLIENT_URL: &str = "WS_URL";
/// The dict that it puts files into.
const UPLOADS: &str = "uploads";
/// The dict that the client records into, if it is told to.
const RECORDINGS: &str = "recordings";
const RECORD: &str = "--record";
/// Programs that serve nothing.
const CLIENTS: [&str; 3] = [CLIENT, "trust", "upload"];
/// Programs that listen where they are told to.
const SERVERS: [&str; 2] = [DEMONSTRATION, "meeting"];
/// Programs that keep nothing in the database, and leave the directory to those that do.
const KEEPS_NOTHING: [&str; 9] = [
    CLIENT,
    "upload",
    "conformance",
    "in_process",
    "meeting",
    "seed_004",
    "chat",
    "home_assistant",
    "signal",
];
/// Where it serves if not told otherwise.
const PORT: &str = "8080";

fn run(arguments: Vec<String>) -> Result<ExitCode, Failure> {
    start(&Options::parse(arguments)?)
}

/// Runs the command line client with these arguments.
pub(crate) fn client(arguments: Vec<String>) -> Result<ExitCode, Failure> {
    start(&Options { example: Some(CLIENT.into()), arguments, ..Options::default() })
}

fn start(options: &Options) -> Result<ExitCode, Failure> {
    let example = options.example();
    let built = build(options.release, options.program.is_none().then_some(example))?;
    let path = options.program.clone().or(built.program).unwrap_or_default();
    // Kept until the program has ended.
    let peer = if options.needs_peer() { Some(Peer::echo()?) } else { None };
    let tls = if options.tls { secure(options)? } else { Vec::new() };
    let program = Program::new(path).args(options.program_arguments()).args(tls);
    let program = match &peer {
        Some(peer) => program.env(CLIENT_URL, peer.url("/")),
        None => program,
    };
    let mut system = System::builder().service(Program::new(built.service), SERVICE).program(program);
    // Locked until the system has ended.
    let data = if options.needs_data() { Some(Data::open(options.data.as_deref())?) } else { None };
    if let Some(data) = &data {
        system = system.pddb(Pddb::new().directory(&data.directory));
        if example == DEMONSTRATION {
            println!("files that are sent to it show up in {}", data.files(UPLOADS).display());
        }
        if let Some(name) = options.recording() {
            eprintln!("xtask: it is recorded to {}", data.files(RECORDINGS).join(name).display());
        }
    }
    if let Some(mebibytes) = options.memory {
        system = system.memory_limit(mebibytes.saturating_mul(1 << 20));
    }
    if options.verbose {
        system = system.verbose(true);
    }
    let mut system = system.start()?;
    if options.stats {
        stats::show(options.port_number());
    }
    match system.wait_programs()?.programs[..] {
        [End::Exited(0) | End::Done] => Ok(ExitCode::SUCCESS),
        [End::Exited(code)] => {
            // A wrong call has been told what is wrong with it.
            if code != 2 {
                system.keep_log();
                eprintln!("xtask: {example} ended with {code}; the log is {}", system.log().display());
            }
            Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
        }
        _ => Err(Failure::Other("the system lost its program".into())),
    }
}

/// The arguments by which a server gets its certificate. Says how to trust it.
fn secure(options: &Options) -> Result<Vec<String>, Failure> {
    let files = certificate::Files::get()?;
    println!("{}\n", files.advice(options.port.as_deref().unwrap_or(PORT)));
    match (files.certificate.to_str().map(str::to_owned), files.key.to_str().map(str::to_owned)) {
        (Some(certificate), Some(key)) => Ok(vec!["--certificate".into(), certificate, "--key".into(), key]),
        _ => Err(Failure::Other(format!("{}: the path is not UTF-8", files.key.display()))),
    }
}

/// What the command was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    release: bool,
    verbose: bool,
    tls: bool,
    stats: bool,
    example: Option<String>,
    /// In place of an example.
    program: Option<String>,
    listen: Option<IpAddr>,
    port: Option<String>,
    /// Mebibytes.
    memory: Option<u64>,
    data: Option<String>,
    /// For the program, unchanged.
    arguments: Vec<String>,
}

impl Options {
    fn parse(arguments: Vec<String>) -> Result<Self, Failure> {
        let options = Self::read(Parser::from_args(arguments)).map_err(Failure::usage)?;
        if let Some(program) = &options.program {
            if options.example.is_some() || options.tls {
                return Err(Failure::Usage("--program stands without --example and --tls".into()));
            }
            if !Path::new(program).is_file() {
                return Err(Failure::Usage(format!("--program {program}: there is no such file")));
            }
        }
        if options.stats && (options.tls || options.listen.is_some_and(|address| !address.is_loopback())) {
            let fault = "--stats asks without TLS and without a code, so --tls and --listen for others are not for it";
            return Err(Failure::Usage(fault.into()));
        }
        if options.stats && options.program.is_none() && options.example() != DEMONSTRATION {
            let fault =
                "--stats is for the demonstration server, or a --program with a status route on /status";
            return Err(Failure::Usage(fault.into()));
        }
        if options.tls && CLIENTS.contains(&options.example()) {
            return Err(Failure::Usage("--tls is for servers; a client is given wss://".into()));
        }
        if let Some(address) = options.listen {
            if !SERVERS.contains(&options.example()) {
                return Err(Failure::Usage(format!("--listen is for {}", SERVERS.join(" and "))));
            }
            if options.tls && !address.is_loopback() {
                let fault = "the certificate of --tls is for this machine only, so --listen must be, too";
                return Err(Failure::Usage(fault.into()));
            }
        }
        Ok(options)
    }

    fn read(mut parser: Parser) -> Result<Self, lexopt::Error> {
        let mut options = Self::default();
        loop {
            // What follows is the program's.
            if let Some(mut rest) = parser.try_raw_args()
                && rest.next_if(|argument| argument == "--").is_some()
            {
                options.arguments = rest.map(ValueExt::string).collect::<Result<_, _>>()?;
                return Ok(options);
            }
            match parser.next()? {
                None => return Ok(options),
                Some(Long("release")) => options.release = true,
                Some(Long("verbose")) => options.verbose = true,
                Some(Long("tls")) => options.tls = true,
                Some(Long("stats")) => options.stats = true,
                Some(Long("example")) => options.example = Some(parser.value()?.string()?),
                Some(Long("program")) => options.program = Some(parser.value()?.string()?),
                Some(Long("listen")) => options.listen = Some(parser.value()?.parse()?),
                Some(Long("port")) => options.port = Some(parser.value()?.parse::<u16>()?.to_string()),
                Some(Long("memory")) => options.memory = Some(parser.value()?.parse()?),
                Some(Long("data")) => options.data = Some(parser.value()?.string()?),
                Some(other) => {
                    let fault = other.unexpected();
                    return Err(format!("{fault}; the program's own arguments follow after --").into());
                }
            }
        }
    }

    fn example(&self) -> &str {
        match self.program.as_ref().or(self.example.as_ref()) {
            Some(name) => name,
            None if self.arguments.is_empty() => DEMONSTRATION,
            None => CLIENT,
        }
    }

    /// Where a server serves.
    fn port_number(&self) -> u16 {
        self.port.as_deref().unwrap_or(PORT).parse().unwrap_or_default()
    }

    /// The client may have been asked for without a server to talk to.
    fn needs_peer(&self) -> bool {
        self.example() == CLIENT && std::env::var_os(CLIENT_URL).is_none()
    }

    /// The program may keep something, or it was said where.
    fn needs_data(&self) -> bool {
        self.data.is_some() || self.recording().is_some() || !KEEPS_NOTHING.contains(&self.example())
    }

    /// The name that the client's connection is recorded by.
    fn recording(&self) -> Option<&str> {
        let asked = self.arguments.iter().position(|argument| argument == RECORD)?;
        self.arguments.get(asked + 1).map(String::as_str).filter(|_| self.example() == CLIENT)
    }

    fn program_arguments(&self) -> impl Iterator<Item = String> + '_ {
        let listen = self.listen.iter().flat_map(|address| ["--listen".to_owned(), address.to_string()]);
        let port = self.port.iter().flat_map(|port| ["--port".to_owned(), port.clone()]);
        listen.chain(port).chain(self.arguments.iter().cloned())
    }
}

/// What was built.
pub(crate) struct Built {
    pub(crate) service: String,
    /// The example.
    pub(crate) program: Option<String>,
}

/// Builds the service, and an example, with the profile asked for.
pub(crate) fn build(release: bool, example: Option<&str>) -> Result<Built, Failure> {
    let profile = hosted::target_directory().join(if release { "release" } else { "debug" });
    let path = |relative: &str| match profile.join(relative).into_os_string().into_string() {
        Ok(path) => Ok(path),
        Err(path) => Err(Failure::Other(format!("{}: the path is not UTF-8", path.display()))),
    };
    let service = path("websocket")?;
    let program = example.map(|example| path(&format!("examples/{example}"))).transpose()?;
    let looks_on = std::io::stderr().is_terminal();
    // The first time it takes a minute, in which nobody should have to guess; later it is not worth a word.
    if looks_on || !std::iter::once(&service).chain(&program).all(|path| Path::new(path).is_file()) {
        eprintln!(
            "xtask: building the service{}",
            example.map_or_else(String::new, |name| format!(" and {name}"))
        );
    }
    let mut command = hosted::cargo("build");
    if !looks_on {
        command.arg("--quiet");
    }
    command.args(["--package", "websocket", "--bin", "websocket"]);
    if let Some(example) = example {
        command.args(["--example", example]);
    }
    if release {
        command.arg("--release");
    }
    if !command.status()?.success() {
        return Err(Failure::Other("the service and the example do not build, see above".into()));
    }
    Ok(Built { service, program })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Failure> {
        Options::parse(line.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn own_options_come_before_the_program_s() {
        let options = parse("--release -- ws://host/ --verbose").ok().unwrap();
        assert!(options.release && !options.verbose);
        assert_eq!(options.example(), CLIENT);
        assert_eq!(options.program_arguments().collect::<Vec<_>>(), ["ws://host/", "--verbose"]);
    }

    #[test]
    fn without_arguments_it_serves() {
        let options = parse("--port 9000 --data files").ok().unwrap();
        assert_eq!(options.data.as_deref(), Some("files"));
        assert!(!options.needs_peer());
        assert_eq!(options.example(), DEMONSTRATION);
        assert_eq!(options.program_arguments().collect::<Vec<_>>(), ["--port", "9000"]);
    }

    #[test]
    fn the_client_gets_a_peer_and_others_do_not() {
        let options = parse("-- --count 3").ok().unwrap();
        assert!(options.needs_peer());
        assert_eq!(options.program_arguments().collect::<Vec<_>>(), ["--count", "3"]);
        let options = parse("--example meeting").ok().unwrap();
        assert!(options.example() == "meeting" && !options.needs_peer());
    }

    #[test]
    fn tls_is_for_servers() {
        assert!(parse("--tls --port 9000").ok().unwrap().tls);
        assert!(parse("--tls --example conformance").ok().unwrap().tls);
        assert!(matches!(parse("--tls -- --send hello"), Err(Failure::Usage(_))));
        assert!(matches!(parse("--tls --example upload -- file"), Err(Failure::Usage(_))));
    }

    #[test]
    fn figures_are_asked_for_where_they_are_told() {
        let options = parse("--stats --port 9000").ok().unwrap();
        assert_eq!((options.stats, options.port_number()), (true, 9000));
        assert_eq!(parse("--stats --program Cargo.toml").ok().unwrap().port_number(), 8080);
        for line in
            ["--stats --tls", "--stats --listen 0.0.0.0", "--stats -- --count 3", "--stats --example meeting"]
        {
            assert!(matches!(parse(line), Err(Failure::Usage(_))), "{line}");
        }
    }

    #[test]
    fn who_listens_for_others_is_a_server_without_this_machine_s_certificate() {
        let options = parse("--listen 0.0.0.0 --port 9000").ok().unwrap();
        let expected = ["--listen", "0.0.0.0", "--port", "9000"];
        assert_eq!(options.program_arguments().collect::<Vec<_>>(), expected);
        assert!(parse("--listen ::1 --tls").is_ok());
        assert!(parse("--listen 0.0.0.0 --example meeting").is_ok());
        for line in ["--listen here", "--listen", "--listen 0.0.0.0 --tls", "--listen 0.0.0.0 -- --count 3"] {
            assert!(matches!(parse(line), Err(Failure::Usage(_))), "{line}");
        }
    }

    #[test]
    fn who_keeps_nothing_needs_no_directory() {
        assert!(!parse("-- --count 3").ok().unwrap().needs_data());
        assert!(parse("-- ws://host/ --record one").ok().unwrap().needs_data());
        assert!(!parse("--example meeting").ok().unwrap().needs_data());
        assert!(parse("--example upload --data files").ok().unwrap().needs_data());
        assert!(parse("").ok().unwrap().needs_data());
    }

    #[test]
    fn a_program_of_the_user_stands_in_place_of_an_example() {
        let options = parse("--program Cargo.toml -- a b").ok().unwrap();
        assert_eq!((options.program.as_deref(), options.needs_peer()), (Some("Cargo.toml"), false));
        assert_eq!(options.program_arguments().collect::<Vec<_>>(), ["a", "b"]);
        for line in ["--program not/there", "--program Cargo.toml --tls", "--program Cargo.toml --example ws"]
        {
            assert!(matches!(parse(line), Err(Failure::Usage(_))), "{line}");
        }
    }

    #[test]
    fn an_unknown_argument_is_refused() {
        assert!(matches!(parse("ws://host/"), Err(Failure::Usage(_))));
        for line in ["--port", "--port abc", "--port 99999", "--port -1"] {
            assert!(matches!(parse(line), Err(Failure::Usage(_))), "{line}");
        }
        assert!(matches!(parse("--memory much"), Err(Failure::Usage(_))));
    }
}
