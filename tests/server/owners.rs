//! Programs that are gone: what they had is somebody else's, when somebody else wants it; what living ones have is not.
//!
//! A body's process stays until its system ends, so that a program that is gone is one that says nothing any more.

use std::time::{Duration, Instant};

use hosted::{hear, tell};
use xous_api_websocket::error::ControlError;
use xous_api_websocket::state::Stats;
use xous_api_websocket::wire::{Opcode, ReceiveWord, Status, message_id};
use xous_api_websocket::{Code, Lease, Listen, Listener, Reconnect, Request, Route, Websocket, push::Chunk};

use crate::by_hand::Client;
use crate::common::pages::RawPages;
use crate::common::{PATIENCE, nothing_is_left, service_cid, stats_when, system};
use crate::serve::{FIRST, listen, pair_on};

const EXISTS: ControlError = ControlError::Refused(Code::RouteExists);
/// As short as a lease can be.
const LEASE: Lease = Lease::new().silence(Duration::from_secs(1));

/// Asks for a route until it is free; how long that took.
fn wait_for_route(listener: &Listener, path: &str) -> Duration {
    let start = Instant::now();
    while let Err(error) = listener.add_route(&Route::receiver(path)) {
        assert_eq!(error, EXISTS);
        assert!(start.elapsed() < PATIENCE, "its owner is still there");
        std::thread::yield_now();
    }
    start.elapsed()
}

/// It has nothing with the service that could be given back, and has agreed to lose what it has.
#[test]
fn a_silent_program_s_listener_goes_to_its_successor_after_the_lease() {
    system!()
        .role("gone", || {
            let listener = Listener::listen(&listen().lease(LEASE)).unwrap();
            listener.add_route(&Route::receiver("/ws")).unwrap();
            tell("successor", &listener.port().to_string());
            std::mem::forget(listener);
        })
        .role("successor", || {
            let port = hear().parse().unwrap();
            let listener = Listener::listen(&Listen::new("127.0.0.1", port)).unwrap();
            let took = wait_for_route(&listener, "/ws");
            println!("a successor has its route after {took:?}");
            assert!(took >= Duration::from_secs(1));
            let (client, _incoming) = pair_on(&listener, "/ws");
            client.close();
        })
        .run_roles();
}

/// It gets its page back, and does not lend it again.
#[test]
fn a_program_that_does_not_answer_loses_what_it_has() {
    system!()
        .role("gone", || {
            let listener = Listener::listen(&listen()).unwrap();
            listener.add_route(&Route::receiver("/ws")).unwrap();
            // Both have no lease: without a page here, nothing is taken.
            tell("successor", &listener.port().to_string());
            assert_eq!(hear(), "accept");
            let mut page = RawPages::new(1);
            let (code, _) = page.lend_mut(service_cid(), message_id(Opcode::Accept, FIRST), 0, 0);
            assert_eq!(code, Code::Again as usize);
            std::mem::forget(listener);
        })
        .role("successor", || {
            let port = hear().parse().unwrap();
            let listener = Listener::listen(&Listen::new("127.0.0.1", port)).unwrap();
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(3) {
                assert_eq!(listener.add_route(&Route::receiver("/ws")), Err(EXISTS));
            }
            tell("gone", "accept");
            let took = wait_for_route(&listener, "/ws");
            println!("a successor has its route after {took:?}");
        })
        .run_roles();
}

/// It was silent when it was first looked for, and has a page with the service since: that it has a lease of hours is no
/// reason not to ask.
#[test]
fn a_lease_that_runs_keeps_nobody_from_being_asked() {
    system!()
        .role("gone", || {
            let lease = Lease::new().silence(Duration::from_secs(3600));
            let listener = Listener::listen(&listen().lease(lease)).unwrap();
            listener.add_route(&Route::receiver("/ws")).unwrap();
            tell("successor", &listener.port().to_string());
            assert_eq!(hear(), "accept");
            let mut page = RawPages::new(1);
            let (code, _) = page.lend_mut(service_cid(), message_id(Opcode::Accept, FIRST), 0, 0);
            assert_eq!(code, Code::Again as usize);
            std::mem::forget(listener);
        })
        .role("successor", || {
            let port = hear().parse().unwrap();
            let listener = Listener::listen(&Listen::new("127.0.0.1", port)).unwrap();
            assert_eq!(listener.add_route(&Route::receiver("/ws")), Err(EXISTS));
            stats_when(|stats| stats.timers > 0);
            tell("gone", "accept");
            wait_for_route(&listener, "/ws");
            // Nor does the lease outlive what it was for.
            nothing_is_left();
        })
        .run_roles();
}

/// Whatever others are refused, who is there keeps what it has, and its calls do not notice.
#[test]
fn a_living_program_keeps_what_it_has() {
    system!()
        .role("living", || {
            let listener = Listener::listen(&listen().lease(LEASE)).unwrap();
            listener.add_route(&Route::receiver("/ws")).unwrap();
            let (mut client, incoming) = pair_on(&listener, "/ws");
            tell("refused", &listener.port().to_string());
            std::thread::scope(|scope| {
                let receiver = scope.spawn(|| incoming.websocket.receive_text(9).unwrap());
                let acceptor = scope.spawn(|| listener.accept().unwrap());
                assert_eq!(hear(), "refused for long");
                client.send_text("still");
                assert_eq!(receiver.join().unwrap(), "still");
                let mut second = Client::asks(listener.port(), "/ws");
                let accepted = acceptor.join().unwrap();
                second.opened();
                drop(accepted);
            });
            client.close();
        })
        .role("refused", || {
            let port = hear().parse().unwrap();
            let listener = Listener::listen(&Listen::new("127.0.0.1", port)).unwrap();
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(5) {
                assert_eq!(listener.add_route(&Route::receiver("/ws")), Err(EXISTS));
            }
            tell("living", "refused for long");
        })
        .run_roles();
}

/// A program holds all the connections that it may have, and says nothing any more: they make room for the next one's.
fn make_room(system: hosted::Test, serve: fn() -> hosted::peer::Peer, reconnect: Option<Reconnect>) {
    system
        .role("gone", move || {
            let peer = serve();
            let request = Request::new("127.0.0.1", peer.address().port()).lease(LEASE);
            let request = match reconnect {
                Some(reconnect) => request.reconnect(reconnect),
                None => request,
            };
            let all: Vec<_> = std::iter::from_fn(|| Websocket::open(&request).ok()).collect();
            assert_eq!(all.len(), 11);
            all.into_iter().for_each(std::mem::forget);
            tell("next", "silent");
            std::mem::forget(peer);
        })
        .role("next", || {
            assert_eq!(hear(), "silent");
            let peer = hosted::peer::Peer::echo().unwrap();
            let request = Request::new("127.0.0.1", peer.address().port());
            let first = Websocket::open(&request).unwrap();
            let start = Instant::now();
            let second = loop {
                match Websocket::open(&request) {
                    Ok(second) => break second,
                    Err(_) => assert!(start.elapsed() < PATIENCE),
                }
            };
            println!("room after {:?}, {:?}", start.elapsed(), Stats::now());
            for ws in [&first, &second] {
                ws.send_text("x").unwrap();
                assert_eq!(ws.receive_text(9).unwrap(), "x");
            }
            stats_when(|stats| stats.connections == 2);
        })
        .run_roles();
}

#[test]
fn connections_of_a_silent_program_make_room() {
    make_room(system!(), || hosted::peer::Peer::echo().unwrap(), None);
}

/// So do those that it would have the service open again for ever.
#[test]
fn connections_of_a_silent_program_that_are_opened_again_make_room() {
    let hour = Duration::from_secs(3600);
    let reconnect = Reconnect::new().first(hour).largest(hour).before_open(true);
    make_room(system!(), || hosted::peer::Peer::serve(drop).unwrap(), Some(reconnect));
}

/// It lends no page to any of its connections: one thread waits for all of them, and answers for them.
#[test]
fn a_program_that_forwards_is_there() {
    system!()
        .role("living", || {
            let peer = hosted::peer::Peer::echo().unwrap();
            let request = Request::new("127.0.0.1", peer.address().port()).lease(LEASE);
            let all: Vec<_> = std::iter::from_fn(|| Websocket::open(&request).ok()).collect();
            let sid = xous::create_server().unwrap();
            let cid = xous::connect(sid).unwrap();
            for (opcode, ws) in all.iter().enumerate() {
                ws.forward_to(cid, opcode).unwrap();
            }
            tell("refused", "all taken");
            assert_eq!(hear(), "refused for long");
            for (opcode, ws) in all.iter().enumerate() {
                ws.send_text("still").unwrap();
                let envelope = xous::receive_message(sid).unwrap();
                let chunk = Chunk::from_envelope(&envelope).unwrap();
                assert_eq!((chunk.id(), chunk.bytes()), (opcode, &b"still"[..]));
            }
        })
        .role("refused", || {
            assert_eq!(hear(), "all taken");
            let peer = hosted::peer::Peer::echo().unwrap();
            let request = Request::new("127.0.0.1", peer.address().port());
            let _first = Websocket::open(&request).unwrap();
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(5) {
                assert!(Websocket::open(&request).is_err());
            }
            tell("living", "refused for long");
        })
        .run_roles();
}

/// What comes back with a question is not what is wanted, for who does not know of it.
#[test]
fn the_question_has_a_word_of_its_own() {
    let word = ReceiveWord::new(Status::Refused(Code::Again as u8));
    assert_eq!(ReceiveWord::from_word(word.to_word()), Some(word));
}
