//! Connections that are recorded, and played again.

use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use hosted::{Pddb, pddb_directory};
use websocket::proto::record::{self, Entry};
use xous_api_websocket::error::{OpenError, ReceiveError};
use xous_api_websocket::open::{CredentialsForm, Record};
use xous_api_websocket::{Code, Kind, Reconnect, Request, Websocket};

use crate::common::raw::{self, CLOSE, FIRST_TEXT, TEXT, close_payload, frame, read_frame};
use crate::common::{PATIENCE, nothing_is_left, peers, refusal, request, system};

#[allow(dead_code, reason = "the command uses all of it")]
#[path = "../../xtask/src/replay/player.rs"]
mod player;

const SHORT: Duration = Duration::from_millis(100);

/// What is recorded, as soon as the connection has ended for its owner.
fn recorded(key: &str) -> Vec<u8> {
    std::fs::read(pddb_directory().join(".System/recordings").join(key)).unwrap()
}

/// A server that has secrets, and the client that it is for.
fn visit(ws: &Websocket) -> (Vec<String>, ReceiveError) {
    let mut messages = vec![ws.receive_text(100).unwrap()];
    ws.send_text("my secret").unwrap();
    loop {
        match ws.receive_text(100) {
            Ok(text) => messages.push(text),
            Err(end) => return (messages, end),
        }
    }
}

fn session(mut stream: TcpStream, _: &Sender<()>) {
    let head = raw::read_head(&mut stream);
    let chosen = raw::field(&head, "Sec-WebSocket-Protocol").unwrap();
    let lines = format!("Set-Cookie: secret\r\nX-Served-By: secret\r\nSec-WebSocket-Protocol: {chosen}\r\n");
    stream.write_all(raw::acceptance(&head, &lines).as_bytes()).unwrap();
    stream.write_all(&frame(TEXT, b"who are you?")).unwrap();
    read_frame(&mut stream).unwrap();
    thread::sleep(2 * SHORT);
    stream.write_all(&frame(TEXT, b"welcome")).unwrap();
    // A fault of the server: a close code that nobody may send.
    stream.write_all(&frame(CLOSE, &close_payload(1005, ""))).unwrap();
    std::io::copy(&mut stream, &mut std::io::sink()).ok();
}

#[test]
fn a_session_that_failed_is_played_again() {
    system!().pddb(Pddb::new()).run(|| {
        let (peer, _) = peers::serve(session);
        let asks = |request: Request<'static>| {
            request
                .path("/feed?token=secret")
                .credentials("me", "secret", CredentialsForm::Basic)
                .header("Cookie", "secret")
                .sub_protocol("secret")
        };
        let open = |request: Request<'static>| Websocket::open(&asks(request)).unwrap();
        let then = visit(&open(request(&peer).record(Record::new("recordings", "feed"))));
        let file = recorded("feed");
        assert!(!file.windows(6).any(|six| six == b"secret"), "{}", file.escape_ascii());
        let entries = record::read(&file).unwrap();
        let is_end = |entry: &Entry<'_>| matches!(entry, Entry::Ended { .. });
        assert!(entries.last().is_some_and(|last| is_end(&last.entry)), "{entries:?}");
        assert!(entries.is_sorted_by_key(|timed| timed.at));
        for fast in [false, true] {
            let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            let start = Instant::now();
            let (now, missed) = thread::scope(|scope| {
                let playing = scope.spawn(|| player::play(&listener, &entries, fast, &mut |_| ()).unwrap());
                let now = visit(&open(Request::new("127.0.0.1", port)));
                (now, playing.join().unwrap())
            });
            assert_eq!((&now, missed), (&then, 0));
            assert!(fast || start.elapsed() >= 2 * SHORT, "{:?}", start.elapsed());
        }
        // Asked twice.
        let all = Record::new("recordings", "all").with_credentials();
        visit(&open(request(&peer).record(all)));
        let file = recorded("all");
        let has = |text: &str| file.windows(text.len()).any(|part| part == text.as_bytes());
        for text in ["token=secret", "Cookie: secret", "my secret", "Authorization: Basic bWU6c2VjcmV0"] {
            assert!(has(text), "{text}: {}", file.escape_ascii());
        }
    });
}

/// What a recording says of an opening that fails, the first one or a later one, has nothing that the server or the program
/// has written.
#[test]
fn a_failed_opening_is_recorded_without_secrets() {
    system!().pddb(Pddb::new()).run(|| {
        for opens_first in [false, true] {
            let number = AtomicUsize::new(usize::from(!opens_first));
            let (peer, _) =
                peers::serve(move |mut stream, _: &Sender<()>| match number.fetch_add(1, SeqCst) {
                    0 => drop(raw::accept(&mut stream)),
                    _ => {
                        raw::read_head(&mut stream);
                        let answer = "302 Found\r\nLocation: ws://u:secret@h/\r\nContent-Length: 0";
                        write!(stream, "HTTP/1.1 {answer}\r\n\r\n").unwrap();
                    }
                });
            let policy = Reconnect::new().first(SHORT);
            let request = request(&peer).record(Record::new("recordings", "led")).redirects(1);
            let said = match Websocket::open(&request.reconnect(policy)) {
                Ok(ws) => ws.receive().unwrap_err().to_string(),
                Err(error) => error.to_string(),
            };
            // The program itself learns it, where it is told why.
            assert!(opens_first || said.contains("secret"), "{said}");
            nothing_is_left();
            let file = recorded("led");
            assert!(!file.windows(6).any(|six| six == b"secret"), "{}", file.escape_ascii());
            let entries = record::read(&file).unwrap();
            let reason =
                |entry: &Entry<'_>| matches!(entry, Entry::Ended { reason, .. } if reason.contains("302"));
            assert!(entries.iter().any(|timed| reason(&timed.entry)), "{entries:?}");
        }
        let twice = Request::new("127.0.0.1", 1).sub_protocol("secret").sub_protocol("secret");
        let (_, text) = refusal(&twice.record(Record::new("recordings", "twice")));
        assert!(text.contains("secret"), "{text}");
        nothing_is_left();
        let file = recorded("twice");
        assert!(!file.windows(6).any(|six| six == b"secret"), "{}", file.escape_ascii());
    });
}

/// One after the other, in one file; an attempt that fails is among them.
#[test]
fn sessions_that_follow_each_other_are_recorded() {
    system!().pddb(Pddb::new()).run(|| {
        let number = AtomicUsize::new(0);
        let (peer, _) = peers::serve(move |mut stream, _: &Sender<()>| match number.fetch_add(1, SeqCst) {
            1 => {
                raw::read_head(&mut stream);
                stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").unwrap();
            }
            session => {
                raw::accept(&mut stream);
                stream.write_all(&frame(TEXT, &[b'0' + session as u8])).unwrap();
                stream.write_all(&frame(FIRST_TEXT, b"cut off")[..5]).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
                std::io::copy(&mut stream, &mut std::io::sink()).ok();
            }
        });
        let policy = Reconnect::new().first(SHORT).largest(SHORT).attempts(2);
        let receive = |request: Request<'static>| {
            let ws = Websocket::open(&request.reconnect(policy)).unwrap();
            let mut texts = Vec::new();
            while texts.len() < 2 {
                match ws.receive_text(10) {
                    Ok(text) => texts.push(text),
                    Err(end) => assert_eq!(end, ReceiveError::CutOff),
                }
            }
            texts
        };
        assert_eq!(receive(request(&peer).record(Record::new("recordings", "all"))), ["0", "2"]);
        nothing_is_left();
        let file = recorded("all");
        let entries = record::read(&file).unwrap();
        let asked = entries.iter().filter(|timed| matches!(timed.entry, Entry::Asked(_))).count();
        assert_eq!(asked, 3);
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::scope(|scope| {
            scope.spawn(|| player::play(&listener, &entries, true, &mut |_| ()).unwrap());
            assert_eq!(receive(Request::new("127.0.0.1", port)), ["0", "2"]);
        });
        nothing_is_left();
    });
}

#[test]
fn recordings_have_bounds() {
    system!().pddb(Pddb::new()).run(|| {
        let (peer, _) = peers::by_hand(|mut stream, _: &Sender<()>| {
            for _ in 0..5 {
                if stream.write_all(&frame(raw::BINARY, &vec![7; 1 << 20])).is_err() {
                    return;
                }
            }
            std::io::copy(&mut stream, &mut std::io::sink()).ok();
        });
        let recorded_to = |key| request(&peer).record(Record::new("recordings", key));
        let (code, text) = refusal(&recorded_to("a:b"));
        assert!(code == Code::BadRequest && text.contains("a:b"), "{text}");
        let ws = Websocket::open(&recorded_to("long")).unwrap();
        match Websocket::open(&recorded_to("other")) {
            Err(OpenError::Failed { code: Code::BusyRecorder, .. }) => (),
            other => panic!("{other:?}"),
        }
        for _ in 0..5 {
            assert_eq!(ws.receive().unwrap().kind(), Kind::Binary);
        }
        ws.close(1000, "").ok();
        let file = recorded("long");
        assert!(file.len() <= 4 * 1024 * 1024, "{}", file.len());
        let full = record::read(&file).unwrap().iter().filter(|timed| timed.entry == Entry::Full).count();
        assert_eq!(full, 1);
        // The place is free again.
        let start = Instant::now();
        while Websocket::open(&recorded_to("other")).is_err() {
            assert!(start.elapsed() < PATIENCE);
        }
    });
}
