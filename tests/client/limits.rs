//! What a client cannot have more of: it is told at once, with the code of the limit, and loses nothing else.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Instant;

use hosted::peer::Peer;
use hosted::{hear, tell};
use xous_api_websocket::error::{ReceiveError, SendError};
use xous_api_websocket::state::Stats;
use xous_api_websocket::wire::{Opcode, ReceiveWord, SendWord, Status, message_id};
use xous_api_websocket::{Code, Deadlines, Kind, Part, Request, Websocket};

use crate::common::pages::RawPages;
use crate::common::raw::{CLOSE, FIRST_BINARY, close_payload, frame};
use crate::common::{
    NOBODY, PATIENCE, STUCK, nothing_is_open, open, pattern, peers, refusal, request, seen, service_cid,
    stats_when, system,
};

/// Limits of the service, as its documentation names them.
const PARKED_RECEIVES: usize = 4;
const QUEUED_SENDS: usize = 16;
const OPEN_MESSAGES_PER_PROCESS: u32 = 40;

/// Lends a page for the next chunk; its word and data when it comes back. `again` if there is no room for it.
fn park(ws: &Websocket, again: bool) -> JoinHandle<(Status, Vec<u8>)> {
    let (cid, id) = (service_cid(), message_id(Opcode::Receive, ws.handle()));
    std::thread::spawn(move || {
        let mut page = RawPages::new(1);
        loop {
            let (word, len) = page.lend_mut(cid, id, 0, 0);
            let status = ReceiveWord::from_word(word).unwrap().status;
            if !again || status != Status::Refused(Code::BusyReceives as u8) {
                return (status, page.bytes()[..len].to_vec());
            }
        }
    })
}

/// Moves pages to the service, which it keeps until the socket has taken them.
fn give(ws: &Websocket, pages: usize) {
    let word = SendWord::Data(Kind::Binary, Part::Whole).to_word();
    RawPages::new(pages).give(service_cid(), message_id(Opcode::Send, ws.handle()), word, pages * 4096);
}

/// Gives away what no socket takes until the writer waits for its peer: then nothing small goes out either.
fn block(ws: &Websocket) {
    let failed = ws.state().unwrap().failed_sends;
    while ws.state().unwrap().failed_sends < failed + QUEUED_SENDS {
        give(ws, 48);
    }
}

#[test]
fn no_more_pages_are_parked_than_the_cap() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let ws = open(&peer);
        let mut stream = seen(&streams);
        nothing_is_open();
        let parked: Vec<_> = (0..PARKED_RECEIVES).map(|_| park(&ws, false)).collect();
        stats_when(|stats| stats.open_messages == 1 + PARKED_RECEIVES as u32);
        let start = Instant::now();
        assert_eq!(park(&ws, false).join().unwrap().0, Status::Refused(Code::BusyReceives as u8));
        assert!(matches!(ws.receive(), Err(ReceiveError::Busy(Code::BusyReceives))));
        assert!(start.elapsed() < PATIENCE / 10, "at once");
        for number in 0..PARKED_RECEIVES as u8 {
            stream.write_all(&frame(0x82, &[number])).unwrap();
        }
        let mut received: Vec<_> = parked.into_iter().map(|page| page.join().unwrap().1[0]).collect();
        received.sort_unstable();
        assert_eq!(received, [0, 1, 2, 3]);
        stream.write_all(&frame(0x82, &[4])).unwrap();
        assert_eq!(ws.receive_whole(1).unwrap().into_bytes(), [4], "there is room again");
    });
}

/// The reader may hold one page besides those that are parked; all are told of the end.
#[test]
fn every_parked_page_is_told_of_the_end() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let ws = open(&peer);
        let mut stream = seen(&streams);
        nothing_is_open();
        let mut parked: Vec<_> = (0..PARKED_RECEIVES).map(|_| park(&ws, false)).collect();
        stats_when(|stats| stats.open_messages == 1 + PARKED_RECEIVES as u32);
        // The beginning of a long frame: a page is taken for it and collects the rest, so that one more is kept.
        stream.write_all(&frame(0x82, &pattern(100_000))[..1000]).unwrap();
        parked.push(park(&ws, true));
        stats_when(|stats| stats.open_messages == 1 + PARKED_RECEIVES as u32 + 1);
        drop(stream);
        let ends = parked.into_iter().map(|page| page.join().unwrap());
        let (told, collected): (Vec<_>, Vec<_>) =
            ends.partition(|(status, _)| *status == Status::Closed { code: 1006 });
        assert_eq!(told.len(), PARKED_RECEIVES);
        let [(Status::Chunk { first: true, last: false, .. }, data)] = &collected[..] else {
            panic!("not one page with what came: {collected:?}");
        };
        assert_eq!(*data, pattern(1000 - 10));
    });
}

#[test]
fn no_more_sends_are_queued_than_the_cap() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let ws = open(&peer);
        let stream = seen(&streams);
        let (lenders, refused) = lend_to_a_full_queue(&ws);
        assert_eq!(refused, Err(SendError::Busy(Code::BusyQueue)));
        let failed = ws.state().unwrap().failed_sends;
        assert!(failed > 0);
        assert!(stats_when(|_| true).busy as usize > failed, "each refusal is counted");

        // Whoever waits is told when the peer is gone.
        drop(stream);
        stats_when(|stats| stats.connections == 0);
        assert!(lenders.into_iter().all(|lender| lender.join().unwrap() == Err(SendError::Closed)));
        assert_eq!(ws.state().unwrap().failed_sends, 0, "of a connection that has ended nothing is known");
    });
}

/// Waits for the answer to a Send.
type Lender = JoinHandle<Result<(), SendError>>;

/// Lends a Send while the queue is full, and again if the socket has taken something just then. Those who got a place
/// in the queue, and what the other was told.
fn lend_to_a_full_queue(ws: &Websocket) -> (Vec<Lender>, Result<(), SendError>) {
    let mut lenders = Vec::new();
    block(ws);
    loop {
        let failed = ws.state().unwrap().failed_sends;
        while ws.state().unwrap().failed_sends < failed + QUEUED_SENDS {
            give(ws, 1);
        }
        let lending = ws.clone();
        let lender = std::thread::spawn(move || lending.send_text("x"));
        let start = Instant::now();
        while start.elapsed() < STUCK {
            if lender.is_finished() {
                return (lenders, lender.join().unwrap());
            }
        }
        lenders.push(lender);
        assert!(lenders.len() < 8, "a full queue takes more and more");
    }
}

/// A failed send is told of with the next page, once.
#[test]
fn a_failed_send_is_reported_with_the_next_chunk() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let ws = open(&peer);
        ws.send_async(Kind::Text, b"good").unwrap();
        let receive = || {
            let mut page = RawPages::new(1);
            let (word, len) = page.lend_mut(service_cid(), message_id(Opcode::Receive, ws.handle()), 0, 0);
            (ReceiveWord::from_word(word).unwrap().send_failed, page.bytes()[..len].to_vec())
        };
        assert_eq!(receive(), (false, b"good".to_vec()));
        ws.send_async(Kind::Text, b"not UTF-8: \xff").unwrap();
        ws.send_async(Kind::Text, b"good again").unwrap();
        assert_eq!(receive(), (true, b"good again".to_vec()));
        assert_eq!(ws.state().unwrap().failed_sends, 1);
        ws.send_async(Kind::Binary, b"and again").unwrap();
        assert_eq!(receive(), (false, b"and again".to_vec()));
        ws.send_async(Kind::Text, &[0xff; 5000]).unwrap();
        ws.send_async(Kind::Text, &[0xff; 5000]).unwrap();
        ws.send_text("x").unwrap();
        assert_eq!(receive(), (true, b"x".to_vec()));
        assert_eq!(ws.state().unwrap().failed_sends, 3);
    });
}

/// A peer that takes nothing is waited for longer than a slow machine takes to fill the service.
fn patient() -> Deadlines {
    Deadlines::new().write(4 * PATIENCE)
}

/// Gives away what no socket takes until the service refuses to open a connection; with which code.
fn fill(all: &[Websocket]) -> Code {
    all.iter().for_each(|ws| (0..64).for_each(|_| give(ws, 16)));
    let start = Instant::now();
    loop {
        let states = || all.iter().map(|ws| ws.state().unwrap()).collect::<Vec<_>>();
        assert!(start.elapsed() < PATIENCE, "it is never full: {:?}", states());
        all.iter().for_each(|ws| give(ws, 1));
        match refusal(&Request::new("127.0.0.1", NOBODY.port())).0 {
            Code::Connect => (),
            code => return code,
        }
    }
}

#[test]
fn one_process_cannot_lock_the_others_out() {
    let deadlines = patient().close(std::time::Duration::from_millis(200));
    system!()
        .role("greedy", move || {
            let (peer, streams) = peers::silent();
            let all: Vec<_> =
                (0..4).map(|_| Websocket::open(&request(&peer).options(deadlines)).unwrap()).collect();
            let kept_open: Vec<_> = all.iter().map(|_| seen(&streams)).collect();
            assert_eq!(fill(&all), Code::BusyMessages);
            assert!(Stats::now().is_ok(), "which needs no place");
            // Too many for the process, not for the queues of its connections.
            let failed = || all.iter().map(|ws| ws.state().unwrap().failed_sends).sum::<usize>();
            let (before, start) = (failed(), Instant::now());
            while failed() == before {
                give(&all[0], 1);
                assert!(start.elapsed() < PATIENCE);
            }
            let served = AtomicBool::new(false);
            std::thread::scope(|threads| {
                // What the sockets still take on a busy machine is made up for.
                threads.spawn(|| {
                    while !served.load(SeqCst) {
                        all.iter().for_each(|ws| give(ws, 1));
                    }
                });
                tell("modest", "full");
                let heard = hear();
                served.store(true, SeqCst);
                assert_eq!(heard, "served");
            });
            drop(kept_open);
        })
        .role("modest", || {
            assert_eq!(hear(), "full");
            let peer = Peer::echo().unwrap();
            let ws = open(&peer);
            for round in 0..20 {
                ws.send_text(&round.to_string()).unwrap();
                assert_eq!(ws.receive_text(10).unwrap(), round.to_string());
            }
            // A thread that has answered one of ours lets go of it a moment later.
            // The other's are still there.
            stats_when(|stats| (21..=OPEN_MESSAGES_PER_PROCESS + 1).contains(&stats.open_messages));
            tell("greedy", "served");
        })
        .run_roles();
}

#[test]
fn all_processes_together_have_a_limit() {
    system!()
        .role("one", || {
            let (peer, streams) = peers::silent();
            let open = || Websocket::open(&request(&peer).options(patient())).unwrap();
            let all: Vec<_> = (0..4).map(|_| open()).collect();
            let kept_open: Vec<_> = all.iter().map(|_| seen(&streams)).collect();
            assert_eq!(fill(&all), Code::BusyMessages);
            tell("other", "full");
            assert_eq!(hear(), "full too");
            drop(kept_open);
            // When the connections have failed their sends, everybody is served again.
            stats_when(|stats| stats.open_messages == 1);
            tell("other", "over");
        })
        .role("other", || {
            let (peer, streams) = peers::silent();
            let patient = || Websocket::open(&request(&peer).options(patient())).unwrap();
            let all: Vec<_> = (0..2).map(|_| patient()).collect();
            let kept_open: Vec<_> = all.iter().map(|_| seen(&streams)).collect();
            assert_eq!(hear(), "full");
            assert_eq!(fill(&all), Code::BusyService);
            drop(kept_open);
            tell("one", "full too");
            assert_eq!(hear(), "over");
            let peer = Peer::echo().unwrap();
            let ws = open(&peer);
            ws.send_text("served again").unwrap();
            assert_eq!(ws.receive_text(20).unwrap(), "served again");
            assert!(stats_when(|_| true).busy >= 2, "each refusal is counted");
        })
        .run_roles();
}

/// Text that a caller asks to have whole is the only thing that is assembled, up to the caller's limit.
#[test]
fn a_message_without_end_ends_with_the_callers_limit() {
    system!().run(|| {
        let (stop, stopped) = channel::<()>();
        let stopped = std::sync::Mutex::new(stopped);
        let (peer, _) = peers::by_hand(move |mut stream, _: &std::sync::mpsc::Sender<()>| {
            stream.write_all(&frame(FIRST_BINARY, b"")).unwrap();
            while stopped.lock().unwrap().try_recv().is_err() {
                stream.write_all(&frame(0, &[1; 10_000])).unwrap();
            }
            stream.write_all(&frame(0x80, b"")).unwrap();
            stream.write_all(&frame(CLOSE, &close_payload(1000, ""))).unwrap();
        });
        let ws = open(&peer);
        let mut message = ws.receive().unwrap();
        let mut received = 0;
        while received < 4 << 20 {
            let len = message.chunk().unwrap().len();
            received += len;
            message.consume(len);
        }
        stop.send(()).unwrap();
        message.discard().unwrap();
        assert!(matches!(ws.receive(), Err(ReceiveError::Closed(_))));
    });
}
