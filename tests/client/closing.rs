//! The end of a connection, from either side (RFC 6455 sections 5.5.1 and 7).

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use tungstenite::Message as PeerMessage;
use tungstenite::protocol::CloseFrame;
use xous_api_websocket::error::{Closed, ControlError, ReceiveError, SendError};
use xous_api_websocket::state::Phase;
use xous_api_websocket::{Code, ConnectionOptions, Deadlines, Kind, Websocket};

use crate::common::raw::{BINARY, CLOSE, FIRST_TEXT, TEXT, close_payload, expect_close, frame, read_frame};
use crate::common::{
    nothing_is_left, nothing_is_open, open, pattern, peers, request, seen, stats_when, system,
};

fn closed(code: u16, reason: &str) -> ReceiveError {
    ReceiveError::Closed(Closed::new(code, reason))
}

/// A peer that does `what` behind the opening handshake.
fn peer(what: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> Peer {
    let (peer, _) = peers::by_hand(move |mut stream, _: &Sender<()>| what(&mut stream));
    peer
}

#[test]
fn the_owner_closes_with_code_and_reason() {
    system!().run(|| {
        let (peer, closes) = peers::by_hand(|mut stream, closes| {
            closes.send(expect_close(&mut stream)).unwrap();
        });
        let longest = "r".repeat(121) + "é";
        for (code, reason, on_the_wire) in
            [(0, "", 1000), (1000, "", 1000), (1001, "bye", 1001), (3000, "é", 3000), (4999, &*longest, 4999)]
        {
            let ws = open(&peer);
            assert_eq!(ws.state().unwrap().phase, Phase::Open);
            assert_eq!(ws.close(code, reason).map(u16::from), Ok(on_the_wire), "the peer's answer");
            let close = seen(&closes);
            assert_eq!(close.close(), (on_the_wire, reason.to_owned()));
            assert!(close.mask.is_some());
            assert_eq!(ws.state().unwrap().phase, Phase::Closed);
            assert_eq!(ws.send_text("x"), Err(SendError::Closed));
            // How it ended is known also when its threads are gone.
            for _ in 0..2 {
                assert_eq!(ws.receive_text(1), Err(closed(on_the_wire, reason)));
                assert_eq!(ws.close(1000, ""), Err(ControlError::Closed));
                nothing_is_left();
            }
        }
    });
}

#[test]
fn what_may_not_travel_is_refused() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let ws = open(&peer);
        for code in [1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
            assert_eq!(ws.close(code, ""), Err(ControlError::Refused(Code::Malformed)), "{code}");
        }
        for len in [124, 5000] {
            let reason = "r".repeat(len);
            assert_eq!(ws.close(1000, &reason), Err(ControlError::Refused(Code::TooLong)), "{len}");
        }
        ws.send_text("still open").unwrap();
        assert_eq!(ws.receive_text(10).unwrap(), "still open");
    });
}

/// Queued sends go out before the Close frame, and a message that somebody waits for gets its end.
#[test]
fn what_was_sent_before_goes_out_before() {
    system!().run(|| {
        let (peer, messages) = peers::tungstenite(|mut socket, messages| {
            while let Ok(message) = socket.read() {
                messages.send(message).unwrap();
            }
        });
        let ws = open(&peer);
        for number in 0..8 {
            ws.send_async(Kind::Text, format!("{number}").as_bytes()).unwrap();
        }
        assert_eq!(ws.close(4000, "all sent").map(u16::from), Ok(4000));
        for number in 0..8 {
            assert_eq!(seen(&messages), PeerMessage::text(format!("{number}")));
        }
        let close = CloseFrame { code: 4000.into(), reason: "all sent".into() };
        assert_eq!(seen(&messages), PeerMessage::Close(Some(close)));
        assert_eq!(ws.state().unwrap().failed_sends, 0);
    });
}

#[test]
fn the_peer_closes_with_code_and_reason() {
    system!().run(|| {
        for (payload, code, reason) in [
            (close_payload(1000, ""), 1000, ""),
            (close_payload(1001, "going away"), 1001, "going away"),
            (close_payload(4001, &"é".repeat(61)), 4001, &*"é".repeat(61)),
            (Vec::new(), 1005, ""),
        ] {
            let sent = payload.clone();
            let (peer, answers) = peers::by_hand(move |mut stream, answers| {
                stream.write_all(&frame(CLOSE, &sent)).unwrap();
                let answer = read_frame(&mut stream).unwrap();
                assert_eq!(stream.read(&mut [0]).unwrap(), 0);
                answers.send(answer).unwrap();
            });
            let ws = open(&peer);
            for _ in 0..2 {
                assert_eq!(ws.receive_text(1), Err(closed(code, reason)));
            }
            // Section 5.5.1: typically the answer echoes the code.
            assert_eq!(seen(&answers).close().0, if code == 1005 { 0 } else { code });
            assert_eq!(ws.send_text("x"), Err(SendError::Closed));
            assert_eq!(ws.close(1000, "").map(u16::from), Ok(code), "the peer's code, not ours");
            assert_eq!(ws.close(1000, ""), Err(ControlError::Closed));
            assert!(payload.len() <= 125);
        }
        nothing_is_left();
    });
}

#[test]
fn a_peer_that_vanishes_is_noticed() {
    system!().run(|| {
        let at_once = peer(|_| ());
        let ended = || closed(1006, "the peer ended the connection without a Close frame");
        assert_eq!(open(&at_once).receive_text(1), Err(ended()));

        let within_a_message = peer(|stream| stream.write_all(&frame(FIRST_TEXT, b"half")).unwrap());
        let ws = open(&within_a_message);
        let mut message = ws.receive().unwrap();
        let mut text = String::new();
        let error = message.read_to_string(&mut text).unwrap_err();
        assert_eq!((&*text, error.kind()), ("half", std::io::ErrorKind::UnexpectedEof));
        drop(message);

        let within_a_frame = peer(|stream| {
            let whole = frame(TEXT, &[b'x'; 50_000]);
            stream.write_all(&whole[..40_000]).unwrap();
        });
        let ws = open(&within_a_frame);
        assert_eq!(ws.receive_text(100_000), Err(ended()));
        assert_eq!(ws.send_text("x"), Err(SendError::Closed));
        drop(ws);
        nothing_is_left();
    });
}

/// Reader and writer have a part each in it, so it is done often enough to catch them in every order.
#[test]
fn every_close_of_the_peer_is_answered() {
    system!().run(|| {
        let (peer, answers) = peers::by_hand(|mut stream, answers| {
            stream.write_all(&frame(CLOSE, &close_payload(4001, ""))).unwrap();
            // Nothing more comes from here, which is no reason to leave the Close frame unanswered.
            stream.shutdown(Shutdown::Write).unwrap();
            answers.send(read_frame(&mut stream).map(|answer| answer.close().0).ok()).unwrap();
        });
        for round in 0..100 {
            let ws = open(&peer);
            assert_eq!(ws.receive_text(1), Err(closed(4001, "")));
            assert_eq!(seen(&answers), Some(4001), "round {round}");
        }
        nothing_is_left();
    });
}

/// The Close frame may lie right behind a part of a message, in the same segment.
#[test]
fn a_close_within_a_message_is_told_as_it_is() {
    system!().run(|| {
        let peer = peer(|stream| {
            let bytes = [frame(FIRST_TEXT, b"half"), frame(CLOSE, &close_payload(4001, "enough"))].concat();
            stream.write_all(&bytes).unwrap();
            assert_eq!(read_frame(stream).unwrap().close().0, 4001);
        });
        let ws = open(&peer);
        let mut message = ws.receive().unwrap();
        assert_eq!(message.chunk().unwrap(), b"half");
        message.consume(4);
        assert_eq!(message.chunk().unwrap_err(), closed(4001, "enough"));
        drop(message);
        assert_eq!(ws.receive_text(10), Err(closed(4001, "enough")));
    });
}

/// Section 5.5.1: an end that has sent a Close frame does not send data, but may have to read some.
#[test]
fn data_on_its_way_does_not_hold_up_a_close() {
    system!().run(|| {
        let peer = peer(|stream| {
            let mut reading = stream.try_clone().unwrap();
            let asked = std::thread::spawn(move || read_frame(&mut reading).unwrap());
            while !asked.is_finished() {
                stream.write_all(&frame(TEXT, &[b'x'; 1000])).unwrap();
            }
            stream.write_all(&frame(TEXT, &[b'x'; 100_000])).unwrap();
            stream.write_all(&frame(CLOSE, &asked.join().unwrap().payload)).unwrap();
            assert_eq!(stream.read(&mut [0]).unwrap(), 0);
        });
        let ws = open(&peer);
        assert_eq!(ws.receive_whole(1000).unwrap().into_bytes().len(), 1000);
        assert_eq!(ws.close(4002, "enough").map(u16::from), Ok(4002));
        nothing_is_left();
    });
}

/// What the peer has sent before it got our Close frame goes to who still receives, and then the end.
#[test]
fn who_receives_while_another_closes_gets_what_is_on_its_way() {
    system!().run(|| {
        let peer = peer(|stream| {
            let close = read_frame(stream).unwrap();
            assert_eq!(close.close().0, 4002);
            for number in 0..50 {
                stream.write_all(&frame(TEXT, format!("{number}").as_bytes())).unwrap();
            }
            stream.write_all(&frame(BINARY, &pattern(50_000))).unwrap();
            stream.write_all(&frame(CLOSE, &close.payload)).unwrap();
            assert_eq!(stream.read(&mut [0]).unwrap(), 0);
        });
        let ws = open(&peer);
        nothing_is_open();
        let receiving = ws.clone();
        let receiver = std::thread::spawn(move || {
            for number in 0..50 {
                assert_eq!(receiving.receive_text(10).unwrap(), format!("{number}"));
            }
            assert_eq!(receiving.receive_whole(50_000).unwrap().into_bytes(), pattern(50_000));
            assert_eq!(receiving.receive_text(10), Err(closed(4002, "enough")));
        });
        stats_when(|stats| stats.open_messages == 2);
        assert_eq!(ws.close(4002, "enough").map(u16::from), Ok(4002));
        receiver.join().unwrap();
        nothing_is_left();
    });
}

#[test]
fn both_may_close_at_once() {
    system!().run(|| {
        let peer = peer(|stream| {
            let first = read_frame(stream).unwrap();
            // Sent before the client's was read, for all that the client can know.
            stream.write_all(&frame(CLOSE, &close_payload(4003, "me too"))).unwrap();
            assert_eq!(first.close().0, 4002);
            assert_eq!(stream.read(&mut [0]).unwrap(), 0, "one Close frame is enough");
        });
        let ws = open(&peer);
        assert_eq!(ws.close(4002, "").map(u16::from), Ok(4003));
        nothing_is_left();
    });
}

#[test]
fn a_peer_that_never_answers_a_close_is_not_waited_for_longer_than_asked() {
    let close = Duration::from_millis(300);
    system!().run(move || {
        let peer = peer(|stream| {
            read_frame(stream).unwrap();
            std::io::copy(stream, &mut std::io::sink()).ok();
            assert!(stream.write_all(&[0; 1]).is_err() || stream.read(&mut [0]).is_ok());
        });
        let deadlines = Deadlines::new().close(close);
        let ws = Websocket::open(&request(&peer).options(deadlines)).unwrap();
        let start = Instant::now();
        assert_eq!(ws.close(1000, "").map(u16::from), Ok(1006), "no Close frame came");
        let took = start.elapsed();
        assert!(took >= close && took < 10 * close, "{took:?}");
        nothing_is_left();
    });
}

#[test]
fn letting_go_closes() {
    system!().run(|| {
        let (peer, closes) = peers::by_hand(|mut stream, closes| {
            let text = read_frame(&mut stream).unwrap();
            assert_eq!(text.payload, b"from a clone");
            closes.send(expect_close(&mut stream)).unwrap();
        });
        let ws = open(&peer);
        let clone = ws.clone();
        drop(ws);
        clone.send_text("from a clone").unwrap();
        drop(clone);
        assert_eq!(seen(&closes).close(), (1000, String::new()));
        nothing_is_left();
    });
}

/// Both sides may be in the middle of something long.
#[test]
fn a_close_of_the_peer_ends_a_send() {
    system!().run(|| {
        let peer = peer(|stream| {
            read_frame(stream).unwrap();
            stream.write_all(&frame(CLOSE, &close_payload(1009, "too much"))).unwrap();
            // Reads on until the client's answer to the Close frame, as it must to get it.
            while read_frame(stream).unwrap().first != CLOSE {}
        });
        let ws =
            Websocket::open(&request(&peer).options(ConnectionOptions::new().fragment_size(1000))).unwrap();
        // So long that it cannot all be on its way before the answer.
        let data = pattern(1 << 20);
        let error = loop {
            if let Err(error) = ws.send_binary(&data) {
                break error;
            }
        };
        assert_eq!(error, SendError::Closed);
        assert_eq!(ws.receive_text(1), Err(closed(1009, "too much")));
        drop(ws);
        nothing_is_left();
    });
}
