//! The service as the system under test of a conformance suite, in either role: `conformance --connect URL` is the client
//! of a fuzzing server, `conformance --listen PORT` echoes to a fuzzing client.

use std::error::Error;
use std::process::ExitCode;

use xous_api_websocket::error::ReceiveError;
use xous_api_websocket::{Listen, Listener, Request, Route, Websocket};

/// The name under which results are filed.
const AGENT: &str = "service";
/// The longest message of the suite has 16 MiB. It is sent back when it is there as a whole, as the suite reads nothing
/// while it sends.
const MAX_MESSAGE: usize = 32 * 1024 * 1024;

fn main() -> ExitCode {
    xous_api_log::init_wait().ok();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["--connect", url] => connect(url),
        ["--listen", port] => listen(port),
        _ => Err("usage: conformance --connect ws://HOST:PORT | --listen PORT".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conformance: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Echoes through every case of the fuzzing server, then has it write its report.
fn connect(url: &str) -> Result<(), Box<dyn Error>> {
    let address = url.strip_prefix("ws://").ok_or("only ws:// is understood")?.trim_end_matches('/');
    let (host, port) = address.rsplit_once(':').ok_or("the address has no port")?;
    let open = |path: &str| Websocket::open(&Request::new(host, port.parse().unwrap_or(0)).path(path));
    let count: u32 = open("/getCaseCount")?.receive_text(16)?.parse()?;
    for case in 1..=count {
        // A case may well end with a broken connection; the suite judges.
        let ws = open(&format!("/runCase?case={case}&agent={AGENT}"))?;
        if let Err(error) = echo(&ws) {
            log::info!("case number {case}: {error}");
        }
    }
    let ws = open(&format!("/updateReports?agent={AGENT}"))?;
    echo(&ws)
}

/// Echoes to one client after the other.
fn listen(port: &str) -> Result<(), Box<dyn Error>> {
    // A device listens to its whole network or not at all.
    let listener = Listener::listen(&Listen::new("127.0.0.1", port.parse()?).exposed().origin("*"))?;
    listener.add_route(&Route::receiver("/").prefix())?;
    println!("{}", listener.port());
    loop {
        let client = listener.accept()?;
        if let Err(error) = echo(&client.websocket) {
            log::info!("{}: {error}", client.peer);
        }
    }
}

fn echo(ws: &Websocket) -> Result<(), Box<dyn Error>> {
    loop {
        match ws.receive_whole(MAX_MESSAGE) {
            Ok(message) => ws.send(&message)?,
            Err(ReceiveError::Closed(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}
