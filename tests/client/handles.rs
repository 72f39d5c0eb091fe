//! Whom a handle is worth something to: the process that owns the connection, for as long as it exists.

use std::sync::mpsc::{Receiver, Sender, TryRecvError};

use hosted::peer::Peer;
use hosted::{hear, tell};
use tungstenite::Message as PeerMessage;
use xous::CID;
use xous_api_websocket::error::{Closed, ControlError, ReceiveError, SendError};
use xous_api_websocket::state::Phase;
use xous_api_websocket::wire::{Handle, Opcode, ReceiveWord, Status, message_id};
use xous_api_websocket::{Code, Kind, Websocket};

use crate::common::pages::RawPages;
use crate::common::{nothing_is_left, nothing_is_open, open, peers, seen, service_cid, stats_when, system};

/// A peer that reports the texts that it gets.
fn listening() -> (Peer, Receiver<String>) {
    peers::tungstenite(|mut socket, texts: &Sender<String>| {
        while let Ok(message) = socket.read() {
            if let PeerMessage::Text(text) = message {
                texts.send(text.to_string()).unwrap();
            }
        }
    })
}

/// Every opcode of a connection answers that there is none, and does nothing.
fn is_worth_nothing(cid: CID, handle: Handle) {
    let id = |opcode| message_id(opcode, handle);
    let closed = Code::Closed as usize;
    let refused = xous::Result::Scalar2(usize::MAX, closed);
    let ask = |opcode, argument| {
        xous::send_message(cid, xous::Message::new_blocking_scalar(id(opcode), argument, 0, 0, 0)).unwrap()
    };
    assert_eq!(RawPages::with(b"not yours").lend(cid, id(Opcode::Send), 0, 9).0, closed, "Send");
    RawPages::with(b"not yours").give(cid, id(Opcode::Send), 0, 9);
    let mut page = RawPages::with(&[7; 4096]);
    let (word, len) = page.lend_mut(cid, id(Opcode::Receive), 0, 0);
    assert!(is_closed(word), "Receive");
    assert_eq!(len, 0);
    let (word, _) = RawPages::with(b"not yours").lend_mut(cid, id(Opcode::Exchange), 0, 9);
    assert_eq!(ReceiveWord::from_word(word).unwrap().status, Status::NotSent(Code::Closed as u8), "Exchange");
    assert!(is_closed(RawPages::with(b"bye").lend(cid, id(Opcode::Close), 1000, 3).0), "Close by lend");
    assert_eq!(ask(Opcode::State, 0), xous::Result::Scalar2(Phase::Closed as usize, 0));
    let own_pid = usize::from(xous::current_pid().unwrap().get());
    assert_eq!(ask(Opcode::Grant, own_pid), refused, "Grant");
    assert_eq!(ask(Opcode::Close, 1000), refused, "Close");
    xous::send_message(cid, xous::Message::new_scalar(id(Opcode::Close), 1000, 0, 0, 0)).unwrap();
}

fn is_closed(word: usize) -> bool {
    matches!(ReceiveWord::from_word(word).unwrap().status, Status::Closed { .. })
}

/// Opens and closes connections until one has the slot that `stale` had.
fn reuse_slot(peer: &Peer, stale: Handle) -> Websocket {
    for _ in 0..100 {
        let ws = open(peer);
        if ws.handle().slot() == stale.slot() {
            return ws;
        }
        ws.close(1000, "").unwrap();
        stats_when(|stats| stats.connections == 0);
    }
    panic!("slot {} is not used again", stale.slot());
}

#[test]
fn a_stale_handle_answers_closed() {
    system!().run(|| {
        let (peer, texts) = listening();
        let cid = service_cid();
        let mut stale: Vec<Handle> = Vec::new();
        for round in 0..4 {
            let ws = stale.first().map_or_else(|| open(&peer), |first| reuse_slot(&peer, *first));
            stale.iter().for_each(|handle| is_worth_nothing(cid, *handle));
            ws.send_text(&round.to_string()).unwrap();
            assert_eq!(seen(&texts), round.to_string(), "and nothing that the old handles sent");
            ws.close(1000, "").unwrap();
            stale.push(ws.handle());
            stale.iter().for_each(|handle| is_worth_nothing(cid, *handle));
            stats_when(|stats| stats.connections == 0);
            stale.iter().for_each(|handle| is_worth_nothing(cid, *handle));
        }
        assert_eq!(texts.try_recv(), Err(TryRecvError::Empty));
        nothing_is_left();
    });
}

/// The client crate says the same.
#[test]
fn a_connection_of_the_past_is_closed_for_every_call() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let past = open(&peer);
        past.close(1000, "").unwrap();
        stats_when(|stats| stats.connections == 0);
        let present = reuse_slot(&peer, past.handle());
        assert_eq!(past.send_text("x"), Err(SendError::Closed));
        assert_eq!(past.send_binary(&[0; 100_000]), Err(SendError::Closed));
        assert_eq!(past.ping(b"x"), Err(SendError::Closed));
        assert_eq!(past.send_async(Kind::Text, b"x"), Ok(()), "which nobody hears of");
        assert!(matches!(past.receive_text(1), Err(ReceiveError::Closed(_))));
        assert_eq!(past.close(1000, ""), Err(ControlError::Closed));
        assert_eq!(past.state().unwrap().phase, Phase::Closed);
        assert_eq!(past.clone().grant(xous::current_pid().unwrap()), Err(ControlError::Closed));
        drop(past);
        present.send_text("present").unwrap();
        assert_eq!(present.receive_text(10).unwrap(), "present");
    });
}

#[test]
fn another_process_gets_nothing_by_guessing() {
    system!()
        .role("owner", || {
            let (peer, texts) = listening();
            let ws = open(&peer);
            tell("stranger", &ws.handle().to_raw().to_string());
            assert_eq!(hear(), "tried everything");
            ws.send_text("mine").unwrap();
            assert_eq!(seen(&texts), "mine");
            assert_eq!(ws.state().unwrap().failed_sends, 0);
            assert_eq!(ws.close(1000, "").map(u16::from), Ok(1000));
            assert_eq!(texts.try_recv(), Err(TryRecvError::Empty));
        })
        .role("stranger", || {
            let handle = Handle::from_raw(hear().parse().unwrap()).unwrap();
            let cid = service_cid();
            is_worth_nothing(cid, handle);
            for slot in [0, 1, 2, 31, 255] {
                for generation in [0, 1, 2, u16::MAX] {
                    is_worth_nothing(cid, Handle::new(slot, generation));
                }
            }
            let stolen = Websocket::from_granted(handle).unwrap();
            assert_eq!(stolen.send_text("not mine"), Err(SendError::Closed));
            drop(stolen);
            tell("owner", "tried everything");
        })
        .run_roles();
}

#[test]
fn a_connection_is_granted_to_another_process() {
    system!()
        .role("owner", || {
            let peer = Peer::echo().unwrap();
            let ws = open(&peer);
            ws.send_text("before").unwrap();
            assert_eq!(ws.receive_text(10).unwrap(), "before");
            let heir = hear().parse().unwrap();
            let waiting = ws.clone();
            let (handle, cid) = (ws.handle(), service_cid());
            nothing_is_open();
            let receiver = std::thread::spawn(move || waiting.receive_text(10));
            // Besides the message that asks, the page that waits.
            stats_when(|stats| stats.open_messages == 2);
            assert_eq!(ws.grant(heir), Ok(handle));
            let closed = Closed::new(1006, String::new());
            assert_eq!(receiver.join().unwrap(), Err(ReceiveError::Closed(closed)));
            is_worth_nothing(cid, handle);
            tell("heir", &handle.to_raw().to_string());
            assert_eq!(hear(), "closed");
            nothing_is_left();
        })
        .role("heir", || {
            tell("owner", &xous::current_pid().unwrap().to_string());
            let ws = Websocket::from_granted(Handle::from_raw(hear().parse().unwrap()).unwrap()).unwrap();
            assert_eq!(ws.state().unwrap().phase, Phase::Open);
            ws.send_text("after").unwrap();
            assert_eq!(ws.receive_text(10).unwrap(), "after");
            ws.close(1000, "").unwrap();
            tell("owner", "closed");
        })
        .run_roles();
}

#[test]
fn a_grant_wants_a_process() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let ws = open(&peer);
        for pid in [0, 256, usize::MAX] {
            let grant =
                xous::Message::new_blocking_scalar(message_id(Opcode::Grant, ws.handle()), pid, 0, 0, 0);
            let malformed = xous::Result::Scalar2(usize::MAX, Code::Malformed as usize);
            assert_eq!(xous::send_message(service_cid(), grant).unwrap(), malformed, "{pid}");
        }
        ws.send_text("still mine").unwrap();
        assert_eq!(ws.receive_text(10).unwrap(), "still mine");
    });
}
