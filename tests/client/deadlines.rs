//! Waits that end: for a receiver, for the peer's socket, for a pong. Each test has short deadlines of its own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use xous_api_websocket::error::{Closed, ReceiveError, SendError};
use xous_api_websocket::state::Phase;
use xous_api_websocket::{Deadlines, Websocket};

use crate::common::raw::{BINARY, CLOSE, PING, PONG, TEXT, acceptance, frame, read_frame, read_head};
use crate::common::{PATIENCE, nothing_is_left, pattern, peers, request, seen, stats_when, system};

const SHORT: Duration = Duration::from_millis(300);

fn deadlines() -> Deadlines {
    Deadlines::new().close(SHORT)
}

/// A connection with these deadlines, and the peer's end of it.
fn connect(deadlines: Deadlines) -> (Peer, Websocket, TcpStream) {
    let (peer, streams) = peers::by_hand(|stream, streams: &Sender<TcpStream>| streams.send(stream).unwrap());
    let ws = Websocket::open(&request(&peer).options(deadlines)).unwrap();
    let stream = seen(&streams);
    (peer, ws, stream)
}

fn took(start: Instant, at_least: Duration) {
    let took = start.elapsed();
    assert!(took >= at_least && took < PATIENCE, "{took:?}");
}

/// What docs/guide.md says of a program that is stuck: the service answers pings for it until a message waits for a page.
#[test]
fn a_program_that_is_stuck_is_alive_until_a_message_waits() {
    system!().run(|| {
        let (_peer, stuck, mut stream) = connect(deadlines().stall(2 * SHORT));
        let start = Instant::now();
        stream.write_all(&frame(PING, b"there?")).unwrap();
        let pong = read_frame(&mut stream).unwrap();
        assert_eq!((pong.first, &*pong.payload), (PONG, &b"there?"[..]));
        stream.write_all(&frame(TEXT, b"nobody takes this")).unwrap();
        stream.write_all(&frame(PING, b"and now?")).unwrap();
        let (code, reason) = read_frame(&mut stream).unwrap().close();
        assert_eq!((code, &*reason), (1001, "the receiver stalled"));
        took(start, 2 * SHORT);
        assert!(matches!(stuck.receive_text(100), Err(ReceiveError::Closed(closed)) if closed.code == 1001));
        drop((stuck, stream));
        nothing_is_left();
    });
}

/// Only the connection of a receiver that takes nothing is closed, and only after its deadline.
#[test]
fn a_stalled_receiver_loses_its_own_connection_only() {
    system!().run(|| {
        let (_peer, stalled, mut stream) = connect(deadlines().stall(SHORT));
        let echo = Peer::echo().unwrap();
        // As short, but this one receives.
        let other = Websocket::open(&request(&echo).options(deadlines().stall(SHORT))).unwrap();
        let start = Instant::now();
        stream.write_all(&frame(TEXT, b"nobody takes this")).unwrap();
        let mut rounds = 0;
        while stalled.state().unwrap().phase == Phase::Open {
            // Its page is there before what it is to be filled with.
            let text = format!("round {rounds}");
            assert_eq!(other.exchange_text(&text, 100).unwrap(), text);
            rounds += 1;
            assert!(start.elapsed() < PATIENCE);
        }
        took(start, SHORT);
        assert!(rounds > 0);
        let (code, reason) = read_frame(&mut stream).unwrap().close();
        assert_eq!((code, &*reason), (1001, "the receiver stalled"));
        let closed = Closed::new(1001, "the receiver stalled");
        assert_eq!(stalled.receive_text(100), Err(ReceiveError::Closed(closed)));
        assert_eq!(stalled.send_text("x"), Err(SendError::Closed));
        // An idle connection is not a stalled one.
        assert_eq!(other.exchange_text("still open", 100).unwrap(), "still open");
        drop((stalled, other, stream));
        nothing_is_left();
    });
}

/// The deadline is for one wait: a receiver that takes its time over each chunk, but less than that, is none that
/// stalls.
#[test]
fn a_slow_receiver_is_not_a_stalled_one() {
    const CHUNKS: usize = 8;
    system!().run(|| {
        let (_peer, ws, mut stream) = connect(deadlines().stall(4 * SHORT));
        let start = Instant::now();
        let writer = std::thread::spawn(move || {
            for _ in 0..CHUNKS {
                stream.write_all(&frame(BINARY, &pattern(4096))).unwrap();
            }
            stream
        });
        for _ in 0..CHUNKS {
            // The time that this receiver takes, not a wait for anything.
            std::thread::sleep(SHORT);
            assert_eq!(ws.receive_whole(4096).unwrap().into_bytes(), pattern(4096));
        }
        took(start, CHUNKS as u32 * SHORT);
        writer.join().unwrap();
    });
}

#[test]
fn a_peer_that_never_reads_is_given_up() {
    system!().run(|| {
        let (_peer, ws, stream) = connect(deadlines().write(SHORT));
        let start = Instant::now();
        let data = pattern(1 << 20);
        let error = loop {
            if let Err(error) = ws.send_binary(&data) {
                break error;
            }
            assert!(start.elapsed() < PATIENCE);
        };
        assert_eq!(error, SendError::Closed);
        took(start, SHORT);
        let closed = Closed::new(1006, format!("the peer took nothing within {SHORT:?}"));
        assert_eq!(ws.receive_text(1), Err(ReceiveError::Closed(closed)));
        drop((ws, stream));
        nothing_is_left();
    });
}

/// Also when the owner has closed it and its last messages cannot go out.
#[test]
fn a_close_does_not_wait_for_a_peer_that_never_reads() {
    system!().run(|| {
        let (_peer, ws, stream) = connect(deadlines());
        let sending = ws.clone();
        let sender = std::thread::spawn(move || {
            let data = pattern(1 << 20);
            while sending.send_binary(&data).is_ok() {}
        });
        stats_when(|stats| stats.timers > 0);
        let start = Instant::now();
        assert_eq!(ws.close(1000, "").map(u16::from), Ok(1006));
        took(start, SHORT);
        sender.join().unwrap();
        drop((ws, stream));
        nothing_is_left();
    });
}

/// A peer that reports what comes and answers pings if it `answers`.
fn pinged(answers: bool) -> (Peer, Receiver<u8>) {
    peers::by_hand(move |mut stream, kinds| {
        while let Ok(received) = read_frame(&mut stream) {
            kinds.send(received.first).unwrap();
            if received.first == PING && answers {
                stream.write_all(&frame(PONG, &received.payload)).unwrap();
            }
            if received.first == CLOSE {
                stream.write_all(&frame(CLOSE, &received.payload)).unwrap();
            }
        }
    })
}

#[test]
fn silence_is_followed_by_pings_and_pongs() {
    let keepalive = deadlines().keepalive(SHORT / 6).pong(PATIENCE);
    system!().run(move || {
        let (peer, kinds) = pinged(true);
        let start = Instant::now();
        let ws = Websocket::open(&request(&peer).options(keepalive)).unwrap();
        for _ in 0..5 {
            assert_eq!(seen(&kinds), PING);
        }
        took(start, 5 * SHORT / 6);
        ws.send_text("still open").unwrap();
        while seen(&kinds) != TEXT {}
        ws.close(1000, "").unwrap();
        nothing_is_left();
    });
}

#[test]
fn a_missing_pong_ends_the_connection() {
    let keepalive = deadlines().keepalive(SHORT / 3).pong(SHORT);
    system!().run(move || {
        let (peer, kinds) = pinged(false);
        let start = Instant::now();
        let ws = Websocket::open(&request(&peer).options(keepalive)).unwrap();
        let closed = Closed::new(1006, format!("no answer to a ping within {SHORT:?}"));
        assert_eq!(ws.receive_text(1), Err(ReceiveError::Closed(closed)));
        took(start, SHORT / 3 + SHORT);
        assert_eq!(seen(&kinds), PING);
        assert_eq!(ws.send_text("x"), Err(SendError::Closed));
        drop(ws);
        nothing_is_left();
    });
}

/// Everything that comes shows that the peer lives; a pong may be held up behind something long.
#[test]
fn whatever_comes_is_a_sign_of_life() {
    let keepalive = deadlines().keepalive(SHORT).pong(4 * SHORT);
    system!().run(move || {
        let (peer, _) = peers::by_hand(|mut stream, _: &Sender<()>| {
            let long = frame(BINARY, &pattern(2000));
            for piece in long.chunks(50) {
                // The pace of this peer, not a wait for anything.
                std::thread::sleep(SHORT / 4);
                stream.write_all(piece).unwrap();
            }
            std::io::copy(&mut stream, &mut std::io::sink()).ok();
        });
        let ws = Websocket::open(&request(&peer).options(keepalive)).unwrap();
        let start = Instant::now();
        assert_eq!(ws.receive_whole(2000).unwrap().into_bytes(), pattern(2000));
        took(start, 7 * SHORT);
    });
}

/// While the receiver takes nothing the service does not read either, and cannot see a pong: that is the receiver's
/// doing, for which there is the stall deadline, and no sign of death.
#[test]
fn a_pause_of_the_receiver_is_not_the_peers_silence() {
    let keepalive = deadlines().keepalive(SHORT / 6).pong(2 * SHORT);
    system!().run(move || {
        let (peer, streams) = peers::serve(|mut stream, streams: &Sender<TcpStream>| {
            let head = read_head(&mut stream);
            // In one piece: between two this peer would be silent.
            let all = [acceptance(&head, "").into_bytes(), frame(TEXT, b"later")].concat();
            stream.write_all(&all).unwrap();
            streams.send(stream).unwrap();
        });
        let ws = Websocket::open(&request(&peer).options(keepalive)).unwrap();
        let mut stream = seen(&streams);
        // Several times the time after which a silent peer would be given up.
        let start = Instant::now();
        while start.elapsed() < 7 * SHORT {
            assert_eq!(ws.state().unwrap().phase, Phase::Open);
        }
        stream.write_all(&frame(PONG, b"")).unwrap();
        assert_eq!(ws.receive_text(100).unwrap(), "later");
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        assert_eq!(byte[0], PING, "the first thing that came");
    });
}
