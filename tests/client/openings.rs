//! Connections whose handle is there before they are: they can be waited for, and given up from anywhere.

use std::fmt::Display;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use xous_api_websocket::error::OpenError;
use xous_api_websocket::state::Phase;
use xous_api_websocket::{Code, Deadlines, Event, Reconnect, Request, Tls, Websocket};

use crate::common::pages::RawPages;
use crate::common::raw::{accept_with, expect_close, read_head};
use crate::common::{
    PATIENCE, nothing_is_left, nothing_is_open, peers, reconnecting, refusal, request, seen, service_cid,
    stats_when, system,
};

const OPEN: usize = 8;
const WAIT_OPEN: usize = 24;
const CLOSED: usize = 1;
const BUSY_RECEIVES: usize = 7;

fn until_the_end(mut stream: TcpStream) {
    let mut bytes = [0; 4096];
    while stream.read(&mut bytes).is_ok_and(|len| len > 0) {}
}

/// A peer that takes the request, reports it, and says nothing until the client goes away, which it reports as well.
fn silent() -> (Peer, std::sync::mpsc::Receiver<()>) {
    peers::serve(|mut stream, reports| {
        read_head(&mut stream);
        reports.send(()).unwrap();
        until_the_end(stream);
        reports.send(()).ok();
    })
}

/// The code with which an opening ends.
fn failure(result: Result<Websocket, OpenError>) -> Code {
    match result {
        Err(OpenError::Failed { code, .. }) => code,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("a connection is open"),
    }
}

#[test]
fn what_came_of_an_opening_is_told_to_who_waits_and_to_who_asks_later() {
    system!().run(|| {
        for early in [true, false] {
            let (peer, opened) = peers::serve(|mut stream, opened| {
                accept_with(&mut stream, "X-Mine: y\r\nSec-WebSocket-Protocol: chat\r\n");
                opened.send(()).unwrap();
                expect_close(&mut stream);
            });
            let opening = Websocket::opening(&request(&peer).sub_protocol("chat")).unwrap();
            if !early {
                seen(&opened);
                stats_when(|stats| stats.timers == 0);
            }
            let ws = opening.wait().unwrap();
            assert_eq!((ws.status(), ws.sub_protocol(), ws.handle()), (101, Some("chat"), opening.handle()));
            assert!(ws.peer_head().ends_with(b"X-Mine: y\r\nSec-WebSocket-Protocol: chat\r\n\r\n"));
            assert_eq!(failure(opening.wait()), Code::Closed, "told once");
            // Neither gives up what was taken.
            opening.cancel();
            drop(opening);
            assert_eq!(ws.state().unwrap().phase, Phase::Open);
            assert_eq!(ws.close(1000, "").map(u16::from), Ok(1000));

            let (refusing, _) = peers::serve(|mut stream, _: &Sender<()>| {
                read_head(&mut stream);
                stream
                    .write_all(b"HTTP/1.1 429 No\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\nno")
                    .unwrap();
            });
            let opening = Websocket::opening(&request(&refusing)).unwrap();
            if !early {
                // Its threads have ended.
                nothing_is_left();
            }
            let error = opening.wait().err().unwrap();
            assert!(matches!(error, OpenError::Refused { status: 429, .. }), "{error:?}");
            assert_eq!((error.header("Retry-After"), error.body()), (Some("3"), &b"no"[..]));
            assert_eq!(failure(opening.wait()), Code::Closed, "told once");
            nothing_is_left();
        }
    });
}

#[test]
fn an_opening_ends_with_its_deadline() {
    let open = Duration::from_secs(1);
    let deadlines = Deadlines::new().open(open);
    system!().run(move || {
        let (peer, asked) = silent();
        for early in [true, false] {
            let start = Instant::now();
            let opening = Websocket::opening(&request(&peer).options(deadlines)).unwrap();
            seen(&asked);
            if !early {
                seen(&asked);
                nothing_is_left();
            }
            let error = opening.wait().err().unwrap();
            let place = peer.address();
            assert_eq!(error.to_string(), format!("{place}: not open within {open:?}"));
            assert!(matches!(error, OpenError::Failed { code, .. } if code.is_transient()));
            assert!(start.elapsed() >= open);
            if early {
                seen(&asked);
            }
        }
        nothing_is_left();
    });
}

#[test]
fn another_thread_ends_an_opening_and_who_waits_is_told_at_once() {
    system!().run(|| {
        let (peer, asked) = silent();
        let opening = Arc::new(Websocket::opening(&request(&peer)).unwrap());
        let waiting = opening.clone();
        let start = Instant::now();
        nothing_is_open();
        let waiter = std::thread::spawn(move || failure(waiting.wait()));
        seen(&asked);
        stats_when(|stats| stats.open_messages == 2);
        opening.cancel();
        assert_eq!(waiter.join().unwrap(), Code::Closed);
        seen(&asked);
        assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
        assert_eq!(failure(opening.wait()), Code::Closed);
        nothing_is_left();
    });
}

#[test]
fn dropping_an_opening_ends_it_wherever_it_stands() {
    system!().run(|| {
        // In the handshake.
        let (peer, asked) = silent();
        drop(Websocket::opening(&request(&peer)).unwrap());
        let handshake = Websocket::opening(&request(&peer)).unwrap();
        seen(&asked);
        drop(handshake);
        // In the TLS handshake, if there is one.
        if cfg!(feature = "tls") {
            let (peer, asked) = peers::serve(|mut stream, reports| {
                stream.read_exact(&mut [0; 5]).unwrap();
                reports.send(()).unwrap();
                until_the_end(stream);
            });
            let tls = Websocket::opening(&request(&peer).tls(Tls::default())).unwrap();
            seen(&asked);
            drop(tls);
        }
        nothing_is_left();
        // In the look-up: nobody waits for that.
        let start = Instant::now();
        let look_up = Websocket::opening(&Request::new("nobody.invalid", 80)).unwrap();
        drop(look_up);
        assert!(start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());
    });
}

/// By numbers, without the crate.
#[test]
fn waits_by_numbers() {
    system!().run(|| {
        let (peer, asked) = silent();
        let cid = service_cid();
        let mut request = vec![0; 4096];
        let len = Request::new("127.0.0.1", peer.address().port()).write(&mut request).unwrap();
        let mut page = RawPages::with(&request);
        assert_eq!(page.lend_mut(cid, OPEN, 2, len).0, 2, "there is no such offset");
        let mut page = RawPages::with(&request);
        assert_eq!(page.lend_mut(cid, OPEN, 1, len), (0, 12));
        let handle = u32::from_le_bytes(page.bytes()[..4].try_into().unwrap()) as usize;
        assert_eq!(page.bytes()[4..12], [0, 0, 0xff, 0xff, 0, 0, 0, 0]);
        let id = move |opcode: usize| (handle << 8) | opcode;
        seen(&asked);
        nothing_is_open();
        let waiter =
            std::thread::spawn(move || RawPages::new(1).lend_mut(service_cid(), id(WAIT_OPEN), 0, 0).0);
        stats_when(|stats| stats.open_messages == 2);
        assert_eq!(RawPages::new(1).lend_mut(cid, id(WAIT_OPEN), 0, 0).0, BUSY_RECEIVES);
        assert_eq!(RawPages::new(1).lend(cid, id(WAIT_OPEN), 0, 0).0, 2, "not to be written");
        assert_eq!(RawPages::new(1).lend_mut(cid, WAIT_OPEN, 0, 0).0, CLOSED);
        // A Close that waits is answered as well, though the worker may last.
        let close = xous::Message::new_blocking_scalar(id(1), 0, 0, 0, 0);
        assert_eq!(xous::send_message(cid, close), Ok(xous::Result::Scalar2(1006, 0)));
        assert_eq!(waiter.join().unwrap(), CLOSED);
        assert_eq!(RawPages::new(1).lend_mut(cid, id(WAIT_OPEN), 0, 0).0, CLOSED);
        nothing_is_left();
    });
}

/// Who is waited for is named, as it is written, and not as what the end of the wait looks like.
#[test]
fn an_opening_that_is_late_names_who_is_waited_for() {
    let open = Duration::from_secs(2);
    let late = move |whom: &dyn Display| (Code::Timeout, format!("{whom}: not open within {open:?}"));
    system!().run(move || {
        let silent = || peers::serve(|stream, _: &Sender<()>| until_the_end(stream)).0;
        let silent_peer = silent();
        let (place, port) = (silent_peer.address(), silent_peer.address().port());
        let asks = |request: Request<'static>| request.options(Deadlines::new().open(open));
        let v6 = TcpListener::bind(("::1", 0)).unwrap();
        let v6_port = v6.local_addr().unwrap().port();
        let (leads, _) = peers::serve(move |mut stream, _: &Sender<()>| {
            read_head(&mut stream);
            let head = format!("HTTP/1.1 301 Go\r\nLocation: ws://{place}/\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
        });
        let (tunnel, _) = peers::serve(move |mut stream, _: &Sender<()>| {
            read_head(&mut stream);
            stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").unwrap();
            until_the_end(stream);
        });
        let far = |proxy: &Peer| Request::new("far.example", 81).proxy("127.0.0.1", proxy.address().port());
        for (request, whom) in [
            (Request::new("::1", v6_port), format!("[::1]:{v6_port}")),
            (far(&silent_peer), format!("the proxy {place}")),
            (far(&tunnel), "far.example:81".to_owned()),
            (Request::new("127.0.0.1", leads.address().port()).redirects(1), place.to_string()),
            (Request::new("127.0.0.1", port), place.to_string()),
        ] {
            assert_eq!(refusal(&asks(request.clone())), late(&whom));
            let told = Websocket::opening(&asks(request)).unwrap().wait();
            assert_eq!(told.err().unwrap().to_string(), late(&whom).1);
        }
        nothing_is_left();
    });
}

#[test]
fn an_attempt_that_is_late_is_told_as_the_deadline() {
    let open = Duration::from_secs(1);
    system!().run(move || {
        for before_open in [false, true] {
            let number = AtomicUsize::new(usize::from(before_open));
            let (peer, _) =
                peers::serve(move |mut stream, _: &Sender<()>| match number.fetch_add(1, SeqCst) {
                    0 => drop(accept_with(&mut stream, "")),
                    _ => until_the_end(stream),
                });
            let policy = Reconnect::new().first(open).largest(open).before_open(before_open);
            let asks = request(&peer).options(Deadlines::new().open(open)).reconnect(policy);
            let ws = Websocket::open(&asks).unwrap();
            if !before_open {
                reconnecting(&ws);
            }
            for _ in 0..2 {
                let Event::Reconnecting { why, closed, .. } = ws.receive_event().unwrap() else { panic!() };
                let text = format!("{}: not open within {open:?}", peer.address());
                assert_eq!((why, closed.reason), (Code::Timeout, text));
            }
            drop(ws);
            nothing_is_left();
        }
    });
}
