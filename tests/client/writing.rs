//! Messages that are sent as a stream: what the peer sees of one that is finished, and of one that is not.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use xous_api_websocket::error::SendError;
use xous_api_websocket::state::Phase;
use xous_api_websocket::{Code, Kind, Payload, Reconnect, Websocket};

use crate::common::raw::{CLOSE, FIRST_BINARY, FIRST_TEXT, Frame, LAST, TEXT, read_frame};
use crate::common::{
    PATIENCE, nothing_is_left, open, pattern, peers, reconnecting, reopened, request, seen, system,
};

/// A connection, and each frame that the peer gets, up to a Close frame.
fn frames() -> (Peer, Websocket, Receiver<Frame>) {
    let (peer, frames) = peers::by_hand(|mut stream: TcpStream, frames: &Sender<Frame>| {
        while let Ok(frame) = read_frame(&mut stream) {
            let last = frame.first == CLOSE;
            frames.send(frame).ok();
            if last {
                return;
            }
        }
    });
    let ws = open(&peer);
    (peer, ws, frames)
}

#[test]
fn a_written_message_arrives_whole_whatever_its_length() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let ws = open(&peer);
        for len in [0, 1, 4096, 16_383, 16_384, 16_385, 32_768, 100_000] {
            let data = pattern(len);
            let mut writer = ws.writer(Kind::Binary);
            data.chunks(777).for_each(|piece| writer.write_all(piece).unwrap());
            writer.finish().unwrap();
            assert!(ws.receive_whole(len).unwrap() == Payload::Binary(data), "{len}");
        }
        // A character may be cut between two writes and between two parts.
        let text = "\u{20ac}".repeat(20_000);
        let mut writer = ws.writer(Kind::Text);
        text.as_bytes().chunks(1000).for_each(|piece| writer.write_all(piece).unwrap());
        writer.finish().unwrap();
        assert!(ws.receive_text(text.len()).unwrap() == text);
        ws.close(1000, "").unwrap();
        nothing_is_left();
    });
}

#[test]
fn only_the_last_frame_is_marked_as_the_last() {
    system!().run(|| {
        let (_peer, ws, frames) = frames();
        let mut writer = ws.writer(Kind::Text);
        writer.write_all(b"one").unwrap();
        writer.flush().unwrap();
        writer.flush().unwrap();
        writer.write_all(&[b'x'; 16_384]).unwrap();
        writer.finish().unwrap();
        let one = seen(&frames);
        assert_eq!((one.first, &*one.payload), (FIRST_TEXT, &b"one"[..]));
        let two = seen(&frames);
        assert_eq!((two.first, two.payload.len()), (LAST, 16_384));
    });
}

#[test]
fn a_message_that_is_not_finished_is_no_message() {
    system!().run(|| {
        let (_peer, ws, frames) = frames();
        let mut writer = ws.writer(Kind::Binary);
        writer.write_all(&[1; 20_000]).unwrap();
        drop(writer);
        let begun = seen(&frames);
        assert_eq!(begun.first, FIRST_BINARY);
        let close = seen(&frames);
        assert_eq!((close.first, close.close().0), (CLOSE, 1011), "and no frame that ends the message");
        assert_eq!(ws.send_text("more"), Err(SendError::Closed));
    });
}

#[test]
fn what_was_not_sent_yet_can_be_given_up() {
    system!().run(|| {
        let (_peer, ws, frames) = frames();
        let mut writer = ws.writer(Kind::Binary);
        writer.write_all(&[1; 16_384]).unwrap();
        drop(writer);
        ws.send_text("next").unwrap();
        let next = seen(&frames);
        assert_eq!((next.first, &*next.payload), (TEXT, &b"next"[..]));
        assert_eq!(ws.state().unwrap().phase, Phase::Open);
    });
}

#[test]
fn a_part_that_is_refused_fails_the_message() {
    system!().run(|| {
        let (_peer, ws, frames) = frames();
        let mut writer = ws.writer(Kind::Text);
        writer.write_all(b"good").unwrap();
        writer.flush().unwrap();
        writer.write_all(b"\xff").unwrap();
        assert_eq!(writer.finish(), Err(SendError::Refused(Code::InvalidText)));
        assert_eq!(seen(&frames).payload, b"good");
        assert_eq!(seen(&frames).close().0, 1011);

        // Nothing of this one has gone out, so that the connection stays.
        let (_peer, ws, frames) = self::frames();
        let mut writer = ws.writer(Kind::Text);
        writer.write_all(b"\xff").unwrap();
        assert_eq!(writer.finish(), Err(SendError::Refused(Code::InvalidText)));
        ws.send_text("next").unwrap();
        assert_eq!(seen(&frames).payload, b"next");
    });
}

/// A connection that is opened again. Its first session is cut behind the first frame, and of the next one each frame is
/// reported.
fn cut(policy: Reconnect) -> (Peer, Websocket, Receiver<Frame>) {
    let number = AtomicUsize::new(0);
    let (peer, frames) = peers::by_hand(move |mut stream: TcpStream, frames: &Sender<Frame>| {
        let first = number.fetch_add(1, SeqCst) == 0;
        while let Ok(frame) = read_frame(&mut stream) {
            let last = first || frame.first == CLOSE;
            if !first {
                frames.send(frame).ok();
            }
            if last {
                return;
            }
        }
    });
    let ws = Websocket::open(&request(&peer).reconnect(policy)).unwrap();
    (peer, ws, frames)
}

fn policy(wait: Duration) -> Reconnect {
    Reconnect::new().first(wait).largest(wait).jitter(0)
}

/// The connection goes on, and the peer gets nothing of an earlier message, nor a Close.
fn goes_on(ws: &Websocket, frames: &Receiver<Frame>) {
    ws.send_text("next").unwrap();
    let next = seen(frames);
    assert_eq!((next.first, &*next.payload), (TEXT, &b"next"[..]));
    assert_eq!(ws.state().unwrap().phase, Phase::Open);
}

fn why(error: &io::Error) -> SendError {
    *error.get_ref().and_then(|inner| inner.downcast_ref()).expect("one of the connection")
}

#[test]
fn a_link_that_is_cut_fails_the_message_and_not_the_connection() {
    system!().run(|| {
        for queues in [false, true] {
            let (_peer, ws, frames) = cut(policy(Duration::from_millis(100)).queues(queues));
            let mut writer = ws.writer(Kind::Binary);
            let start = Instant::now();
            let error = loop {
                assert!(start.elapsed() < PATIENCE);
                if let Err(error) = writer.write_all(&[7; 16_384]) {
                    break why(&error);
                }
            };
            assert!(
                [SendError::Closed, SendError::Refused(Code::Reconnecting)].contains(&error),
                "{error:?}"
            );
            assert_eq!(writer.finish(), Err(error));
            reconnecting(&ws);
            reopened(&ws);
            goes_on(&ws, &frames);
            drop(ws);
            nothing_is_left();
        }
    });
}

#[test]
fn a_message_that_was_begun_before_a_cut_neither_goes_on_behind_it_nor_ends_what_does() {
    system!().run(|| {
        for way in 0..3 {
            let (_peer, ws, frames) = cut(policy(Duration::from_millis(100)));
            let mut writer = ws.writer(Kind::Binary);
            writer.write_all(b"begun").unwrap();
            writer.flush().unwrap();
            reconnecting(&ws);
            reopened(&ws);
            let lost = SendError::Refused(Code::Reconnecting);
            match way {
                0 => assert_eq!(writer.finish(), Err(lost)),
                1 => {
                    assert_eq!(why(&writer.write_all(&[7; 20_000]).unwrap_err()), lost);
                    drop(writer);
                }
                _ => drop(writer),
            }
            goes_on(&ws, &frames);
            let mut second = ws.writer(Kind::Text);
            second.write_all(b"whole").unwrap();
            second.finish().unwrap();
            assert_eq!(seen(&frames).payload, b"whole");
            drop(ws);
            nothing_is_left();
        }
    });
}

/// Though what is sent meanwhile waits.
#[test]
fn the_rest_of_a_message_is_not_waited_with_for_another_session() {
    system!().run(|| {
        let (_peer, ws, frames) = cut(policy(Duration::from_secs(3600)).queues(true));
        let mut writer = ws.writer(Kind::Binary);
        writer.write_all(b"begun").unwrap();
        writer.flush().unwrap();
        reconnecting(&ws);
        assert_eq!(writer.finish(), Err(SendError::Refused(Code::Reconnecting)));
        ws.reconnect_now().unwrap();
        reopened(&ws);
        goes_on(&ws, &frames);
        drop(ws);
        nothing_is_left();
    });
}

/// Messages of other threads wait for the end of one that is written.
#[test]
fn messages_of_several_threads_are_not_mixed() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let ws = open(&peer);
        let mut writer = ws.writer(Kind::Binary);
        writer.write_all(&[7; 20_000]).unwrap();
        let other = {
            let ws = ws.clone();
            std::thread::spawn(move || ws.send_text("after").unwrap())
        };
        writer.write_all(&[7; 20_000]).unwrap();
        writer.finish().unwrap();
        assert!(ws.receive_whole(40_000).unwrap() == Payload::Binary(vec![7; 40_000]));
        assert_eq!(ws.receive_text(10).unwrap(), "after");
        other.join().unwrap();
    });
}
