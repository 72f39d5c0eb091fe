//! Servers that do not open a WebSocket: the caller learns what and where, and nothing is left behind.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use xous_api_websocket::error::OpenError;
use xous_api_websocket::{Code, Deadlines, Request, Websocket};

use crate::common::raw::{acceptance, read_head};
use crate::common::{NOBODY, PATIENCE, nothing_is_left, peers, refusal, request, system};

/// A peer that answers with what `answer` makes of the request's head, and ends the stream.
fn answering(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Peer {
    let (peer, _) = peers::serve(move |mut stream, _: &Sender<()>| {
        let head = read_head(&mut stream);
        stream.write_all(answer(&head).as_bytes()).unwrap();
    });
    peer
}

/// Expects `BadReply` with a text that names the place.
fn is_bad_reply(peer: &Peer, case: &str) {
    is_refused(peer, Code::BadReply, case);
}

/// The text, which names the place.
fn is_refused(peer: &Peer, expected: Code, case: &str) -> String {
    let (code, text) = refusal(&request(peer).sub_protocol("chat"));
    assert_eq!(code, expected, "{case}: {text}");
    assert!(!code.is_transient() && text.contains(&peer.address().to_string()), "{case}: {text}");
    text
}

#[test]
fn another_status_is_reported() {
    system!().run(|| {
        let statuses = [200, 204, 301, 401, 403, 404, 426, 500, 503].map(|status| (1, status));
        // A proxy in between may speak HTTP/1.0, and its refusals are refusals.
        for (minor, status) in statuses.into_iter().chain([(0, 404), (0, 503)]) {
            let peer = answering(move |_| {
                format!(
                    "HTTP/1.{minor} {status} Such\r\nContent-Length : 2\r\nWWW-Authenticate: Basic\r\n\r\nno"
                )
            });
            match Websocket::open(&request(&peer)).err() {
                Some(error @ OpenError::Refused { .. }) => {
                    // With a space in front of its colon.
                    assert_eq!(error.header("Content-Length"), Some("2"));
                    let OpenError::Refused { status: reported, text, .. } = error else { unreachable!() };
                    assert_eq!(reported, status);
                    let place = peer.address().to_string();
                    assert!(text.contains(&place) && text.contains(&status.to_string()), "{text}");
                }
                other => panic!("{status}: {other:?}"),
            }
        }
        nothing_is_left();
    });
}

#[test]
fn what_comes_with_a_refusal_reaches_the_caller() {
    let long = "x".repeat(14_000);
    let lines = format!("X-Long: {long}\r\nretry-after: 7\r\nLocation: /elsewhere\r\nRetry-After: 8\r\n");
    system!().run(move || {
        let bodies = [
            ("Content-Length: 5\r\n", "later and more", "later"),
            ("Transfer-Encoding: chunked\r\n", "3\r\nlat\r\n2\r\ner\r\n0\r\n\r\n", "later"),
            ("", "later", "later"),
            ("", &*long, &long[..1024]),
        ];
        for (framing, sent, kept) in bodies {
            let head = format!("HTTP/1.1 429 Slow\r\n{lines}{framing}\r\n");
            let answer = head.clone() + sent;
            // It may well be cut off.
            let (peer, _) = peers::serve(move |mut stream, _: &Sender<()>| {
                read_head(&mut stream);
                stream.write_all(answer.as_bytes()).ok();
            });
            let error = Websocket::open(&request(&peer)).err().unwrap();
            assert!(matches!(error, OpenError::Refused { status: 429, .. }), "{error:?}");
            assert_eq!(error.head(), head.as_bytes());
            assert_eq!(
                (error.header("Retry-After"), error.header("LOCATION")),
                (Some("7"), Some("/elsewhere"))
            );
            assert_eq!(error.header("X-None"), None);
            assert_eq!(error.body(), kept.as_bytes(), "{framing}");
        }
        nothing_is_left();
    });
}

/// The server has said no: a body that does not come makes no other failure of it, and nobody waits long for it.
#[test]
fn a_body_that_does_not_come_does_not_hide_the_refusal() {
    system!().run(|| {
        let (silent, _) = peers::serve(|mut stream, _: &Sender<()>| {
            read_head(&mut stream);
            stream.write_all(b"HTTP/1.1 503 No\r\nContent-Length: 500\r\nX-Why: busy\r\n\r\nshort").unwrap();
            until_the_end(stream);
        });
        for open in [Duration::from_millis(800), PATIENCE] {
            let start = Instant::now();
            let deadlines = Deadlines::new().open(open);
            let error = Websocket::open(&request(&silent).options(deadlines)).err().unwrap();
            assert!(start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());
            assert!(matches!(error, OpenError::Refused { status: 503, .. }), "{error:?}");
            assert_eq!((error.header("X-Why"), error.body()), (Some("busy"), &b"short"[..]));
        }
        nothing_is_left();
    });
}

/// RFC 6455 section 4.1, the checks behind "Once a connection to the server has been established".
#[test]
fn a_101_that_accepts_nothing_is_refused() {
    type Change = fn(&str) -> String;
    let changes: [(&str, Change); 12] = [
        ("no accept value", |answer| without(answer, "Sec-WebSocket-Accept")),
        ("the accept value of another key", |answer| answer.replace("Accept: ", "Accept: A")),
        ("an empty accept value", |answer| {
            without(answer, "Sec-WebSocket-Accept").replace("\r\n\r\n", "\r\nSec-WebSocket-Accept:\r\n\r\n")
        }),
        ("no Upgrade", |answer| without(answer, "Upgrade")),
        ("another Upgrade", |answer| answer.replace("Upgrade: websocket", "Upgrade: h2c")),
        ("no Connection", |answer| without(answer, "Connection")),
        ("another Connection", |answer| answer.replace("Connection: Upgrade", "Connection: keep-alive")),
        ("an extension that was not offered", |answer| {
            answer.replace("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
        }),
        ("a sub-protocol that was not offered", |answer| {
            answer.replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: superchat\r\n\r\n")
        }),
        ("two sub-protocols", |answer| {
            answer.replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat, chat\r\n\r\n")
        }),
        ("HTTP/1.0", |answer| answer.replace("HTTP/1.1", "HTTP/1.0")),
        ("a line that is no header", |answer| answer.replace("\r\n\r\n", "\r\nnonsense\r\n\r\n")),
    ];
    system!().run(|| {
        for (case, change) in changes {
            is_bad_reply(&answering(move |head| change(&acceptance(head, ""))), case);
        }
        nothing_is_left();
    });
}

#[test]
fn what_is_no_answer_is_refused() {
    let long_line = || format!("HTTP/1.1 101 Such\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let many_lines = || format!("HTTP/1.1 101 Such\r\n{}\r\n", "X: y\r\n".repeat(10_000));
    system!().run(move || {
        is_bad_reply(&answering(|_| "\0\u{1}garbage\r\n\r\n".into()), "garbage");
        is_bad_reply(&answering(|_| "SSH-2.0-OpenSSH_9.6\r\n\r\n".into()), "another protocol");
        is_bad_reply(&answering(|_| "\r\n\r\n".into()), "nothing but ends of lines");
        // The peer may well be cut off while it writes these.
        for (endless, limit) in [(long_line(), "16384 bytes"), (many_lines(), "100 lines")] {
            let (peer, _) = peers::serve(move |mut stream, _: &Sender<()>| {
                read_head(&mut stream);
                stream.write_all(endless.as_bytes()).ok();
            });
            let text = is_refused(&peer, Code::LongReply, "a head without end");
            assert!(text.contains(limit), "{text}");
        }
        nothing_is_left();
    });
}

/// What greets by itself and then waits, or ends, will never be a WebSocket server: trying again is no use.
#[test]
fn another_protocol_is_noticed_by_its_first_bytes() {
    system!().run(|| {
        for greeting in ["SSH-2.0-OpenSSH_9.6\r\n", "220 mail.example ESMTP\r\n", "HTTP/2 200\r\n", "h"] {
            for waits in [true, false] {
                let (peer, _) = peers::serve(move |mut stream, _: &Sender<()>| {
                    stream.write_all(greeting.as_bytes()).unwrap();
                    if !waits {
                        stream.shutdown(Shutdown::Write).unwrap();
                    }
                    until_the_end(stream);
                });
                let text = is_refused(&peer, Code::BadReply, greeting);
                assert!(text.contains("does not answer in HTTP"), "{text}");
            }
        }
        // However few bytes of an answer come at a time.
        let (slow, _) = peers::serve(|mut stream, _: &Sender<()>| {
            let head = read_head(&mut stream);
            for byte in acceptance(&head, "").as_bytes() {
                stream.write_all(&[*byte]).unwrap();
            }
            until_the_end(stream);
        });
        drop(Websocket::open(&request(&slow)).unwrap());
        nothing_is_left();
    });
}

#[test]
fn a_connection_that_ends_before_the_answer_is_whole_is_lost() {
    system!().run(|| {
        let at_once = answering(|_| String::new());
        let half_way = answering(|head| acceptance(head, "")[..60].into());
        let (unread, _) = peers::serve(|stream, _: &Sender<()>| stream.shutdown(Shutdown::Both).unwrap());
        // What was not read makes the end a reset.
        let (reset, _) = peers::serve(|mut stream, _: &Sender<()>| stream.read_exact(&mut [0; 10]).unwrap());
        for (case, peer) in
            [("at once", at_once), ("half way", half_way), ("unread", unread), ("reset", reset)]
        {
            let (code, text) = refusal(&request(&peer));
            assert_eq!(code, Code::Lost, "{case}: {text}");
            assert!(code.is_transient() && !Code::BadReply.is_transient());
            assert!(text.contains(&peer.address().to_string()), "{case}: {text}");
        }
        nothing_is_left();
    });
}

#[test]
fn silence_ends_with_the_open_deadline() {
    let open = Duration::from_millis(300);
    system!().run(move || {
        let (says_nothing, _) = peers::serve(|stream, _: &Sender<()>| until_the_end(stream));
        let (stops_half_way, _) = peers::serve(|mut stream, _: &Sender<()>| {
            let head = read_head(&mut stream);
            stream.write_all(&acceptance(&head, "").as_bytes()[..40]).unwrap();
            until_the_end(stream);
        });
        // Each byte is progress, but the deadline is for the whole.
        let (drips, _) = peers::serve(|mut stream, _: &Sender<()>| {
            read_head(&mut stream);
            let line = b"HTTP/1.1 101 Such\r\nX: ".iter().chain(std::iter::repeat(&b'x'));
            for byte in line {
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        for peer in [says_nothing, stops_half_way, drips] {
            let start = Instant::now();
            let deadlines = Deadlines::new().open(open);
            let (code, text) = refusal(&request(&peer).options(deadlines));
            let took = start.elapsed();
            assert_eq!(code, Code::Timeout, "{text}");
            assert_eq!(text, format!("127.0.0.1:{}: not open within {open:?}", peer.address().port()));
            assert!(took >= open && took < 10 * open, "{took:?}");
        }
        nothing_is_left();
    });
}

#[test]
fn where_nobody_is_there_is_no_connection() {
    system!().run(|| {
        let (code, text) = refusal(&Request::new("127.0.0.1", NOBODY.port()));
        assert_eq!(code, Code::Connect, "{text}");
        assert!(text.contains(&NOBODY.to_string()), "{text}");

        nothing_is_left();

        // RFC 2606: this top-level domain never exists. A resolver may take longer over it than the deadline, which
        // cannot cut it short; the caller is told all the same.
        let deadlines = Deadlines::new().open(Duration::from_secs(2));
        let (code, text) = refusal(&Request::new("nobody.invalid", 80).options(deadlines));
        assert!(matches!(code, Code::Resolve | Code::Timeout), "{code:?}: {text}");
        assert!(code == Code::Timeout || text.contains("nobody.invalid"), "{text}");
    });
}

fn until_the_end(mut stream: TcpStream) {
    let mut bytes = [0; 4096];
    while stream.read(&mut bytes).is_ok_and(|len| len > 0) {}
}

fn without(answer: &str, name: &str) -> String {
    answer.split_inclusive("\r\n").filter(|line| !line.starts_with(&format!("{name}:"))).collect()
}
