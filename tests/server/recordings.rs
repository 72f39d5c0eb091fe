//! Clients of a route that are recorded, and played again.

use std::thread;
use std::time::Instant;

use hosted::{Pddb, hear, pddb_directory, tell};
use websocket::proto::record::{self, Entry};
use xous_api_websocket::error::{ControlError, ReceiveError};
use xous_api_websocket::open::Record;
use xous_api_websocket::wire::Handle;
use xous_api_websocket::{Code, Incoming, Listener, Route, Websocket};

use crate::by_hand::{Client, upgrade_request};
use crate::common::raw::{BINARY, CLOSE, TEXT};
use crate::common::{nothing_is_left, system};
use crate::serve::{SHORT, listen, pair_on};

#[allow(dead_code, reason = "the command uses all of it")]
#[path = "../../xtask/src/replay/player.rs"]
mod player;

fn recorded(key: &str) -> Vec<u8> {
    std::fs::read(pddb_directory().join(".System/recordings").join(key)).unwrap()
}

/// Takes a client and talks to it until its end.
fn host(listener: &Listener) -> (Vec<String>, ReceiveError) {
    let client = listener.accept().unwrap().websocket;
    client.send_text("who are you?").unwrap();
    let mut texts = Vec::new();
    loop {
        match client.receive_text(100) {
            Ok(text) => texts.push(text),
            Err(end) => return (texts, end),
        }
        client.send_text("my secret").unwrap();
    }
}

/// A client that has secrets, and a fault: text that is not UTF-8.
fn visit(port: u16, path: &str) {
    let lines = "Cookie: secret; pairing-1=cookie\r\nAuthorization: Bearer secret\r\nSec-WebSocket-Protocol: secret\r\n";
    let mut client = Client::with(port, upgrade_request(&format!("{path}?token=secret"), lines));
    client.opened();
    client.text();
    client.send_text("hello");
    client.text();
    // A pause, which the recording has, and which is played.
    thread::sleep(SHORT);
    client.send_frame(TEXT, b"\xff");
    client.ended_with(CLOSE);
}

#[test]
fn a_client_that_was_at_fault_is_played_again() {
    system!().pddb(Pddb::new()).run(|| {
        let listener = Listener::listen(&listen()).unwrap();
        let to = |key| Record::new("recordings", key);
        listener.add_route(&Route::receiver("/chat").record(to("chat"))).unwrap();
        let port = listener.port();
        let visited = thread::spawn(move || visit(port, "/chat"));
        let then = host(&listener);
        visited.join().unwrap();
        assert_eq!(then.0, ["hello"]);
        let file = recorded("chat");
        assert!(!file.windows(6).any(|six| six == b"secret"), "{}", file.escape_ascii());
        let entries = record::read(&file).unwrap();
        assert!(record::is_of_server(&entries) && entries.is_sorted_by_key(|timed| timed.at), "{entries:?}");
        assert!(matches!(entries.last().unwrap().entry, Entry::Ended { code: 1007, .. }), "{entries:?}");
        for fast in [false, true] {
            let start = Instant::now();
            let (now, missed) = thread::scope(|scope| {
                let playing = scope.spawn(|| {
                    let server = ([127, 0, 0, 1], port).into();
                    player::visit(server, &entries, fast, &mut |_| ()).unwrap()
                });
                let now = host(&listener);
                (now, playing.join().unwrap())
            });
            assert_eq!((&now, missed), (&then, 0));
            assert!(fast || start.elapsed() >= SHORT, "{:?}", start.elapsed());
        }
        // Asked twice.
        listener.add_route(&Route::receiver("/all").record(to("all").with_credentials())).unwrap();
        let visited = thread::spawn(move || visit(port, "/all"));
        host(&listener);
        visited.join().unwrap();
        let file = recorded("all");
        let has = |text: &str| file.windows(text.len()).any(|part| part == text.as_bytes());
        for text in ["token=secret", "Cookie: secret; pairing-1=xxxxxx", "Bearer secret", "my secret"] {
            assert!(has(text), "{text}: {}", file.escape_ascii());
        }
        nothing_is_left();
    });
}

/// Only one connection at a time, which keeps no client out.
#[test]
fn a_second_client_is_served_and_not_recorded() {
    system!().pddb(Pddb::new()).run(|| {
        let listener = Listener::listen(&listen()).unwrap();
        let bad = listener.add_route(&Route::receiver("/bad").record(Record::new("recordings", "a:b")));
        assert_eq!(bad.unwrap_err(), ControlError::Refused(Code::BadRequest));
        listener.add_route(&Route::receiver("/chat").record(Record::new("recordings", "chat"))).unwrap();
        listener.add_route(&Route::receiver("/other")).unwrap();
        let ends = |path: &str, text: &str| {
            let (mut client, incoming) = pair_on(&listener, path);
            client.send_text(text);
            (client, incoming)
        };
        let recorded_clients = || {
            let entries_of = recorded("chat");
            let entries = record::read(&entries_of).unwrap();
            let came = entries.iter().filter(|timed| matches!(timed.entry, Entry::Came(_))).count();
            let asked = entries.iter().filter(|timed| matches!(timed.entry, Entry::Asked(_))).count();
            (asked, came > 0)
        };
        let ended = |(client, incoming): (Client, Incoming)| {
            assert_eq!(incoming.websocket.receive_text(10).as_deref(), Ok("x"));
            let closing = thread::spawn(move || client.close());
            assert!(matches!(incoming.websocket.receive(), Err(ReceiveError::Closed(_))));
            closing.join().unwrap();
        };
        let (first, second) = (ends("/chat", "x"), ends("/chat", "x"));
        ended(second);
        assert!(!pddb_directory().join(".System/recordings/chat").exists());
        ended(first);
        assert_eq!(recorded_clients(), (1, true));
        // A route that nobody asked for.
        std::fs::remove_file(pddb_directory().join(".System/recordings/chat")).unwrap();
        ended(ends("/other", "x"));
        assert!(!pddb_directory().join(".System/recordings/chat").exists());
        ended(ends("/chat", "x"));
        assert_eq!(recorded_clients(), (1, true));
        nothing_is_left();
    });
}

/// What a client sends is bounded in the file, and comes to the program all the same.
#[test]
fn a_recording_of_a_client_has_bounds() {
    system!().pddb(Pddb::new()).run(|| {
        let listener = Listener::listen(&listen()).unwrap();
        listener.add_route(&Route::receiver("/long").record(Record::new("recordings", "long"))).unwrap();
        let (mut client, incoming) = pair_on(&listener, "/long");
        let sending = thread::spawn(move || {
            for _ in 0..5 {
                client.send_frame(BINARY, &vec![7; 1 << 20]);
            }
            client.close();
        });
        for _ in 0..5 {
            assert_eq!(incoming.websocket.receive_whole(1 << 20).unwrap().as_bytes().len(), 1 << 20);
        }
        assert!(matches!(incoming.websocket.receive(), Err(ReceiveError::Closed(_))));
        sending.join().unwrap();
        let file = recorded("long");
        assert!(file.len() <= 4 * 1024 * 1024, "{}", file.len());
        let full = record::read(&file).unwrap().iter().filter(|timed| timed.entry == Entry::Full).count();
        assert_eq!(full, 1);
        drop(incoming);
        nothing_is_left();
    });
}

/// The program with the route has asked for it, and not the one that gets the client.
#[test]
fn a_recording_of_a_client_ends_with_a_grant() {
    system!()
        .pddb(Pddb::new())
        .role("port", || {
            let listener = Listener::listen(&listen()).unwrap();
            let to = Record::new("recordings", "chat").with_credentials();
            listener.add_route(&Route::receiver("/chat").record(to)).unwrap();
            let heir = hear().parse().unwrap();
            let (mut client, incoming) = pair_on(&listener, "/chat");
            client.send_text("for the port");
            assert_eq!(incoming.websocket.receive_text(100).as_deref(), Ok("for the port"));
            let handle = incoming.websocket.grant(heir).unwrap();
            tell("heir", &handle.to_raw().to_string());
            client.text();
            client.send_text("for the heir");
            assert_eq!(hear(), "received");
            client.close();
            nothing_is_left();
            let file = recorded("chat");
            let entries = record::read(&file).unwrap();
            // Nothing behind the head and what the port got, but for the end.
            let kinds: Vec<_> = entries.iter().map(|timed| timed.entry).collect();
            assert!(
                matches!(
                    kinds[..],
                    [Entry::Serves, Entry::Asked(_), Entry::Answered(_), Entry::Came(_), Entry::Ended { .. }]
                ),
                "{entries:?}"
            );
        })
        .role("heir", || {
            tell("port", &xous::current_pid().unwrap().to_string());
            let ws = Websocket::from_granted(Handle::from_raw(hear().parse().unwrap()).unwrap()).unwrap();
            ws.send_text("by the heir").unwrap();
            assert_eq!(ws.receive_text(100).as_deref(), Ok("for the heir"));
            tell("port", "received");
            ws.receive().unwrap_err();
        })
        .run_roles();
}
