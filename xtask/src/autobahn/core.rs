//! The protocol core over plain sockets as the system under test: no Xous, no service.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use websocket::proto::handshake::{
    Authorization, Caps, ClientRequest, HeadBuffer, Key, Refusal, Request, check_reply, check_request,
};
use websocket::proto::{CloseStep, Event, Limits, Role};

use super::endpoint::{Echo, Endpoint};
use crate::Failure;

/// How long a peer may be silent. No case comes near it.
const PATIENCE: Duration = Duration::from_secs(20);

/// The name under which results are filed.
const AGENT: &str = "core";

/// Echoes through every case of the fuzzing server at `url`, then has it write its report.
pub(super) fn run_client(url: &str) -> Result<(), Failure> {
    let address = url
        .strip_prefix("ws://")
        .map(|rest| rest.trim_end_matches('/'))
        .ok_or_else(|| Failure::Usage(format!("only ws://HOST:PORT is understood: {url}")))?;
    let mut count = Vec::new();
    visit(address, "/getCaseCount", Echo::Nothing, |event| {
        if let Event::Data(chunk) = event {
            count.extend_from_slice(chunk.payload);
        }
    })?;
    let count: u32 = String::from_utf8_lossy(&count)
        .parse()
        .map_err(|_| Failure::Other("the fuzzing server named no number of cases".into()))?;
    for case in 1..=count {
        // A case may well end with a broken connection; the suite judges.
        let path = format!("/runCase?case={case}&agent={AGENT}");
        if let Err(error) = visit(address, &path, Echo::Whole, |_| ()) {
            eprintln!("case number {case}: {error}");
        }
    }
    visit(address, &format!("/updateReports?agent={AGENT}"), Echo::Nothing, |_| ())?;
    Ok(())
}

/// Echoes to every client.
pub(super) fn run_server(listener: &TcpListener) -> Result<(), Failure> {
    loop {
        let (stream, _) = listener.accept()?;
        std::thread::spawn(move || {
            if let Err(error) = accept(stream) {
                eprintln!("connection: {error}");
            }
        });
    }
}

/// One connection as a client, to its end.
fn visit(address: &str, path: &str, echo: Echo, watch: impl FnMut(&Event<'_>)) -> io::Result<()> {
    let (host, port) = address.rsplit_once(':').ok_or_else(|| invalid("an address without a port"))?;
    let request = ClientRequest {
        host,
        port: port.parse().map_err(invalid)?,
        secure: false,
        path,
        origin: None,
        authorization: Authorization::None,
        sub_protocols: &[],
        headers: &[],
    };
    let key = Key::new(nonce());
    let mut head = Vec::new();
    request.compose(&key, &mut head).map_err(invalid)?;
    let mut stream = connected(TcpStream::connect(address)?)?;
    stream.write_all(&head)?;
    let (reply, behind) = read_head(&mut stream)?;
    check_reply(reply.head(), &key, &[]).map_err(invalid)?;
    converse(stream, Endpoint::new(Role::Client, Limits::NONE, echo), behind, watch)
}

/// One connection as a server, to its end.
fn accept(stream: TcpStream) -> io::Result<()> {
    let mut stream = connected(stream)?;
    let (request, behind) = read_head(&mut stream)?;
    let mut answer = Vec::new();
    match check_request(request.head()) {
        Ok(Request::Upgrade(upgrade)) => upgrade.compose_accept(None, &[], &mut answer).map_err(invalid)?,
        Ok(Request::Plain(_)) => Refusal::UpgradeRequired.compose(&mut answer),
        Err(refusal) => refusal.compose(&mut answer),
    }
    stream.write_all(&answer)?;
    if !answer.starts_with(b"HTTP/1.1 101 ") {
        return Ok(());
    }
    converse(stream, Endpoint::new(Role::Server, Limits::NONE, Echo::Whole), behind, |_| ())
}

fn connected(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Reads a head and what came with it.
fn read_head(stream: &mut TcpStream) -> io::Result<(HeadBuffer, Vec<u8>)> {
    let mut head = HeadBuffer::new(Caps::default());
    let mut buffer = [0; 4096];
    loop {
        let len = stream.read(&mut buffer)?;
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let progress = head.push(&buffer[..len]).map_err(invalid)?;
        if progress.complete {
            return Ok((head, buffer[progress.consumed..len].to_vec()));
        }
    }
}

/// Carries bytes between the socket and the endpoint until the closing handshake is over or the peer is gone.
fn converse(
    mut stream: TcpStream,
    mut endpoint: Endpoint,
    mut behind: Vec<u8>,
    mut watch: impl FnMut(&Event<'_>),
) -> io::Result<()> {
    endpoint.receive(&mut behind, &mut watch);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        stream.write_all(&endpoint.out)?;
        endpoint.out.clear();
        if endpoint.next() == CloseStep::ShutDown {
            return stream.shutdown(Shutdown::Both).or(Ok(()));
        }
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(len) => endpoint.receive(&mut buffer[..len], &mut watch),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Sixteen bytes that differ between connections: all that a test needs of them.
fn nonce() -> [u8; 16] {
    let word = || RandomState::new().build_hasher().finish();
    (u128::from(word()) << 64 | u128::from(word())).to_be_bytes()
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
