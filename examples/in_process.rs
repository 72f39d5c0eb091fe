//! A WebSocket within one process, without the service: `in_process ws://HOST:PORT/PATH`, of a server that echoes.
//!
//! Opens the connection, serves it on a thread of its own, sends one message, prints what comes back, and closes.
#![allow(unsafe_code)]

use std::process::ExitCode;
use std::thread;

use rand_core::{Error, RngCore, impls};
use websocket::{Opcode, Websocket};
use xous::{CID, Message, SID, send_message};
use xous_api_names::XousNames;
use xous_api_websocket::wire::{PAGE_SIZE, Pages, ReceiveWord, Status};

/// The message id with which what comes in is lent to this program.
const INBOUND: usize = 0;
/// What is sent.
const TEXT: &str = "test message";

fn main() -> ExitCode {
    xous_api_log::init_wait().ok();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("in_process: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let url = std::env::args().nth(1).ok_or("usage: in_process ws://HOST:PORT/PATH")?;
    let (host, port, path) = parse(&url).ok_or(format!("{url}: not like ws://HOST:PORT/PATH"))?;
    let names = XousNames::new().map_err(kernel)?;
    let trng = Trng(names.request_connection_blocking("_TRNG manager_").map_err(kernel)?);

    // This program's own server, for what comes in.
    let sid = xous::create_server().map_err(kernel)?;
    let cid = xous::connect(sid).map_err(kernel)?;

    // The server of the connection.
    let ws_sid = xous::create_server().map_err(kernel)?;
    let ws_cid = xous::connect(ws_sid).map_err(kernel)?;
    let (host, path) = (host.to_owned(), path.to_owned());
    let serving = thread::spawn(move || {
        let mut websocket = Websocket::new(
            &host,
            Some(port),
            Some(&path),
            None,         // user name
            None,         // password
            false,        // TLS
            Some("test"), // sub-protocol
            cid,
            INBOUND,
            trng,
        );
        websocket::server(ws_sid, &mut websocket)
    });

    // One page with the text; `websocket::send(ws_cid, TEXT)` does the same.
    let mut page = Pages::new(PAGE_SIZE);
    page.fill(TEXT.as_bytes());
    let returned = page.lend(ws_cid, Opcode::Send.into(), 0, TEXT.len()).map_err(kernel)?;
    if returned.offset == 0 {
        println!("sent: {TEXT}");
    }

    // What comes in: chunks of messages, then how the connection has ended.
    let (status, inbound) = receive(sid)?;
    match status {
        Status::Chunk { .. } => println!("received: {inbound}"),
        _ => return Err(inbound),
    }

    let close = Message::new_blocking_scalar(Opcode::Close.into(), 0, 0, 0, 0);
    if let Ok(xous::Result::Scalar2(code, _)) = send_message(ws_cid, close) {
        println!("closed: {code}");
    }
    serving.join().map_err(|_| "the connection's thread has panicked")?.map_err(kernel)
}

/// Takes the next message of this program's server.
fn receive(sid: SID) -> Result<(Status, String), String> {
    let envelope = xous::receive_message(sid).map_err(kernel)?;
    let memory = envelope.body.memory_message().ok_or("a scalar came in")?;
    let (word, len) = (memory.offset.map_or(0, |word| word.get()), memory.valid.map_or(0, |len| len.get()));
    let word = ReceiveWord::from_word(word).ok_or("something else came in")?;
    // SAFETY: the pages are mapped until the message is returned, when `envelope` is dropped.
    let bytes: &[u8] = unsafe { memory.buf.as_slice() };
    Ok((word.status, String::from_utf8_lossy(&bytes[..len.min(bytes.len())]).into_owned()))
}

/// Host, port and path.
fn parse(url: &str) -> Option<(&str, u16, &str)> {
    let rest = url.strip_prefix("ws://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = authority.rsplit_once(':')?;
    Some((host, port.parse().ok()?, if path.is_empty() { "/" } else { path }))
}

fn kernel(error: xous::Error) -> String {
    format!("the kernel refused: {error:?}")
}

/// Random numbers of the system's generator, for the opening handshake and the masks.
struct Trng(CID);

impl RngCore for Trng {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }

    fn next_u64(&mut self) -> u64 {
        // GetTrng: two words of 32 bits. No answer gives zeros, which `server` refuses.
        match send_message(self.0, Message::new_blocking_scalar(0, 2, 0, 0, 0)) {
            Ok(xous::Result::Scalar2(low, high)) => u64::from(low as u32) | (u64::from(high as u32) << 32),
            _ => 0,
        }
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        impls::fill_bytes_via_next(self, bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}
