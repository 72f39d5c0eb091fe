//! Trust on first use: `trust wss://HOST:PORT/PATH`, which asks on the terminal as xous-core's `libs/tls` asks on the
//! screen.
//!
//! Opens a connection that the device's own roots or Mozilla's vouch for. Where they do not, shows what the server has,
//! and asks. A root is stored in the PDDB's dict `tls.trusted` in the form of `libs/tls`, for all programs and for good; a
//! pin is for this run. Then sends `hello` and prints the reply.

use std::process::ExitCode;
use std::time::Duration;

use websocket::pddb::{Create, DictPath, Pddb, SYSTEM_BASIS};
use xous_api_websocket::certificate::{Certificate, Shown, ShownCertificate};
use xous_api_websocket::error::Unopened;
use xous_api_websocket::{Request, Tls, Websocket, tls::Pin};

/// As `libs/tls/src/ota.rs` declares it: DER without the tags and lengths around each field.
#[derive(rkyv::Archive, rkyv::Serialize)]
struct OwnedTrustAnchor {
    subject: Vec<u8>,
    spki: Vec<u8>,
    name_constraints: Option<Vec<u8>>,
}

fn main() -> ExitCode {
    xous_api_log::init_wait().ok();
    match run() {
        Ok(reply) => println!("{reply}"),
        Err(error) => {
            eprintln!("trust: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run() -> Result<String, String> {
    let argument = std::env::args().nth(1).ok_or("usage: trust wss://HOST:PORT/PATH")?;
    let request = Request::from_url(&argument).map_err(|error| format!("{argument}: {error}"))?;
    if request.tls.is_none() {
        return Err(format!("{argument}: only wss:// has certificates"));
    }
    let trusted = Tls::default().and_device_store();
    let ws = match Websocket::open_or_show(&request.clone().tls(trusted)) {
        Ok(ws) => ws,
        Err(Unopened { error, shown: None, .. }) => return Err(error.to_string()),
        Err(Unopened { error, shown: Some(shown), .. }) => ask(&error.to_string(), &shown, request)?,
    };
    ws.send_text("hello").map_err(|error| error.to_string())?;
    ws.receive_text(4096).map_err(|error| error.to_string())
}

/// Opens the connection with the trust that the person decides on.
fn ask<'a>(error: &str, shown: &'a Shown, request: Request<'a>) -> Result<Websocket, String> {
    println!("{error}\n");
    shown.certificates.iter().for_each(|certificate| println!("{certificate}\n"));
    let (own, top) = shown.own().zip(shown.top()).ok_or("the server showed nothing that can be trusted")?;
    println!("Anybody can show a certificate. Ask the server's owner for its SHA-256, and compare.");
    println!("c: the first is as the owner says: trust this certificate once");
    println!(
        "r: first and last are: trust the last one as a root, for good, for every server it vouches for"
    );
    println!("anything else: no");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(|error| error.to_string())?;
    let open = |tls| Websocket::open(&request.tls(tls)).map_err(|error| error.to_string());
    match answer.trim() {
        "c" => open(Tls::pin(Pin::Certificate(own.fingerprint))),
        "r" => {
            // Only a root that vouches for the very certificate that was compared: an attacker in the middle can show the
            // server's own certificate with a root of his behind it.
            let ws = open(Tls::only(&top.der).pinned(Pin::Certificate(own.fingerprint)))?;
            store(top).map(|()| ws)
        }
        _ => Err("not trusted".into()),
    }
}

/// Stores a root as `libs/tls` does.
fn store(root: &ShownCertificate) -> Result<(), String> {
    let Certificate { subject, public_key, .. } = root.content().ok_or("the last one is no certificate")?;
    let anchor =
        OwnedTrustAnchor { subject: subject.0.into(), spki: public_key.into(), name_constraints: None };
    let bytes = rkyv::to_bytes::<rkyv::rancor::Error>(&anchor).map_err(|error| error.to_string())?;
    let failed = |error: &dyn std::fmt::Display| format!("not stored: {error}");
    let dict = DictPath::new(SYSTEM_BASIS, "tls.trusted").map_err(|error| failed(&error))?;
    let key = dict.key(&key_name(subject.common_name(), public_key)).map_err(|error| failed(&error))?;
    let pddb = Pddb::new(Duration::from_secs(30));
    let mut file = pddb.create(&key, Create::default()).map_err(|error| failed(&error))?;
    file.write_at(0, &bytes).and_then(|_| pddb.flush()).map_err(|error| failed(&error))?;
    println!("stored as {key}");
    Ok(())
}

/// The name that `libs/tls` gives it, without what stands between the parts of a path.
fn key_name(common_name: Option<&str>, public_key: &[u8]) -> String {
    let mut name = common_name.unwrap_or("root").replace([':', '/'], "_");
    name.retain(|c| !c.is_control());
    while name.len() > 80 {
        name.pop();
    }
    let digits = public_key.iter().skip(6).take(4).map(|byte| format!("{byte:X}"));
    name + " " + &digits.collect::<String>()
}
