//! What has passed on a connection, for its owner and for nobody else.

use std::io::Write;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use hosted::{hear, tell};
use xous_api_websocket::error::Closed;
use xous_api_websocket::state::{Phase, Statistics, Traffic};
use xous_api_websocket::wire::{Handle, Opcode, message_id};
use xous_api_websocket::{Code, Deadlines, Kind, Part, Reconnect, Websocket};

use crate::common::pages::RawPages;
use crate::common::raw::{CLOSE, TEXT, close_payload, frame, read_frame};
use crate::common::{PATIENCE, nothing_is_left, open, pattern, peers, request, seen, service_cid, system};

/// The statistics when they are as wanted, which must be soon.
fn when(ws: &Websocket, wanted: impl Fn(&Statistics) -> bool) -> Statistics {
    let start = Instant::now();
    loop {
        let statistics = ws.statistics().unwrap();
        if wanted(&statistics) {
            return statistics;
        }
        assert!(start.elapsed() < PATIENCE, "{statistics:?}");
    }
}

#[test]
fn whole_messages_and_their_bytes_are_counted_each_way() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let ws = Websocket::open(&request(&peer).path("/a/b?secret=1")).unwrap();
        let begin = ws.statistics().unwrap();
        assert_eq!((begin.phase, begin.is_server, begin.connection), (Phase::Open, false, ws.handle()));
        assert_eq!((begin.sent, begin.received), (Traffic::default(), Traffic::default()));
        assert_eq!((&*begin.path, begin.last_end, begin.round_trip), ("/a/b", None, None));
        assert!(begin.peer.starts_with("127.0.0.1:") && begin.open_for < PATIENCE, "{}", begin.peer);
        // Short, long enough for the way around the read buffer, and in parts.
        let long = pattern(300_000);
        ws.send_text("hello").unwrap();
        assert_eq!(ws.receive_text(5).unwrap(), "hello");
        ws.send_binary(&long).unwrap();
        assert!(ws.receive_whole(long.len()).unwrap().as_ref() == long);
        ws.send_fragment(Kind::Text, Part::First, b"one").unwrap();
        assert_eq!(ws.statistics().unwrap().sent, Traffic::new(2, 300_008), "a part is bytes and no message");
        ws.send_fragment(Kind::Text, Part::Last, b"").unwrap();
        ws.ping(b"not counted").unwrap();
        assert_eq!(ws.receive_text(5).unwrap(), "one");
        let all = Traffic::new(3, 300_008);
        let end = when(&ws, |statistics| statistics.round_trip.is_some());
        assert_eq!((end.sent, end.received, end.reconnects, end.queued_sends), (all, all, 0, 0));
        ws.close(1000, "").unwrap();
        let ended = when(&ws, |statistics| statistics.phase == Phase::Closed);
        assert_eq!((ended.last_end, ended.why), (Some(Closed::new(1000, "")), None));
        nothing_is_left();
    });
}

#[test]
fn what_waits_for_its_receiver_counts_as_a_stall() {
    system!().run(|| {
        let (peer, _) = peers::by_hand(|mut stream, _: &Sender<()>| {
            stream.write_all(&frame(TEXT, b"soon")).unwrap();
            while read_frame(&mut stream).is_ok() {}
        });
        let ws = open(&peer);
        when(&ws, |statistics| statistics.stalls == 1 && statistics.received == Traffic::new(1, 4));
        assert_eq!(ws.receive_text(4).unwrap(), "soon");
        assert_eq!(ws.statistics().unwrap().stalls, 1);
    });
}

#[test]
fn a_connection_that_is_opened_again_keeps_its_counts() {
    system!().run(|| {
        let (peer, served) = peers::by_hand(|mut stream, served: &Sender<Vec<u8>>| {
            stream.write_all(&frame(TEXT, b"welcome")).unwrap();
            let first = read_frame(&mut stream).unwrap();
            let leaves = first.payload == b"leave";
            served.send(first.payload).unwrap();
            if leaves {
                stream.write_all(&frame(CLOSE, &close_payload(1012, "restart"))).unwrap();
            }
            while read_frame(&mut stream).is_ok() {}
        });
        let policy = Reconnect::new().first(Duration::from_millis(50)).jitter(0);
        let ws = Websocket::open(&request(&peer).reconnect(policy)).unwrap();
        for _ in 0..2 {
            assert_eq!(ws.receive_text(7).unwrap(), "welcome");
            ws.send_text("leave").unwrap();
            assert_eq!(seen(&served), b"leave");
        }
        assert_eq!(ws.receive_text(7).unwrap(), "welcome");
        let statistics = ws.statistics().unwrap();
        assert_eq!((statistics.reconnects, statistics.phase), (2, Phase::Open));
        assert_eq!((statistics.sent, statistics.received), (Traffic::new(2, 10), Traffic::new(3, 21)));
        assert_eq!(statistics.last_end, Some(Closed::new(1012, "restart")));
    });
}

#[test]
fn a_peer_that_is_given_up_is_told_with_the_reason() {
    system!().run(|| {
        let (peer, _) = peers::by_hand(|mut stream, _: &Sender<()>| while read_frame(&mut stream).is_ok() {});
        let short = Duration::from_millis(100);
        let ws = Websocket::open(&request(&peer).options(Deadlines::new().keepalive(short).pong(short)));
        let end = when(&ws.unwrap(), |statistics| statistics.phase == Phase::Closed);
        assert_eq!(end.why, Some(Code::NoPong));
    });
}

#[test]
fn nobody_else_learns_anything_of_a_connection() {
    system!()
        .role("owner", || {
            let peer = Peer::echo().unwrap();
            let ws = Websocket::open(&request(&peer).path("/private")).unwrap();
            ws.send_text("private").unwrap();
            tell("stranger", &ws.handle().to_raw().to_string());
            assert_eq!(hear(), "done");
            assert_eq!(ws.statistics().unwrap().sent, Traffic::new(1, 7));
        })
        .role("stranger", || {
            let handle = Handle::from_raw(hear().parse().unwrap()).unwrap();
            let mut page = RawPages::with(&[7; 4096]);
            let id = message_id(Opcode::Statistics, handle);
            let (offset, len) = page.lend_mut(service_cid(), id, 0, 0);
            assert_eq!(offset, 0);
            let nothing = Statistics::new(handle);
            assert_eq!(Statistics::parse(&page.bytes()[..len]), Some(nothing));
            // No room, and no page that can be written to.
            assert_eq!(RawPages::with(b"x").lend(service_cid(), id, 0, 1).0, Code::Malformed as usize);
            for opcode in [Opcode::PortStatistics, Opcode::Clients] {
                let (offset, _) = page.lend_mut(service_cid(), message_id(opcode, handle), 0, 0);
                assert_eq!(offset, Code::Closed as usize);
            }
            tell("owner", "done");
        })
        .run_roles();
}
