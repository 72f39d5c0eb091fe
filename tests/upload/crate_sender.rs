//! The client crate's `Sender`, as a program uses it.

use std::io::Cursor;
use std::net::TcpListener;

use tungstenite::Message;
use xous_api_websocket::error::OpenError;
use xous_api_websocket::sender::{Progress, SenderError, Stored};
use xous_api_websocket::{Request, Sender, Upload, Websocket};

use crate::common::{nothing_is_left, pattern, system};
use crate::sender::{DICT, Sender as RawSender, UPLOAD, get, list, listen, sha256};
use crate::wire::Wire;

fn open(port: u16) -> Result<Websocket, OpenError> {
    Websocket::open(&Request::new("127.0.0.1", port).path(UPLOAD))
}

fn send(ws: &Websocket, name: &str, data: &[u8]) -> Result<Stored, SenderError> {
    Sender::send(ws, name, Cursor::new(data))
}

#[test]
fn files_of_any_length_go_over_one_connection_and_are_verified() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT).replace(true).colon('-'));
        let ws = open(listener.port()).unwrap();
        for (name, data) in [("empty", vec![]), ("d/one", vec![7]), ("large", pattern(1_000_001))] {
            let stored = send(&ws, name, &data).unwrap();
            assert_eq!((&*stored.name, stored.length as usize, stored.was_there), (name, data.len(), false));
            let digest: String = stored.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(digest, sha256(&data));
            assert_eq!(get(listener.port(), &format!("/files/{name}"), "").body, data);
        }
        assert!(send(&ws, "d/one", &[7]).unwrap().was_there);
        // Another one of its name, of the same length and of another.
        for data in [&b"8"[..], b"88"] {
            match send(&ws, "d/one", data) {
                Err(SenderError::Exists { length: 1, replaceable: true }) => (),
                other => panic!("{other:?}"),
            }
        }
        let mut sender = Sender::new("d/one", Cursor::new(b"88")).unwrap().replace(true);
        assert!(!sender.send_over(&ws, |_| ()).unwrap().was_there);
        assert_eq!(get(listener.port(), "/files/d/one", "").body, b"88");
        assert_eq!(send(&ws, "12:30", b"x").unwrap().name, "12-30");
        match send(&ws, "a\u{202e}b", b"x") {
            Err(SenderError::Refused { code, reason }) => {
                assert!(code == "bad_name" && reason.contains("U+202E"), "{code}: {reason}");
            }
            other => panic!("{other:?}"),
        }
        assert!(send(&ws, "last", b"x").is_ok(), "the connection is as good as ever");
        drop(ws);
        nothing_is_left();
    });
}

#[test]
fn a_sender_goes_on_over_new_connections_and_knows_what_is_stored() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT));
        let data = pattern(3_000_000);
        let wire = Wire::cut_after(listener.port(), 2_000_000);
        let mut lost = 0;
        let mut count = |progress: Progress<'_>| lost += usize::from(matches!(progress, Progress::Lost(_)));
        let mut sender = Sender::new("a", Cursor::new(&data)).unwrap();
        let stored = sender.send_again(|| open(wire.port()), &mut count).unwrap();
        assert!(!stored.was_there && lost == 1, "lost {lost} times");
        assert!(wire.carried() < 5_000_000, "{} bytes: it began anew", wire.carried());
        // Nobody hears that it is stored.
        let wire = Wire::cut_before(listener.port(), "{\"stored\":");
        let mut sender = Sender::new("b", Cursor::new(&data)).unwrap();
        let stored = sender.send_again(|| open(wire.port()), |_| ()).unwrap();
        assert!(stored.was_there && wire.cuts() == 1, "cut {} times", wire.cuts());
        assert_eq!(list(listener.port()), ["a", "b"].map(|name| (name.to_owned(), 3_000_000)));
        nothing_is_left();
    });
}

#[test]
fn what_is_not_possible_now_is_asked_for_again() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT));
        let mut rival = RawSender::connect(listener.port());
        rival.begin(1, "a", 100, b"half");
        rival.accepted(1);
        let ws = open(listener.port()).unwrap();
        let mut sender = Sender::new("a", Cursor::new(b"mine")).unwrap();
        let mut waits = 0;
        let stored = sender.send_over(&ws, |progress| {
            if let Progress::Waits(why) = progress {
                assert_eq!(why, "A file of this name is being received.");
                waits += 1;
                if waits == 2 {
                    rival.text(r#"{"cancel":1}"#);
                }
            }
        });
        assert!(!stored.unwrap().was_there && waits >= 2, "{waits}");
    });
}

/// A service that says more than this crate knows.
#[test]
fn waits_are_told_and_news_are_passed_over() {
    system!().run(|| {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let serves = std::thread::spawn(move || {
            let mut ws = tungstenite::accept(server.accept().unwrap().0).unwrap();
            ws.send(Message::text(r#"{"news":7,"more":true}"#)).unwrap();
            let mut first = Vec::new();
            while first.is_empty() {
                match ws.read().unwrap() {
                    Message::Binary(message) => first = message.to_vec(),
                    Message::Text(text) => assert!(text.starts_with(r#"{"keep":"#), "{text}"),
                    other => panic!("{other:?}"),
                }
            }
            let id = u32::from_le_bytes(*first.first_chunk().unwrap());
            let mut say = |text: String| ws.send(Message::text(text)).unwrap();
            say(format!(r#"{{"waiting":{id},"reason":"The database asks its user."}}"#));
            say(format!(r#"{{"accepted":{id},"name":"a","length":5}}"#));
            say(format!(r#"{{"waiting":{id},"reason":"It still does."}}"#));
            while !matches!(ws.read().unwrap(), Message::Binary(_)) {}
            ws.send(Message::text(format!(r#"{{"stored":{id},"sha256":"{}"}}"#, sha256(b"other")))).unwrap();
            while ws.read().is_ok() {}
        });
        let ws = open(port).unwrap();
        let mut told = Vec::new();
        let mut sender = Sender::new("a", Cursor::new(b"hello")).unwrap();
        let sent = sender.send_over(&ws, |progress| {
            if let Progress::Waits(why) = progress {
                told.push(why.to_owned());
            }
        });
        assert!(matches!(sent, Err(SenderError::Differs)), "{sent:?}");
        assert_eq!(told, ["The database asks its user.", "It still does."]);
        drop(ws);
        serves.join().unwrap();
    });
}
