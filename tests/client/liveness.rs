//! Pings that say how far away the peer is, and whether it is there.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use xous_api_websocket::error::{Closed, ControlError, ReceiveError, SendError};
use xous_api_websocket::state::{Phase, RoundTrip};
use xous_api_websocket::{Code, Deadlines, Event, Reconnect, Request, Websocket};

use crate::common::raw::{CLOSE, PING, PONG, TEXT, close_payload, frame, read_frame};
use crate::common::{
    PATIENCE, nothing_is_left, open, peers, reconnecting, reopened, request, seen, stats_when, system,
    takes_nothing,
};

const SHORT: Duration = Duration::from_millis(100);
/// For a pong behind what two sockets hold, on a machine that has other work.
const LONGER: Duration = Duration::from_secs(1);
/// More bytes than two sockets hold.
const MUCH: usize = 8 << 20;

/// A peer that reports what comes. It answers pings after this time, each behind two pongs that answer nothing; or never.
fn peer(after: Option<Duration>) -> (Peer, Receiver<u8>) {
    peers::by_hand(move |mut stream, kinds: &Sender<u8>| {
        while let Ok(received) = read_frame(&mut stream) {
            match (received.first, after) {
                (PING, Some(after)) => {
                    stream.write_all(&frame(PONG, b"")).unwrap();
                    stream.write_all(&frame(PONG, b"another")).unwrap();
                    // What is to be measured.
                    std::thread::sleep(after);
                    stream.write_all(&frame(PONG, &received.payload)).unwrap();
                }
                (CLOSE, _) => stream.write_all(&frame(CLOSE, &received.payload)).unwrap(),
                _ => (),
            }
            kinds.send(received.first).ok();
        }
    })
}

/// When so long a trip has been seen.
fn round_trip(ws: &Websocket, when: impl Fn(&RoundTrip) -> bool) -> RoundTrip {
    let start = Instant::now();
    loop {
        if let Some(trip) = ws.state().unwrap().round_trip.filter(&when) {
            return trip;
        }
        assert!(start.elapsed() < PATIENCE, "{:?}", ws.state());
    }
}

#[test]
fn a_pong_says_how_long_the_way_is() {
    system!().run(|| {
        let (peer, kinds) = peer(Some(SHORT));
        let keepalive = Deadlines::new().keepalive(SHORT).pong(PATIENCE);
        for by_service in [true, false] {
            let deadlines = if by_service { keepalive } else { Deadlines::default() };
            let ws = Websocket::open(&request(&peer).options(deadlines)).unwrap();
            if !by_service {
                assert_eq!(ws.state().unwrap().round_trip, None);
                ws.ping(b"mine").unwrap();
            }
            let trip = round_trip(&ws, |_| true);
            assert!(trip.least >= SHORT && trip.least < PATIENCE, "{trip:?}");
            assert!(trip.last >= trip.least && trip.mean >= trip.least, "{trip:?}");
            ws.close(1000, "").unwrap();
            while seen(&kinds) != CLOSE {}
        }
    });
}

/// What the peer reports next has reached it later than this call.
fn behind_earlier_pings(ws: &Websocket, kinds: &Receiver<u8>) {
    ws.send_text("behind them").unwrap();
    while seen(kinds) != TEXT {}
}

#[test]
fn pings_can_be_turned_on_and_off_while_a_connection_is_open() {
    system!().run(|| {
        let (peer, kinds) = peer(Some(Duration::ZERO));
        // So that the timer soon forgets what was written.
        let ws = Websocket::open(&request(&peer).options(Deadlines::new().write(5 * SHORT))).unwrap();
        let off = stats_when(|stats| stats.timers == 0);
        ws.set_keepalive(Some(SHORT), PATIENCE).unwrap();
        (0..3).for_each(|_| assert_eq!(seen(&kinds), PING));
        // Not twice as often for being said twice.
        let start = Instant::now();
        ws.set_keepalive(Some(4 * SHORT), PATIENCE).unwrap();
        ws.set_keepalive(Some(4 * SHORT), PATIENCE).unwrap();
        behind_earlier_pings(&ws, &kinds);
        (0..3).for_each(|_| assert_eq!(seen(&kinds), PING));
        assert!(start.elapsed() >= 7 * SHORT, "{:?}", start.elapsed());
        ws.set_keepalive(None, PATIENCE).unwrap();
        assert_eq!(stats_when(|stats| stats.timers == 0).connections, off.connections);
        behind_earlier_pings(&ws, &kinds);
        assert!(kinds.recv_timeout(8 * SHORT).is_err(), "no more pings");
        ws.close(1000, "").unwrap();
        assert_eq!(ws.set_keepalive(Some(SHORT), SHORT), Err(ControlError::Closed));
        nothing_is_left();
    });
}

#[test]
fn a_peer_that_is_gone_is_named_as_such() {
    system!().run(|| {
        let (peer, _kinds) = peer(None);
        let ws = open(&peer);
        assert_eq!(ws.state().unwrap().end, None);
        ws.set_keepalive(Some(SHORT), SHORT).unwrap();
        ws.receive_text(1).unwrap_err();
        for _ in 0..2 {
            let state = ws.state().unwrap();
            assert_eq!((state.phase, state.end), (Phase::Closed, Some(Code::NoPong)));
            nothing_is_left();
        }
        // Not so who says good bye.
        let echo = Peer::echo().unwrap();
        let ws = open(&echo);
        ws.close(1000, "").unwrap();
        assert_eq!(ws.state().unwrap().end, None);
    });
}

/// A connection whose writer waits for its peer in the middle of a message, as the sockets are full; who sends that, and
/// the peer's end, which is the next of its `streams`.
fn held_up(
    request: &Request<'_>,
    streams: &Receiver<TcpStream>,
) -> (Websocket, JoinHandle<Result<(), SendError>>, BufReader<TcpStream>) {
    let ws = Websocket::open(request).unwrap();
    let sending = ws.clone();
    let sender = std::thread::spawn(move || sending.send_binary(&vec![0; MUCH]));
    let passed = || ws.statistics().unwrap().sent.bytes;
    while passed() == 0 || !takes_nothing(&ws) {}
    assert!(passed() < MUCH as u64);
    (ws, sender, BufReader::new(seen(streams)))
}

/// The first byte and the payload of the next frame. A long one is let go of unseen, as fast as it comes.
fn take_frame(stream: &mut BufReader<TcpStream>) -> io::Result<(u8, Vec<u8>)> {
    let (mut head, mut length) = ([0; 2], [0; 2]);
    stream.read_exact(&mut head)?;
    if head[1] & 0x7f < 126 {
        let frame = read_frame(&mut head.chain(stream))?;
        return Ok((frame.first, frame.payload));
    }
    assert_eq!(head[1] & 0x7f, 126, "parts are short enough");
    stream.read_exact(&mut length)?;
    // With its mask.
    let rest = u64::from(u16::from_be_bytes(length)) + 4;
    io::copy(&mut stream.take(rest), &mut io::sink())?;
    Ok((head[0], Vec::new()))
}

/// Takes everything, echoes texts, and answers pings if it `answers`.
fn takes_all(mut stream: BufReader<TcpStream>, answers: bool) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut back = stream.get_ref().try_clone().unwrap();
        while let Ok((first, payload)) = take_frame(&mut stream) {
            let answer = match first {
                PING if answers => PONG,
                TEXT | CLOSE => first,
                _ => continue,
            };
            back.write_all(&frame(answer, &payload)).unwrap();
        }
    })
}

/// It cannot answer what has not reached it: its time begins when the ping is with the socket.
#[test]
fn a_peer_that_takes_much_slowly_is_not_taken_for_dead() {
    system!().run(|| {
        for answers in [true, false] {
            let (peer, streams) = peers::silent();
            let request = request(&peer).options(Deadlines::new().write(PATIENCE));
            let (ws, sender, mut stream) = held_up(&request, &streams);
            ws.set_keepalive(Some(SHORT), LONGER).unwrap();
            for _ in 0..4 {
                // Too little for the writer to go on.
                take_frame(&mut stream).unwrap();
                let start = Instant::now();
                while start.elapsed() < (SHORT + LONGER) / 2 {
                    let state = ws.state().unwrap();
                    assert_eq!((state.phase, state.end), (Phase::Open, None));
                }
            }
            let released = Instant::now();
            let peer = takes_all(stream, answers);
            if answers {
                sender.join().unwrap().unwrap();
                ws.send_text("still there").unwrap();
                assert_eq!(ws.receive_text(20).unwrap(), "still there");
                // Of a ping that went out only then.
                let trip = round_trip(&ws, |_| true);
                assert!(trip.last <= released.elapsed(), "{trip:?}");
                ws.close(1000, "").unwrap();
            } else {
                let closed = Closed::new(1006, format!("no answer to a ping within {LONGER:?}"));
                assert_eq!(ws.receive_text(1), Err(ReceiveError::Closed(closed)));
                assert!(released.elapsed() >= LONGER, "{:?}", released.elapsed());
                assert_eq!(ws.state().unwrap().end, Some(Code::NoPong));
                sender.join().unwrap().ok();
            }
            drop(ws);
            peer.join().unwrap();
            nothing_is_left();
        }
    });
}

/// Nor is one that takes nothing: that has a deadline of its own.
#[test]
fn a_peer_that_takes_nothing_is_given_up_for_that() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let request = request(&peer).options(Deadlines::new().write(4 * LONGER));
        let (ws, sender, stream) = held_up(&request, &streams);
        ws.set_keepalive(Some(SHORT), SHORT).unwrap();
        let closed = Closed::new(1006, format!("the peer took nothing within {:?}", 4 * LONGER));
        assert_eq!(ws.receive_text(1), Err(ReceiveError::Closed(closed)));
        assert_eq!(sender.join().unwrap(), Err(SendError::Closed));
        drop((ws, stream));
        nothing_is_left();
    });
}

/// The writer of the one before still waits for its peer, and its deadlines go on.
#[test]
fn the_next_session_asks_its_own_peer() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let deadlines = Deadlines::new().close(10 * PATIENCE).write(10 * PATIENCE);
        let policy = Reconnect::new().first(10 * PATIENCE).largest(10 * PATIENCE);
        let (ws, sender, first) = held_up(&request(&peer).options(deadlines).reconnect(policy), &streams);
        // Not before: a ping that is with the socket has to be answered.
        ws.set_keepalive(Some(4 * SHORT), 6 * SHORT).unwrap();
        first.get_ref().write_all(&frame(CLOSE, &close_payload(1001, ""))).unwrap();
        first.get_ref().shutdown(Shutdown::Write).unwrap();
        reconnecting(&ws);
        ws.reconnect_now().unwrap();
        reopened(&ws);
        let mut next = seen(&streams);
        next.set_read_timeout(Some(PATIENCE)).unwrap();
        // It does not answer.
        assert_eq!(read_frame(&mut next).unwrap().first, PING);
        assert!(read_frame(&mut next).is_err_and(|error| error.kind() == io::ErrorKind::UnexpectedEof));
        let event = ws.receive_event();
        assert!(matches!(event, Ok(Event::Reconnecting { why: Code::NoPong, .. })), "{event:?}");
        drop(event);
        drop(first);
        assert_eq!(sender.join().unwrap(), Err(SendError::Closed));
        drop(ws);
        nothing_is_left();
    });
}
