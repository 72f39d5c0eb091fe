//! Connections that the service opens again.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use xous_api_websocket::error::{ControlError, OpenError, ReceiveError, SendError};
use xous_api_websocket::state::Phase;
use xous_api_websocket::{CloseCode, Code, Deadlines, Event, Kind, Reconnect, Websocket};

use crate::common::raw::{self, CLOSE, FIRST_TEXT, TEXT, close_payload, frame, read_frame};
use crate::common::{PATIENCE, nothing_is_left, peers, refusal, request, seen, system};

const SHORT: Duration = Duration::from_millis(100);
const HOUR: Duration = Duration::from_secs(3600);

fn policy() -> Reconnect {
    Reconnect::new().first(SHORT).largest(4 * SHORT).jitter(0).stable(Duration::from_secs(3600))
}

/// A peer whose sessions are numbered from 0; `session` gets each behind the opening handshake.
fn peer<T: Send + 'static>(
    session: impl Fn(usize, TcpStream, &Sender<T>) + Send + Sync + 'static,
) -> (Peer, Receiver<T>) {
    let number = AtomicUsize::new(0);
    peers::serve(move |mut stream, reports| {
        // Before the client can be ready for another one.
        let number = number.fetch_add(1, SeqCst);
        raw::accept(&mut stream);
        session(number, stream, reports);
    })
}

fn text(ws: &Websocket) -> String {
    match ws.receive_event().unwrap() {
        Event::Message(message) => message.into_text(100).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// What is told: why, the close code and the number of the attempt.
fn reconnecting(ws: &Websocket) -> (Code, u16, u32, Duration) {
    match ws.receive_event().unwrap() {
        Event::Reconnecting { why, closed, wait, attempt, asks: false } => {
            assert!(!closed.reason.is_empty() || closed.code != CloseCode::ABNORMAL, "{closed}");
            (why, closed.code.into(), attempt, wait)
        }
        other => panic!("{other:?}"),
    }
}

fn reopened(ws: &Websocket) {
    match ws.receive_event().unwrap() {
        Event::Reopened { sub_protocol: None, head } => assert!(head.starts_with(b"HTTP/1.1 101 ")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_connection_that_breaks_is_opened_again_under_its_handle() {
    system!().run(|| {
        let (peer, sent) = peer(|number, mut stream, sent| {
            let number = u8::try_from(number).unwrap();
            stream.write_all(&frame(TEXT, &[b'a' + number])).unwrap();
            match number {
                // Cut off within a message, then within a frame.
                0 => stream.write_all(&frame(FIRST_TEXT, b"beginning")).unwrap(),
                1 => stream.write_all(&frame(TEXT, &[b'x'; 90])[..50]).unwrap(),
                2 => stream.write_all(&frame(CLOSE, &close_payload(1012, "restart"))).unwrap(),
                _ => {
                    sent.send(read_frame(&mut stream).unwrap().payload).unwrap();
                    stream.write_all(&frame(CLOSE, &close_payload(1000, "enough"))).unwrap();
                }
            }
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            std::io::copy(&mut stream, &mut std::io::sink()).ok();
        });
        let ws = Websocket::open(&request(&peer).reconnect(policy())).unwrap();
        let handle = ws.handle();
        for number in 0..3_u16 {
            assert_eq!(text(&ws), ((b'a' + number as u8) as char).to_string());
            if number < 2 {
                let Event::Message(message) = ws.receive_event().unwrap() else { panic!("no beginning") };
                assert_eq!(message.into_text(1000), Err(ReceiveError::CutOff));
            }
            let (why, code, attempt, wait) = reconnecting(&ws);
            assert_eq!((why, code), (Code::Closed, if number < 2 { 1006 } else { 1012 }));
            assert_eq!((attempt, wait), (u32::from(number) + 1, SHORT * (1 << number)));
            reopened(&ws);
        }
        assert_eq!(text(&ws), "d");
        ws.send_text("still the same").unwrap();
        assert_eq!(seen(&sent), b"still the same");
        // A clean close is the end.
        let ReceiveError::Closed(closed) = ws.receive_event().unwrap_err() else { panic!() };
        assert_eq!((u16::from(closed.code), &*closed.reason, ws.handle()), (1000, "enough", handle));
        assert_eq!(ws.state().unwrap().phase, Phase::Closed);
        nothing_is_left();
    });
}

/// Receivers that do not care get the messages alone.
#[test]
fn who_does_not_ask_is_not_told() {
    system!().run(|| {
        let (peer, _) = peer(|number, mut stream, _: &Sender<()>| {
            stream.write_all(&frame(TEXT, number.to_string().as_bytes())).unwrap();
        });
        let ws = Websocket::open(&request(&peer).reconnect(policy())).unwrap();
        for number in 0..4 {
            assert_eq!(ws.receive_text(10).unwrap(), number.to_string());
        }
        ws.close(1000, "").unwrap();
        nothing_is_left();
    });
}

#[test]
fn what_is_sent_meanwhile_is_refused_or_waits() {
    system!().run(|| {
        for queues in [false, true] {
            let (peer, sent) = peer(|number, mut stream, sent| {
                if number > 0 {
                    let frames = std::iter::from_fn(|| read_frame(&mut stream).ok());
                    frames.for_each(|frame| sent.send(frame.payload).unwrap());
                }
            });
            let policy = policy().first(HOUR).largest(HOUR).queues(queues);
            let ws = Websocket::open(&request(&peer).reconnect(policy)).unwrap();
            reconnecting(&ws);
            assert_eq!(ws.state().unwrap().phase, Phase::Opening);
            for number in 0..8 {
                ws.send_async(Kind::Text, &[b'0' + number]).unwrap();
            }
            let sending = ws.clone();
            let sender = std::thread::spawn(move || sending.send_text("8"));
            let start = Instant::now();
            while !sender.is_finished() && ws.state().unwrap().queued_sends < 9 {
                assert!(start.elapsed() < PATIENCE);
            }
            ws.reconnect_now().unwrap();
            reopened(&ws);
            let sent_now = sender.join().unwrap();
            let failed = ws.state().unwrap().failed_sends;
            if queues {
                assert_eq!((sent_now, failed), (Ok(()), 0));
                (0..=8).for_each(|number| assert_eq!(seen(&sent), [b'0' + number]));
            } else {
                assert_eq!((sent_now, failed), (Err(SendError::Refused(Code::Reconnecting)), 8));
                ws.send_text("now").unwrap();
                assert_eq!(seen(&sent), b"now");
            }
            drop(ws);
            nothing_is_left();
        }
    });
}

#[test]
fn the_owner_goes_on_at_once_or_stops_or_closes() {
    system!().run(|| {
        let policy = policy().first(HOUR).largest(HOUR);
        let (peer, _) = peer(|number, mut stream, _: &Sender<()>| {
            if number % 2 == 1 {
                std::io::copy(&mut stream, &mut std::io::sink()).ok();
            }
        });
        for way in 0..3 {
            let ws = Websocket::open(&request(&peer).reconnect(policy)).unwrap();
            assert_eq!(reconnecting(&ws).3, HOUR);
            let start = Instant::now();
            match way {
                0 => {
                    ws.reconnect_now().unwrap();
                    reopened(&ws);
                    assert_eq!(ws.reconnect_now(), Err(ControlError::Closed), "none is waited for");
                    ws.close(1000, "").unwrap();
                }
                1 => {
                    ws.reconnect_stop().unwrap();
                    let ReceiveError::Closed(closed) = ws.receive_event().unwrap_err() else { panic!() };
                    assert_eq!(closed.code, CloseCode::ABNORMAL);
                    // So that the next one begins with a session that ends.
                    TcpStream::connect(peer.address()).map(|mut stream| upgrade(&mut stream)).unwrap();
                }
                _ => assert_eq!(ws.close(1000, "").map(u16::from), Ok(1006)),
            }
            assert_eq!(ws.reconnect_stop(), Err(ControlError::Closed));
            assert!(start.elapsed() < PATIENCE);
            nothing_is_left();
        }
    });
}

/// While a server that says nothing has the attempt.
#[test]
fn a_stop_ends_an_attempt_that_is_on() {
    system!().run(|| {
        for before_open in [false, true] {
            let number = AtomicUsize::new(usize::from(before_open));
            let (peer, steps) = peers::serve(move |mut stream, steps| match number.fetch_add(1, SeqCst) {
                0 => drop(raw::accept(&mut stream)),
                // Of a first opening, which fails.
                1 if before_open => (),
                _ => {
                    raw::read_head(&mut stream);
                    steps.send("on").unwrap();
                    std::io::copy(&mut stream, &mut std::io::sink()).ok();
                    steps.send("over").unwrap();
                }
            });
            let deadlines = Deadlines::new().open(10 * PATIENCE);
            let policy = policy().queues(true).before_open(before_open);
            let ws = Websocket::open(&request(&peer).options(deadlines).reconnect(policy)).unwrap();
            reconnecting(&ws);
            assert_eq!(seen(&steps), "on");
            ws.send_async(Kind::Text, b"waits").unwrap();
            let start = Instant::now();
            ws.reconnect_stop().unwrap();
            let ReceiveError::Closed(closed) = ws.receive_event().unwrap_err() else { panic!() };
            assert_eq!((closed.code, ws.state().unwrap().phase), (CloseCode::ABNORMAL, Phase::Closed));
            assert_eq!(seen(&steps), "over");
            assert!(start.elapsed() < PATIENCE);
            assert_eq!(ws.reconnect_stop(), Err(ControlError::Closed));
            nothing_is_left();
        }
    });
}

/// Takes a session of a peer, and lets go of it.
fn upgrade(stream: &mut TcpStream) {
    let request = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    stream.read_exact(&mut [0; 12]).unwrap();
}

#[test]
fn attempts_that_fail_are_told_and_end_where_nothing_can_help() {
    system!().run(|| {
        for (answer, asked, goes_on) in [
            ("503 Busy\r\nRetry-After: 1\r\n", Duration::from_secs(1), true),
            (
                "503 Busy\r\nDate: Fri, 31 Dec 1999 23:59:59 GMT\r\nRetry-After: Sat, 01 Jan 2000 00:00:00 GMT\r\n",
                Duration::from_secs(1),
                true,
            ),
            ("502 Bad Gateway\r\n", 2 * SHORT, true),
            ("401 Unauthorized\r\n", Duration::ZERO, false),
        ] {
            let number = AtomicUsize::new(0);
            let (peer, _) =
                peers::serve(move |mut stream, _: &Sender<()>| match number.fetch_add(1, SeqCst) {
                    0 | 2 => drop(raw::accept(&mut stream)),
                    _ => {
                        raw::read_head(&mut stream);
                        write!(stream, "HTTP/1.1 {answer}Content-Length: 0\r\n\r\n").unwrap();
                    }
                });
            let ws = Websocket::open(&request(&peer).reconnect(policy())).unwrap();
            assert_eq!(reconnecting(&ws).0, Code::Closed);
            if goes_on {
                let (why, _, attempt, wait) = reconnecting(&ws);
                assert_eq!((why, attempt, wait), (Code::Refused, 2, asked));
                reopened(&ws);
                ws.close(1000, "").ok();
            } else {
                let ReceiveError::Closed(closed) = ws.receive_event().unwrap_err() else { panic!() };
                assert!(closed.reason.contains("401"), "{closed}");
            }
            nothing_is_left();
        }
    });
}

/// A path that swallows everything: each attempt ends with the open deadline, and what waits still waits.
#[test]
fn attempts_that_nobody_answers_end_in_time() {
    system!().run(|| {
        let number = AtomicUsize::new(0);
        let (peer, sent) = peers::serve(move |mut stream, sent| match number.fetch_add(1, SeqCst) {
            0 => drop(raw::accept(&mut stream)),
            1 | 2 => drop(std::io::copy(&mut stream, &mut std::io::sink())),
            _ => {
                raw::accept(&mut stream);
                sent.send(read_frame(&mut stream).unwrap().payload).unwrap();
                read_frame(&mut stream).ok();
            }
        });
        let policy = policy().queues(true);
        let deadlines = Deadlines::new().open(20 * SHORT);
        let ws = Websocket::open(&request(&peer).options(deadlines).reconnect(policy)).unwrap();
        reconnecting(&ws);
        ws.send_async(Kind::Text, b"waits").unwrap();
        for attempt in 2..4 {
            let (why, _, number, _) = reconnecting(&ws);
            assert_eq!((why, number), (Code::Timeout, attempt));
        }
        reopened(&ws);
        assert_eq!(seen(&sent), b"waits");
        assert_eq!(ws.state().unwrap().failed_sends, 0);
        ws.close(1000, "").ok();
        nothing_is_left();
    });
}

/// A refusal is of its own attempt, and says nothing of those behind it.
#[test]
fn an_attempt_that_nobody_answers_is_late_behind_one_that_was_refused() {
    system!().run(|| {
        let number = AtomicUsize::new(0);
        let (peer, _) = peers::serve(move |mut stream, _: &Sender<()>| {
            let number = number.fetch_add(1, SeqCst);
            if number == 0 {
                return drop(raw::accept(&mut stream));
            }
            raw::read_head(&mut stream);
            match number {
                1 => stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").unwrap(),
                _ => drop(std::io::copy(&mut stream, &mut std::io::sink())),
            }
        });
        let request = request(&peer).options(Deadlines::new().open(20 * SHORT)).reconnect(policy());
        let ws = Websocket::open(&request).unwrap();
        for why in [Code::Closed, Code::Refused, Code::Timeout] {
            assert_eq!(reconnecting(&ws).0, why);
        }
        ws.close(1000, "").unwrap();
        nothing_is_left();
    });
}

#[test]
fn so_many_attempts_and_no_more() {
    system!().run(|| {
        let (peer, sessions) = peer(|number, _, sessions| sessions.send(number).unwrap());
        let ws = Websocket::open(&request(&peer).reconnect(policy().attempts(2))).unwrap();
        for attempt in 1..3 {
            assert_eq!(reconnecting(&ws).2, attempt);
            reopened(&ws);
        }
        let ReceiveError::Closed(closed) = ws.receive_event().unwrap_err() else { panic!() };
        assert_eq!(closed.code, CloseCode::ABNORMAL);
        assert_eq!((0..3).map(|_| seen(&sessions)).collect::<Vec<_>>(), [0, 1, 2]);
        nothing_is_left();
    });
}

/// A program that starts before its server: the first session fails in one of these ways.
#[test]
fn a_first_opening_that_fails_is_an_attempt_if_the_policy_says_so() {
    system!().run(|| {
        for (failure, why) in [("", Code::Lost), ("503 Busy", Code::Refused), ("silence", Code::Timeout)] {
            for opens_at_once in [false, true] {
                let number = AtomicUsize::new(0);
                let (peer, sent) = peers::serve(move |mut stream, sent| {
                    if number.fetch_add(1, SeqCst) > 0 {
                        raw::accept(&mut stream);
                        sent.send(read_frame(&mut stream).unwrap().payload).unwrap();
                        return drop(read_frame(&mut stream));
                    }
                    raw::read_head(&mut stream);
                    match failure {
                        "" => (),
                        "silence" => drop(std::io::copy(&mut stream, &mut std::io::sink())),
                        _ => write!(stream, "HTTP/1.1 {failure}\r\nContent-Length: 0\r\n\r\n").unwrap(),
                    }
                });
                let policy = policy().before_open(true).queues(true);
                // Short only for the peer that says nothing: a busy machine's other peers take their time.
                let open = if why == Code::Timeout { 20 * SHORT } else { PATIENCE };
                let request = request(&peer).options(Deadlines::new().open(open)).reconnect(policy);
                let ws = if opens_at_once {
                    Websocket::opening(&request).and_then(|opening| opening.wait()).unwrap()
                } else {
                    Websocket::open(&request).unwrap()
                };
                ws.send_async(Kind::Text, b"waits").unwrap();
                let (said, _, attempt, wait) = reconnecting(&ws);
                assert_eq!((said, attempt, wait), (why, 1, SHORT), "{failure}");
                reopened(&ws);
                assert_eq!(seen(&sent), b"waits");
                assert_eq!(ws.state().unwrap().phase, Phase::Open);
                ws.close(1000, "").ok();
                nothing_is_left();
            }
        }
    });
}

#[test]
fn a_first_opening_that_cannot_be_is_an_error_and_one_without_end_can_be_closed() {
    system!().run(|| {
        let (refusing, _) = peers::serve(|mut stream, _: &Sender<()>| {
            raw::read_head(&mut stream);
            stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").unwrap();
        });
        let (gone, _) = peers::serve(|_, _: &Sender<()>| ());
        let patient = policy().before_open(true);
        let refused = Websocket::open(&request(&refusing).reconnect(patient));
        assert!(matches!(refused, Err(OpenError::Refused { status: 401, .. })), "{refused:?}");
        assert_eq!(refusal(&request(&gone).reconnect(policy())).0, Code::Lost, "nobody asked for it");
        // So many attempts besides the first.
        let ws = Websocket::open(&request(&gone).reconnect(patient.attempts(2))).unwrap();
        (1..3).for_each(|attempt| assert_eq!(reconnecting(&ws).2, attempt));
        let ReceiveError::Closed(closed) = ws.receive_event().unwrap_err() else { panic!() };
        assert_eq!(closed.code, CloseCode::ABNORMAL);
        nothing_is_left();
        for way in 0..3 {
            let patient = patient.first(HOUR).largest(HOUR);
            let opening = Websocket::opening(&request(&gone).reconnect(patient)).unwrap();
            match way {
                0 => opening.cancel(),
                _ => {
                    let ws = opening.wait().unwrap();
                    assert_eq!(reconnecting(&ws).3, HOUR);
                    assert_eq!(ws.state().unwrap().phase, Phase::Opening);
                    if way == 1 {
                        assert_eq!(ws.close(1000, "").map(u16::from), Ok(1006));
                    } else {
                        ws.reconnect_stop().unwrap();
                        assert!(matches!(ws.receive_event(), Err(ReceiveError::Closed(_))));
                    }
                }
            }
            drop(opening);
            nothing_is_left();
        }
    });
}

/// New headers for each attempt, or none in time.
#[test]
fn the_owner_is_asked_for_another_request() {
    system!().run(|| {
        let (peer, heads) = peers::serve(|mut stream, heads| {
            heads.send(raw::field(&raw::accept(&mut stream), "X-Token").map(str::to_owned)).unwrap();
        });
        let token = |token| request(&peer).header("X-Token", token);
        let ws = Websocket::open(&token("one").reconnect(policy().asks(HOUR))).unwrap();
        assert_eq!(seen(&heads).as_deref(), Some("one"));
        for next in ["two", "three"] {
            let Event::Reconnecting { asks: true, .. } = ws.receive_event().unwrap() else { panic!() };
            ws.reconnect_with(&token(next)).unwrap();
            reopened(&ws);
            assert_eq!(seen(&heads).as_deref(), Some(next));
        }
        // Nothing new.
        ws.receive_event().unwrap();
        ws.reconnect_now().unwrap();
        assert_eq!(seen(&heads).as_deref(), Some("three"));
        ws.close(1000, "").ok();
        assert_eq!(ws.reconnect_with(&token("late")), Err(ControlError::Closed));
        let ws = Websocket::open(&token("one").reconnect(policy().asks(SHORT))).unwrap();
        (0..2).for_each(|_| assert_eq!(seen(&heads).as_deref(), Some("one"), "nobody answered"));
        drop(ws);
        nothing_is_left();
    });
}

#[test]
fn a_policy_that_cannot_be_is_refused_with_its_field() {
    system!().run(|| {
        let (peer, _) = peer(|_, _, _: &Sender<()>| ());
        for (policy, field) in [
            (policy().first(Duration::ZERO), "reconnect.first "),
            (policy().factor(50), "reconnect.factor "),
            (policy().attempts(0), "reconnect.attempts "),
            (Reconnect::new().largest(Duration::from_millis(999)), "reconnect.largest "),
            (policy().jitter(101), "reconnect.jitter "),
            (policy().stable(Duration::MAX), "reconnect.stable "),
            (policy().asks(Duration::ZERO), "reconnect.asks "),
            (policy().asks(Duration::from_micros(500)), "reconnect.asks "),
        ] {
            let (code, text) = refusal(&request(&peer).reconnect(policy));
            assert_eq!(code, Code::BadRequest);
            assert!(text.contains(field), "{text}");
        }
        nothing_is_left();
    });
}
