//! Programs that decide on a client before it is answered.

use std::time::{Duration, Instant};

use xous_api_websocket::error::AcceptError;
use xous_api_websocket::wire::{Accepted, Handle, Opcode, PAGE_SIZE, Pages, Returned, SendWord, message_id};
use xous_api_websocket::{Code, Incoming, Kind, Listener, Part, Route, Upload, serve::Decision};

use crate::by_hand::{Client, upgrade_request};
use crate::common::{PATIENCE, nothing_is_left, nothing_is_open, service_cid, stats_when, system};
use crate::serve::{FIRST, SHORT, listen, roomy};

/// A listener whose `/ws` decides.
fn deciding() -> Listener {
    deciding_within(PATIENCE)
}

/// The same, whose clients wait so long.
fn deciding_within(time: Duration) -> Listener {
    let listener = Listener::listen(&listen().limits(roomy().accept_time(time))).unwrap();
    listener.add_route(&Route::receiver("/ws").decides().sub_protocol("b").sub_protocol("a")).unwrap();
    listener
}

/// Takes the first listener's next client by hand, undecided.
fn undecided(page: &mut Pages) -> Handle {
    let accept = message_id(Opcode::Accept, FIRST);
    let returned = page.lend_mut(service_cid(), accept, 0, 0, 3 * PAGE_SIZE).unwrap();
    assert_eq!(returned.offset, 0);
    let accepted = Accepted::parse(&page.bytes()[..returned.valid]).unwrap();
    assert!(accepted.undecided);
    accepted.handle
}

/// Decides by hand. The answer's code.
fn decide(handle: Handle, decision: &Decision<'_>) -> usize {
    let mut page = Pages::new(PAGE_SIZE);
    let len = decision.write(page.bytes_mut()).unwrap();
    lend(handle, Opcode::Decide, &mut page, 0, len).offset
}

fn lend(handle: Handle, opcode: Opcode, page: &mut Pages, offset: usize, len: usize) -> Returned {
    page.lend(service_cid(), message_id(opcode, handle), offset, len).unwrap()
}

#[test]
fn a_program_sees_the_request_and_answers_it() {
    system!().run(|| {
        let listener = deciding();
        let gatekeeper = |accepted: &Accepted<'_>| {
            assert!(accepted.undecided && accepted.subject.is_none());
            assert!(accepted.head.ends_with(b"\r\n\r\n"));
            match accepted.query {
                Some("token=right") => {
                    Decision::accept().sub_protocol("a").header("Set-Cookie", format!("at={}", accepted.path))
                }
                Some("elsewhere") => Decision::refuse(307, "").header("Location", "/other"),
                Some("empty") => Decision::refuse(204, "never sent"),
                _ => Decision::refuse(402, "Pay first.\n").header("Content-Type", "text/x-own"),
            }
        };
        let handler = std::thread::scope(|scope| {
            let handler = scope.spawn(|| listener.accept_if(0, gatekeeper).unwrap());
            let refused = Client::asks(listener.port(), "/ws?token=wrong").answer();
            assert_eq!((refused.status, &*refused.body), (402, &b"Pay first.\n"[..]));
            assert_eq!(refused.field("Content-Type"), Some("text/x-own"));
            let moved = Client::asks(listener.port(), "/ws?elsewhere").answer();
            assert_eq!((moved.status, moved.field("Location")), (307, Some("/other")));
            let mut client = Client::asks(listener.port(), "/ws?empty");
            let empty = client.answer_to_head();
            assert_eq!((empty.status, empty.field("Content-Length")), (204, None));
            client.ended();
            let lines = "Sec-WebSocket-Protocol: a, b\r\n";
            let mut client = Client::with(listener.port(), upgrade_request("/ws?token=right", lines));
            let opened = client.opened();
            assert_eq!(opened.field("Set-Cookie"), Some("at=/ws"));
            assert_eq!(opened.field("Sec-WebSocket-Protocol"), Some("a"), "as the program says");
            let incoming = handler.join().unwrap();
            incoming.websocket.send_text("welcome").unwrap();
            assert_eq!(client.text(), "welcome");
            client.close();
            incoming
        });
        assert_eq!(handler.query.as_deref(), Some("token=right"));
        drop(handler);
        nothing_is_left();
    });
}

#[test]
fn who_does_not_ask_lets_everybody_in() {
    system!().run(|| {
        let listener = deciding();
        let lines = "Sec-WebSocket-Protocol: a, b\r\n";
        let mut client = Client::with(listener.port(), upgrade_request("/ws", lines));
        let incoming = listener.accept().unwrap();
        assert_eq!(client.opened().field("Sec-WebSocket-Protocol"), Some("b"), "the route's preference");
        client.send_text("hello");
        assert_eq!(incoming.websocket.receive_text(9).unwrap(), "hello");
        client.close();
    });
}

#[test]
fn a_decision_that_cannot_be_sent_is_the_programs_fault() {
    system!().run(|| {
        let listener = deciding();
        let bad = [
            Decision::accept().header("X", "a\r\nSet-Cookie: b"),
            Decision::accept().header("Sec-WebSocket-Accept", "x"),
            Decision::accept().header("Up grade", "x"),
            Decision::accept().sub_protocol("never-offered"),
            Decision::refuse(403, "").header("X", "a\nb"),
            Decision::refuse(403, "").header("Content-Length", "7"),
        ];
        for decision in bad {
            std::thread::scope(|scope| {
                let handler = scope.spawn(|| listener.accept_if(0, |_| decision.clone()).err());
                let mut client = Client::asks(listener.port(), "/ws");
                assert_eq!(client.answer().status, 500, "{decision:?}");
                client.ended();
                assert_eq!(handler.join().unwrap(), Some(AcceptError::Refused(Code::BadRequest)));
            });
        }
        // One that does not even fit into a message: the client does not wait for that.
        let listener = &listener;
        std::thread::scope(|scope| {
            let long = || Decision::refuse(403, "x".repeat(Decision::MAX_LEN));
            let handler = scope.spawn(move || listener.accept_if(0, |_| long()).err());
            assert_eq!(Client::asks(listener.port(), "/ws").answer().status, 500);
            assert_eq!(handler.join().unwrap(), Some(AcceptError::Refused(Code::TooLong)));
        });
        nothing_is_left();
    });
}

#[test]
fn a_client_does_not_wait_longer_than_the_port_says() {
    system!().run(|| {
        let listener = deciding_within(SHORT);
        let mut page = Pages::new(3 * PAGE_SIZE);
        let start = Instant::now();
        let mut client = Client::asks(listener.port(), "/ws");
        let handle = undecided(&mut page);
        assert_eq!(client.answer().status, 503);
        assert!(start.elapsed() >= SHORT, "{:?}", start.elapsed());
        client.ended();
        assert_eq!(decide(handle, &Decision::accept()), Code::Closed as usize, "too late");
        // Nor is there anything to decide on other connections.
        let open = std::thread::scope(|scope| {
            let handler = scope.spawn(|| listener.accept().unwrap());
            Client::asks(listener.port(), "/ws").opened();
            handler.join().unwrap()
        });
        for handle in [open.websocket.handle(), Handle::new(9, 9), FIRST] {
            assert_eq!(decide(handle, &Decision::accept()), Code::Closed as usize);
        }
        drop(open);
        nothing_is_left();
    });
}

#[test]
fn a_message_that_is_no_decision_leaves_the_client_waiting() {
    system!().run(|| {
        let listener = deciding();
        let mut page = Pages::new(3 * PAGE_SIZE);
        let mut client = Client::asks(listener.port(), "/ws");
        let handle = undecided(&mut page);
        for len in [0, 7, PAGE_SIZE] {
            page.clear();
            assert_eq!(lend(handle, Opcode::Decide, &mut page, 0, len).offset, Code::Malformed as usize);
        }
        assert_eq!(decide(handle, &Decision::accept()), 0);
        client.opened();
        assert_eq!(decide(handle, &Decision::accept()), Code::Closed as usize, "once");
        drop(listener);
    });
}

/// The program knows the handle before the client has its answer.
#[test]
fn what_is_sent_before_the_decision_comes_behind_the_101() {
    system!().run(|| {
        let listener = deciding();
        let mut page = Pages::new(3 * PAGE_SIZE);
        let mut client = Client::asks(listener.port(), "/ws");
        let handle = undecided(&mut page);
        let send = message_id(Opcode::Send, handle);
        nothing_is_open();
        std::thread::scope(|scope| {
            let early = scope.spawn(|| {
                let mut page = Pages::new(PAGE_SIZE);
                page.fill(b"early");
                page.lend(service_cid(), send, SendWord::Data(Kind::Text, Part::Whole).to_word(), 5)
                    .unwrap()
                    .offset
            });
            stats_when(|stats| stats.open_messages == 2);
            assert!(!client.has_bytes());
            assert_eq!(decide(handle, &Decision::accept()), 0);
            client.opened();
            assert_eq!(client.text(), "early");
            assert_eq!(early.join().unwrap(), 0);
        });
        client.close();
        drop(listener);
    });
}

#[test]
fn a_connection_that_is_closed_before_the_decision_is_none() {
    system!().run(|| {
        let listener = deciding();
        let mut page = Pages::new(3 * PAGE_SIZE);
        let mut client = Client::asks(listener.port(), "/ws");
        let handle = undecided(&mut page);
        let close = xous::Message::new_scalar(message_id(Opcode::Close, handle), 1000, 0, 0, 0);
        xous::send_message(service_cid(), close).unwrap();
        assert_eq!(decide(handle, &Decision::accept()), Code::Closed as usize);
        assert_eq!(client.answer().status, 503);
        drop(listener);
        nothing_is_left();
    });
}

#[test]
fn clients_that_go_while_the_program_decides_take_nothing_with_them() {
    system!().run(|| {
        let listener = deciding();
        let mut page = Pages::new(3 * PAGE_SIZE);
        for accept in [true, false] {
            let client = Client::asks(listener.port(), "/ws");
            let handle = undecided(&mut page);
            drop(client);
            decide(handle, &if accept { Decision::accept() } else { Decision::refuse(403, "no") });
        }
        let mut client = Client::asks(listener.port(), "/ws");
        let handle = undecided(&mut page);
        assert_eq!(decide(handle, &Decision::accept()), 0);
        client.opened();
        client.close();
        drop(listener);
        nothing_is_left();
    });
}

#[test]
fn only_what_a_program_takes_is_decided_on() {
    system!().run(|| {
        let listener = deciding();
        let page = Route::page("/page", "text/plain", b"x").decides();
        let upload = Route::upload("/upload", Upload::new("deciding")).decides();
        let files = Route::files("/files/", "deciding").decides();
        for route in [page, upload, files] {
            let refused = listener.add_route(&route).unwrap_err();
            assert!(format!("{refused:?}").contains("BadRequest"), "{refused:?}");
        }
    });
}

#[test]
fn clients_that_are_pushed_are_decided_on_where_they_arrive() {
    system!().run(|| {
        let sid = xous::create_server().unwrap();
        let cid = xous::connect(sid).unwrap();
        let listener = deciding();
        listener.forward_to(cid, 7).unwrap();
        let mut refused = Client::asks(listener.port(), "/ws?no");
        let taken = |decide: fn(&Accepted<'_>) -> Decision<'static>| {
            let envelope = xous::receive_message(sid).unwrap();
            let memory = envelope.body.memory_message().expect("a lend");
            let page = crate::common::pages::received(memory);
            Incoming::from_page_if(&page[..memory.valid.unwrap().get()], decide).unwrap()
        };
        assert!(taken(|accepted| Decision::refuse(403, accepted.path.to_owned())).is_none());
        assert_eq!(refused.answer().body, b"/ws");
        let mut client = Client::asks(listener.port(), "/ws?yes");
        let incoming = taken(|_| Decision::accept()).unwrap();
        client.opened();
        assert_eq!(incoming.query.as_deref(), Some("yes"));
        client.close();
    });
}
