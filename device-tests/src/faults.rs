//! What once went wrong on the device alone, each tried as a program would meet it.

use std::io::Read;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use xous_api_names::XousNames;
use xous_api_websocket::error::{ListenError, ReceiveError};
use xous_api_websocket::state::Stats;
use xous_api_websocket::wire::{Opcode, Pages, ReceiveWord, SERVER_NAME, Status, message_id};
use xous_api_websocket::{Code, Listen, Listener, Payload, Request, Websocket, allow_heap};

use crate::words;

/// What a message may lend at most.
const LENT: usize = 256 * 1024;
/// So many of these and one that is a page shorter fill the window for messages of 4 MiB.
const WHOLE: usize = 15;
/// Pages that wait on one connection.
const PARKED: usize = 4;
/// Machine time, in which each thread here has come to where it waits.
const SETTLED: Duration = Duration::from_millis(200);
const STACK: usize = 64 * 1024;
/// Heap for all of these.
const GREEDY_HEAP: usize = 6 * 1024 * 1024;
/// A message that the 512 KiB of a program's heap have no room for, however its buffer grows.
const LONG: usize = 600 * 1024;
/// Heap for it.
const MORE_HEAP: usize = 4 * 1024 * 1024;
/// The longest message that is received whole.
const LONGEST: usize = 1024 * 1024;

/// Parks as many pages as the window for messages has room for, tells so, and keeps them there for good. What the service
/// refuses names a limit.
pub(crate) fn greedy(port: &str) -> Result<(), String> {
    let port = port.parse().map_err(words)?;
    allow_heap(GREEDY_HEAP).map_err(|error| format!("{error:?}"))?;
    let names = XousNames::new().map_err(|error| format!("{error:?}"))?;
    let cid = names.request_connection_blocking(SERVER_NAME).map_err(|error| format!("{error:?}"))?;
    // Dropped, it would take the connection from the client crate.
    std::mem::forget(names);
    let open = |_| Websocket::open(&Request::new("127.0.0.1", port)).map_err(words);
    let connections = (0..(WHOLE + 1).div_ceil(PARKED)).map(open).collect::<Result<Vec<_>, _>>()?;
    let refused = Arc::new(AtomicUsize::new(0));
    for number in 0..=WHOLE {
        let id = message_id(Opcode::Receive, connections[number / PARKED].handle());
        let lent = if number == WHOLE { LENT - 4096 } else { LENT };
        let refused = refused.clone();
        let park = move || {
            let returned = Pages::new(lent).lend_mut(cid, id, 0, 0, lent).expect("the kernel delivers");
            let status = ReceiveWord::from_word(returned.offset).map(|word| word.status);
            let limits = [Code::BusyMessages, Code::BusyService];
            assert!(limits.iter().any(|code| status == Some(Status::Refused(*code as u8))), "{status:?}");
            refused.fetch_add(1, Ordering::Relaxed);
        };
        thread::Builder::new().stack_size(STACK).spawn(park).map_err(words)?;
    }
    // Nothing tells when the last page is with the service.
    thread::sleep(SETTLED);
    println!("{} pages were asked for, {} refused", WHOLE + 1, refused.load(Ordering::Relaxed));
    loop {
        thread::park();
    }
}

/// Waits for a byte from the port `gate`; then asks for figures, opens a connection to an echo and uses it.
pub(crate) fn neighbour(gate: &str, port: &str) -> Result<(), String> {
    let gate: u16 = gate.parse().map_err(words)?;
    let port = port.parse().map_err(words)?;
    TcpStream::connect(("127.0.0.1", gate)).and_then(|mut gate| gate.read_exact(&mut [0])).map_err(words)?;
    let figures = Stats::now().map_err(words)?;
    println!("{} messages are open", figures.open_messages);
    let ws = Websocket::open(&Request::new("127.0.0.1", port)).map_err(words)?;
    for text in ["one", "two", "three"] {
        ws.send_text(text).map_err(words)?;
        if ws.receive_text(100).map_err(words)? != text {
            return Err(format!("{text} came back otherwise"));
        }
    }
    ws.close(1000, "").map(|_| ()).map_err(words)
}

/// Receives a message for which the heap has no room unless it has `more`, and the one after it.
pub(crate) fn long_message(port: &str, more: bool) -> Result<(), String> {
    let port = port.parse().map_err(words)?;
    if more {
        allow_heap(MORE_HEAP).map_err(|error| format!("{error:?}"))?;
    }
    let ws = Websocket::open(&Request::new("127.0.0.1", port)).map_err(words)?;
    match ws.receive_whole(LONGEST) {
        Ok(Payload::Binary(message)) if more && message.len() == LONG => (),
        Err(ReceiveError::NoMemory) if !more => (),
        Ok(message) => return Err(format!("{} of {} bytes", message.kind(), message.as_bytes().len())),
        Err(error) => return Err(words(error)),
    }
    match ws.receive_text(100).map_err(words)?.as_str() {
        "next" => Ok(()),
        other => Err(format!("{other} instead of the next message")),
    }
}

/// Listens on the loopback address, which is refused unless the program says that it is known to be exposed.
pub(crate) fn loopback() -> Result<(), String> {
    match Listener::listen(&Listen::new("127.0.0.1", 0)) {
        Err(ListenError::Failed { code: Code::BadRequest, text }) => println!("refused: {text}"),
        Err(error) => return Err(words(error)),
        Ok(_) => return Err("others reach it".to_owned()),
    }
    Listener::listen(&Listen::new("127.0.0.1", 0).exposed()).map(|_| ()).map_err(words)
}
