//! What the service takes of the heap: per connection, and whatever the size of a message.
//!
//! Each test is a hosted system in which this program is the service in one role, with a heap that counts, and its
//! client in the other. `cargo test --test memory -- --nocapture` prints the figures.
//!
//! The pages of memory messages are not the service's: on the device they stay the client's memory. Hosted mode copies
//! them into the service's heap, so that figures are asked for when no message is open, or without those copies.

#[expect(dead_code, reason = "made for the tests of TLS")]
#[path = "tls/authority.rs"]
mod authority;
#[path = "support/heap.rs"]
mod heap;
#[expect(dead_code, reason = "made for the tests of TLS")]
#[path = "tls/openssl.rs"]
mod openssl;
#[expect(dead_code, unused_imports, unused_macros, reason = "made for the tests of TLS")]
#[path = "tls/support.rs"]
mod support;

use std::mem::ManuallyDrop;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use hosted::{hear, tell};
use tungstenite::{Message, WebSocket};
use xous_api_names::XousNames;
use xous_api_websocket::error::ReceiveError;
use xous_api_websocket::state::Stats;
use xous_api_websocket::wire::{Handle, Opcode, SERVER_NAME, message_id};
use xous_api_websocket::{Kind, Listen, Listener, Part, Request, Route, Tls, Websocket, serve::ListenLimits};

#[global_allocator]
static HEAP: heap::Heap = heap::Heap::new();

/// Connections that are compared with a single one.
const CONNECTIONS: usize = 9;
/// Bytes of a message that fits one page, and of one that does not by far.
const SHORT: usize = 4096;
/// See [`SHORT`].
const LONG: usize = 1 << 20;
/// Bytes that make the request of an opening handshake long: they are not kept.
const HEAD: usize = 3000;
/// What hosted mode takes of the heap for a chunk of the client crate, four pages: their copy, and the packet that
/// carries it to the kernel and back.
const HOSTED_COPIES: usize = 2 * 16 * 1024;
/// What tables may grow by when something happens for the first time.
const SLACK: usize = 1024;
/// How often figures are asked for, each time with a message through the service's server thread before.
const ROUNDS: usize = 50;
/// Messages of each length, of which the one that took least counts.
const MESSAGES: usize = 3;
const PATIENCE: Duration = Duration::from_secs(40);

/// The role that is measured: it serves, and tells its figures to whoever asks.
const SERVICE: &str = "service";
/// The role that asks.
const CLIENT: &str = "client";
/// A server on the network, where its heap must not count.
const PEER: &str = "peer";

#[test]
fn client_connections_stay_within_the_stated_memory() {
    hosted::test!()
        .role(SERVICE, serve)
        .role(CLIENT, || {
            let peer = Peer::echo().unwrap();
            let port = peer.address().port();
            let cookie = "x".repeat(HEAD);
            let open =
                || Websocket::open(&Request::new("127.0.0.1", port).header("Cookie", &cookie)).unwrap();
            let echo = |ws: &mut Websocket, data: &[u8]| {
                ws.send_binary(data).unwrap();
                assert_eq!(drain(ws), data.len());
            };
            check("client role", false, open, echo);
        })
        .run_roles();
}

#[test]
fn secure_connections_stay_within_the_stated_memory() {
    hosted::test!()
        .role(SERVICE, serve)
        .role(CLIENT, || {
            let ca = authority::Authority::new("root");
            let leaf = ca.server(&["localhost"]);
            let peer = openssl::Peer::start(&openssl::Settings::new("websocket", &leaf));
            let open = || {
                let request = Request::new("localhost", peer.port).path("/echo");
                Websocket::open(&request.tls(Tls::only(&ca.der))).unwrap()
            };
            let echo = |ws: &mut Websocket, data: &[u8]| {
                ws.send_binary(data).unwrap();
                assert_eq!(drain(ws), data.len());
            };
            check("client role over TLS", true, open, echo);
        })
        .run_roles();
}

#[test]
fn accepted_connections_stay_within_the_stated_memory() {
    hosted::test!()
        .role(SERVICE, serve)
        .role(CLIENT, || {
            // All come from one address.
            let limits = ListenLimits::new().per_peer(16);
            let listener = Listener::listen(&Listen::new("127.0.0.1", 0).limits(limits)).unwrap();
            listener.add_route(&Route::receiver("/")).unwrap();
            let open = || accept(&listener);
            let echo = |(ws, client): &mut (Websocket, WebSocket<TcpStream>), data: &[u8]| {
                std::thread::scope(|scope| {
                    let round = scope.spawn(|| {
                        client.send(Message::binary(data.to_vec())).unwrap();
                        client.read().unwrap().len()
                    });
                    assert_eq!(drain(ws), data.len());
                    ws.send_binary(data).unwrap();
                    assert_eq!(round.join().unwrap(), data.len());
                });
            };
            check("server role", false, open, echo);
        })
        .run_roles();
}

#[test]
fn a_message_that_the_heap_has_no_room_for_is_refused_and_not_the_end() {
    hosted::test!()
        .role(SERVICE, serve)
        .role(PEER, || {
            let peer = Peer::echo().unwrap();
            tell(CLIENT, &peer.address().port().to_string());
            hear();
        })
        .role(CLIENT, || {
            let ws = Websocket::open(&Request::new("127.0.0.1", hear().parse().unwrap())).unwrap();
            // As much as a process on the device has.
            HEAP.allow(512 * 1024);
            let send = |len: usize| {
                let mut part = Part::First;
                for sent in (0..len).step_by(SHORT) {
                    let last = sent + SHORT >= len;
                    ws.send_fragment(Kind::Binary, if last { Part::Last } else { part }, &[7; SHORT])
                        .unwrap();
                    part = Part::Middle;
                }
            };
            for (len, fits) in [(LONG, false), (2 * SHORT, true), (4 * LONG, false), (128 * 1024, true)] {
                send(len);
                match ws.receive_whole(usize::MAX) {
                    Ok(message) => {
                        let came = message.as_bytes().len();
                        assert!(fits && came == len, "{came} of {len} bytes");
                    }
                    Err(error) => assert!(!fits && error == ReceiveError::NoMemory, "{len} bytes: {error}"),
                }
            }
            HEAP.allow(usize::MAX);
            tell(PEER, "done");
            tell(SERVICE, "done");
        })
        .run_roles();
}

#[test]
fn the_heap_of_this_program_is_counted() {
    // Other tests of this program allocate meanwhile, but nothing near this much.
    const BYTES: usize = 16 * 1024 * 1024;
    let before = HEAP.live();
    let block = vec![1_u8; BYTES];
    assert!(HEAP.live() >= before + BYTES / 2);
    assert!(HEAP.peak() >= BYTES);
    drop(block);
    assert!(HEAP.live() < before + BYTES / 2);
}

/// Opens connections and sends messages through one of them, and holds the service's heap against the README.
fn check<C>(role: &str, tls: bool, mut open: impl FnMut() -> C, echo: impl Fn(&mut C, &[u8])) {
    let before = settled(0).live;
    // A message each: afterwards both threads have what they need, and wait.
    let mut connection = || {
        let mut connection = open();
        echo(&mut connection, b"hello");
        connection
    };
    let mut connections = vec![connection()];
    let one = settled(1).live;
    connections.extend((1..CONNECTIONS).map(|_| connection()));
    let idle = settled(CONNECTIONS).live;
    let each = (idle - one).div_ceil(CONNECTIONS - 1);

    // A table that has grown stays so, which is no matter of the message.
    let more = |figures: &Figures| figures.peak.saturating_sub(figures.live.max(idle) + HOSTED_COPIES);
    // What a message takes it takes each time; a thread that has answered and not yet freed hosted mode's copy does not.
    let mut busy = |len| {
        let rounds = (0..MESSAGES).map(|_| {
            tell(SERVICE, "forget the peak");
            echo(&mut connections[0], &vec![7; len]);
            settled(CONNECTIONS)
        });
        rounds.min_by_key(|figures| (more(figures), figures.live)).unwrap()
    };
    let (short, long) = (busy(SHORT), busy(LONG));
    println!(
        "{role}: {} bytes with the first connection, {each} with each further one; at most {} more for {SHORT} bytes \
         there and back, {} for {LONG}",
        one - before,
        more(&short),
        more(&long),
    );

    let with_tls = |row, besides| stated(row) + if tls { stated(besides) } else { 0 };
    let (idle_limit, busy_limit) = (
        with_tls("heap, idle connection", "heap besides with TLS, idle connection"),
        with_tls("heap besides, messages of any size", "heap besides with TLS, messages of any size"),
    );
    assert!(each <= idle_limit, "{each} bytes");
    assert!(more(&short) <= busy_limit, "{short:?}");
    assert!(more(&long) <= busy_limit, "{long:?}");
    for after in [short, long] {
        assert!(after.live <= idle + SLACK, "{idle} bytes before a message, {after:?} behind it");
    }
    tell(SERVICE, "done");
}

/// A figure of the README's table of memory, in bytes.
fn stated(row: &str) -> usize {
    let readme = include_str!("../README.md");
    let line = readme.lines().find(|line| line.starts_with(&format!("| {row} |")));
    let cell = line.and_then(|line| line.split('|').nth(2)).expect("the README has the row");
    // What a PC takes less stands behind what the device does.
    let kib = match cell.split_once('(') {
        Some((_, pc)) => pc.trim().strip_suffix(" KiB on a PC)"),
        None => cell.trim().strip_suffix(" KiB"),
    };
    kib.expect("in KiB").parse::<usize>().expect("a whole number") * 1024
}

/// Serves, and answers questions for figures, until it is told that the test is done.
fn serve() {
    std::thread::spawn(|| panic!("the service has ended: {:?}", websocket::serve()));
    loop {
        match hear().as_str() {
            "figures" => tell(CLIENT, &format!("{} {}", HEAP.live(), HEAP.peak())),
            "forget the peak" => HEAP.forget_peak(),
            "done" => return,
            other => panic!("{other}"),
        }
    }
}

/// Bytes of the service's heap.
#[derive(Debug)]
struct Figures {
    live: usize,
    peak: usize,
}

/// The service's figures when it has so many connections and no message is open but the one that asks.
///
/// In hosted mode a thread frees its copy of a message only when it has answered it, which may be later than the
/// question for the figures. The server thread has freed those of before when it answers a scalar, which has no copy;
/// for the others, the least of many is what is left.
fn settled(connections: usize) -> Figures {
    let start = Instant::now();
    while {
        let now = Stats::now().unwrap();
        now.connections as usize != connections || now.open_messages != 1
    } {
        assert!(start.elapsed() < PATIENCE, "{:?}", Stats::now());
    }
    let names = ManuallyDrop::new(XousNames::new().unwrap());
    let service = names.request_connection_blocking(SERVER_NAME).unwrap();
    let rounds = (0..ROUNDS).map(|_| {
        let id = message_id(Opcode::State, Handle::SOLE);
        xous::send_message(service, xous::Message::new_blocking_scalar(id, 0, 0, 0, 0)).unwrap();
        figures()
    });
    rounds.min_by_key(|figures| figures.live).unwrap()
}

fn figures() -> Figures {
    tell(SERVICE, "figures");
    let line = hear();
    let (live, peak) = line.split_once(' ').unwrap();
    Figures { live: live.parse().unwrap(), peak: peak.parse().unwrap() }
}

/// A client that is not ours, on a socket of this process, and its connection as the program has it.
fn accept(listener: &Listener) -> (Websocket, WebSocket<TcpStream>) {
    std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            let stream = TcpStream::connect(("127.0.0.1", listener.port())).unwrap();
            stream.set_nodelay(true).unwrap();
            let url = format!("ws://127.0.0.1:{}/?{}", listener.port(), "x".repeat(HEAD));
            tungstenite::client(url, stream).unwrap().0
        });
        let ws = listener.accept().unwrap().websocket;
        (ws, client.join().unwrap())
    })
}

/// Takes a message as it comes; its length.
fn drain(ws: &Websocket) -> usize {
    std::io::copy(&mut ws.receive().unwrap(), &mut std::io::sink()).unwrap() as usize
}
