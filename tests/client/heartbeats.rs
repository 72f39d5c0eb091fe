//! Messages that the service sends by itself.

use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use xous_api_websocket::{Code, Heartbeat, Kind, Part, Websocket};

use crate::common::raw::{BINARY, CLOSE, FIRST_TEXT, LAST, TEXT, frame, read_frame};
use crate::common::{PATIENCE, nothing_is_left, peers, refusal, request, seen, system};

const EVERY: Duration = Duration::from_millis(200);

/// A peer that reports what comes and when, and answers a Close.
fn peer() -> (Peer, Receiver<(u8, Vec<u8>, Instant)>) {
    peers::by_hand(|mut stream, frames: &Sender<(u8, Vec<u8>, Instant)>| {
        while let Ok(received) = read_frame(&mut stream) {
            if received.first == CLOSE {
                std::io::Write::write_all(&mut stream, &frame(CLOSE, &received.payload)).unwrap();
            }
            assert!(received.mask.is_some());
            frames.send((received.first, received.payload, Instant::now())).ok();
        }
    })
}

#[test]
fn a_heartbeat_goes_out_at_once_and_again_and_again() {
    system!().run(|| {
        for heartbeat in [Heartbeat::text(r#"{"op":1}"#, EVERY), Heartbeat::binary(&[1, 2, 3], EVERY)] {
            let (peer, frames) = peer();
            let start = Instant::now();
            let ws = Websocket::open(&request(&peer).heartbeat(heartbeat)).unwrap();
            let first = if heartbeat.kind == Kind::Text { TEXT } else { BINARY };
            for number in 0..4 {
                let (kind, message, when) = seen(&frames);
                assert_eq!((kind, &*message), (first, heartbeat.message));
                let took = when - start;
                assert!(took >= number * EVERY && took < PATIENCE, "{number}: {took:?}");
            }
            ws.close(1000, "").unwrap();
            while seen(&frames).0 != CLOSE {}
            assert!(frames.recv_timeout(3 * EVERY).is_err(), "nothing comes behind the end");
            drop(ws);
            nothing_is_left();
        }
    });
}

/// Nor are those made up for that were due meanwhile.
#[test]
fn a_message_in_parts_is_not_broken_by_a_heartbeat() {
    system!().run(|| {
        let (peer, frames) = peer();
        let ws = Websocket::open(&request(&peer).heartbeat(Heartbeat::text("beat", EVERY))).unwrap();
        assert_eq!(seen(&frames).1, b"beat");
        ws.send_fragment(Kind::Text, Part::First, b"one").unwrap();
        // Time for three.
        std::thread::sleep(3 * EVERY + EVERY / 2);
        let end = Instant::now();
        ws.send_fragment(Kind::Text, Part::Last, b"two").unwrap();
        // Some may have gone out before the message.
        let kinds = std::iter::repeat_with(|| seen(&frames).0);
        let kinds: Vec<_> = kinds.skip_while(|&kind| kind == TEXT).take(2).collect();
        assert_eq!(kinds, [FIRST_TEXT, LAST]);
        // One that is due now, one that comes late, and then each in its time.
        let beats: Vec<_> = (0..5).map(|_| seen(&frames)).collect();
        assert!(beats.iter().all(|(kind, message, _)| (*kind, &**message) == (TEXT, b"beat")));
        let took = beats[4].2 - end;
        assert!(took >= 2 * EVERY, "{took:?}");
    });
}

#[test]
fn a_heartbeat_that_cannot_be_is_refused_with_its_field() {
    system!().run(|| {
        let (peer, _) = peer();
        let too_long = [0; Heartbeat::MAX_BYTES + 1];
        for (heartbeat, field) in [
            (Heartbeat::text("", Duration::ZERO), "heartbeat.every "),
            (Heartbeat::binary(&too_long, EVERY), "heartbeat.message "),
        ] {
            let (code, text) = refusal(&request(&peer).heartbeat(heartbeat));
            assert_eq!(code, Code::BadRequest);
            assert!(text.contains(field), "{text}");
        }
        nothing_is_left();
    });
}
