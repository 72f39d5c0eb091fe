//! Several connections, and several senders on one.

use std::sync::mpsc::{Sender, channel};

use hosted::peer::Peer;
use tungstenite::Message as PeerMessage;
use xous_api_websocket::state::Stats;
use xous_api_websocket::{Kind, Websocket};

use crate::common::{nothing_is_left, open, pattern, peers, seen, stats_when, system};

#[test]
fn two_connections_do_not_meet() {
    system!().run(|| {
        let peers = [Peer::echo().unwrap(), Peer::echo().unwrap()];
        let both: Vec<Websocket> = peers.iter().map(open).collect();
        assert_ne!(both[0].handle(), both[1].handle());
        for round in 0..20 {
            // Both are under way before either is received, and the second is received first.
            for (number, ws) in both.iter().enumerate() {
                ws.send_text(&format!("{round} on {number}")).unwrap();
            }
            for (number, ws) in both.iter().enumerate().rev() {
                assert_eq!(ws.receive_text(100).unwrap(), format!("{round} on {number}"));
            }
        }
        both[0].close(1000, "").unwrap();
        both[1].send_text("goes on").unwrap();
        assert_eq!(both[1].receive_text(100).unwrap(), "goes on");
    });
}

/// One peer that takes nothing and one receiver that takes nothing hold up nobody else.
#[test]
fn a_connection_that_waits_holds_up_no_other() {
    system!().run(|| {
        let (deaf, opened) = peers::by_hand(|stream, opened| {
            opened.send(stream).unwrap();
        });
        let (talking, _) =
            peers::tungstenite(
                |mut socket, _: &Sender<()>| {
                    while socket.send(PeerMessage::binary(vec![1; 100_000])).is_ok() {}
                },
            );
        let echo = Peer::echo().unwrap();
        let not_read = open(&deaf);
        let kept_open = seen(&opened);
        let not_received = open(&talking);
        let sending = not_read.clone();
        let sender = std::thread::spawn(move || {
            let data = pattern(1 << 20);
            while sending.send_binary(&data).is_ok() {}
        });
        // A send that waits for the socket and a read that waits for a page each have a deadline that is waited for.
        stats_when(|stats| stats.timers >= 2);
        let ws = open(&echo);
        for round in 0..100 {
            let text = format!("round {round}");
            ws.send_text(&text).unwrap();
            assert_eq!(ws.receive_text(100).unwrap(), text);
        }
        ws.close(1000, "").unwrap();
        drop((not_received, kept_open));
        sender.join().unwrap();
    });
}

/// As many as the service has threads for, and one of them for another process; one more is refused, and there is room
/// again when one has gone.
#[test]
fn there_is_room_for_twelve_and_then_again() {
    use xous_api_websocket::Code;
    use xous_api_websocket::error::OpenError;
    let one = || {
        let peer = Peer::echo().unwrap();
        let mut all: Vec<Websocket> = (0..11).map(|_| open(&peer)).collect();
        hosted::tell("other", "all but one");
        assert_eq!(hosted::hear(), "all");
        for _ in 0..2 {
            match Websocket::open(&crate::common::request(&peer)) {
                Err(OpenError::Failed { code: Code::NoWorker, .. }) => (),
                other => panic!("{:?}", other.map(|ws| ws.handle())),
            }
        }
        for (number, ws) in all.iter().enumerate() {
            ws.send_text(&number.to_string()).unwrap();
        }
        for (number, ws) in all.iter().enumerate() {
            assert_eq!(ws.receive_text(10).unwrap(), number.to_string());
        }
        all.pop().unwrap().close(1000, "").unwrap();
        stats_when(|stats| stats.connections == 11 && stats.workers_busy == 22);
        hosted::tell("other", "one less");
        assert_eq!(hosted::hear(), "gone");
        stats_when(|stats| stats.connections == 10);
        all.push(open(&peer));
        drop(all);
        let figures = nothing_is_left();
        assert_eq!((figures.workers, figures.opened), (24, 13));
    };
    let other = || {
        let peer = Peer::echo().unwrap();
        assert_eq!(hosted::hear(), "all but one");
        let ws = open(&peer);
        hosted::tell("one", "all");
        assert_eq!(hosted::hear(), "one less");
        ws.close(1000, "").unwrap();
        hosted::tell("one", "gone");
    };
    system!().role("one", one).role("other", other).run_roles();
}

/// The fiftieth connection costs what the third did: threads and slots are used again.
#[test]
fn fifty_connections_one_after_the_other_leave_nothing() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let round = |number: usize| {
            let ws = open(&peer);
            ws.send_text(&number.to_string()).unwrap();
            assert_eq!(ws.receive_text(10).unwrap(), number.to_string());
            let handle = ws.handle();
            // Closed and dropped, only dropped, and left to a close that is not waited for, in turn.
            match number % 2 {
                0 => drop(ws.close(1000, "").unwrap()),
                _ => drop(ws),
            }
            // Its threads as well, so that the next one has no need of others.
            nothing_is_left();
            handle
        };
        let first: Vec<_> = (0..3).map(round).collect();
        let early = nothing_is_left();
        let rest: Vec<_> = (3..50).map(round).collect();
        let late = nothing_is_left();
        assert_eq!(late.opened, 50);
        let mut expected = early;
        expected.opened = 50;
        // All of the process's memory on a PC, which the allocator's own use of it moves by pages.
        expected.heap = late.heap;
        assert_eq!(late, expected);
        let mut handles: Vec<u32> = first.iter().chain(&rest).map(|handle| handle.to_raw()).collect();
        handles.sort_unstable();
        handles.dedup();
        assert_eq!(handles.len(), 50, "a handle is not used twice");
        assert!(rest.iter().all(|handle| handle.slot() < 32), "slots are");
    });
}

/// Messages of several threads are sent one after the other, whatever their size.
#[test]
fn messages_of_several_senders_are_not_mixed() {
    const SENDERS: usize = 4;
    const EACH: usize = 60;
    /// Longer ones go to the service in several parts.
    const LENGTHS: [usize; 6] = [1, 100, 4096, 20_000, 70_000, 5000];
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let ws = open(&peer);
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let ws = ws.clone();
                std::thread::spawn(move || {
                    for round in 0..EACH {
                        let mut data = vec![sender as u8; LENGTHS[(sender + round) % LENGTHS.len()]];
                        data[0] = (sender * EACH + round) as u8;
                        ws.send_binary(&data).unwrap();
                    }
                })
            })
            .collect();
        let mut next = [0; SENDERS];
        for _ in 0..SENDERS * EACH {
            let data = ws.receive_whole(usize::MAX).unwrap().into_bytes();
            let (sender, round) = (usize::from(data[0]) / EACH, usize::from(data[0]) % EACH);
            assert_eq!(round, next[sender], "each sender's own are in order");
            next[sender] += 1;
            assert_eq!(data.len(), LENGTHS[(sender + round) % LENGTHS.len()]);
            assert!(data[1..].iter().all(|byte| usize::from(*byte) == sender));
        }
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        assert_eq!(Stats::now().unwrap().busy, 0);
    });
}

#[test]
fn queued_sends_are_sent_in_order() {
    system!().run(|| {
        let (peer, _) = peers::tungstenite(|mut socket, _: &Sender<()>| {
            while let Ok(message) = socket.read() {
                if socket.send(message).is_err() {
                    return;
                }
            }
        });
        let ws = open(&peer);
        let (ready, received) = channel();
        let receiving = ws.clone();
        let receiver = std::thread::spawn(move || {
            for number in 0..200 {
                assert_eq!(receiving.receive_text(10).unwrap(), number.to_string());
                ready.send(()).unwrap();
            }
        });
        for number in 0..200 {
            ws.send_async(Kind::Text, number.to_string().as_bytes()).unwrap();
            // Never more of them under way than the queue takes.
            if number >= 8 {
                seen(&received);
            }
        }
        receiver.join().unwrap();
        assert_eq!(ws.state().unwrap().failed_sends, 0);
    });
}
