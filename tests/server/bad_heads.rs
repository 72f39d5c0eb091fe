//! Heads that are late, endless, or none at all.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use xous_api_websocket::error::{ReceiveError, SendError};
use xous_api_websocket::state::Stats;
use xous_api_websocket::{Incoming, Listener};

use crate::by_hand::{Client, masked, upgrade_request};
use crate::common::raw::{TEXT, frame};
use crate::common::{nothing_is_left, system};
use crate::serve::{PAGE, SHORT, listen, listener, pair, roomy};

/// Gets the page, as anybody may meanwhile.
fn others_are_served(port: u16) {
    let mut client = Client::with(port, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(client.answer().body, PAGE.as_bytes());
}

#[test]
fn a_slow_head_is_late() {
    system!().run(|| {
        let listener = listener(&listen().limits(roomy().head_time(SHORT)));
        let start = Instant::now();
        let mut client = Client::connect(listener.port());
        let mut writing = client.second();
        // A byte now and then, on and on, as a client that holds its place would send them.
        let (stop, stopped) = channel::<()>();
        let drip = std::thread::spawn(move || {
            for byte in upgrade_request("/ws", "").bytes().cycle() {
                if stopped.recv_timeout(Duration::from_millis(20)) != Err(RecvTimeoutError::Timeout)
                    || !writing.try_send([byte])
                {
                    return;
                }
            }
        });
        others_are_served(listener.port());
        let answer = client.answer();
        assert_eq!(answer.status, 408);
        assert_eq!(answer.field("Connection"), Some("close"));
        assert!(start.elapsed() >= SHORT, "{:?}", start.elapsed());
        drop(stop);
        drip.join().unwrap();
        drop(client);
        nothing_is_left();
    });
}

#[test]
fn silence_ends_a_connection_without_an_answer() {
    system!().run(|| {
        let listener = listener(&listen().limits(roomy().head_time(SHORT)));
        let mut silent = Client::connect(listener.port());
        let mut after_a_page = Client::with(listener.port(), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(after_a_page.answer().status, 200);
        silent.ended();
        after_a_page.ended();
        nothing_is_left();
    });
}

#[test]
fn a_client_that_goes_within_its_head_is_forgotten() {
    system!().run(|| {
        let listener = listener(&listen());
        for len in 0..40 {
            drop(Client::with(listener.port(), &upgrade_request("/ws", "")[..len]));
        }
        nothing_is_left();
    });
}

#[test]
fn a_head_that_never_ends_is_too_large() {
    system!().run(|| {
        let listener = listener(&listen().limits(roomy().head_bytes(u32::MAX)));
        for endless in ["X", "X: y\r\n", " "] {
            let mut client = Client::with(listener.port(), "GET / HTTP/1.1\r\n");
            let piece = endless.repeat(1000);
            // The server stops reading after a second at the latest; what it has not read resets the connection.
            while client.try_send(&piece) {
                if client.has_bytes() {
                    break;
                }
            }
            let answer = client.answer();
            assert!([431, 400].contains(&answer.status), "{}", answer.head);
            assert_eq!(answer.field("Connection"), Some("close"));
            others_are_served(listener.port());
        }
        nothing_is_left();
    });
}

#[test]
fn ten_thousand_headers_are_too_many() {
    system!().run(|| {
        let listener = listener(&listen().limits(roomy().head_bytes(1 << 20)));
        let lines: String = (0..10_000).map(|at| format!("X-{at}: y\r\n")).collect();
        for request in [format!("GET / HTTP/1.1\r\nHost: h\r\n{lines}\r\n"), upgrade_request("/ws", &lines)] {
            let mut client = Client::connect(listener.port());
            client.try_send(request);
            assert_eq!(client.answer().status, 431);
        }
        nothing_is_left();
    });
}

#[test]
fn the_limits_of_a_head_are_those_of_the_listener() {
    system!().run(|| {
        let limits = roomy().head_bytes(300).head_lines(10);
        let listener = listener(&listen().limits(limits));
        let head = |filler: usize| format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "y".repeat(filler));
        let fits = head(300 - head(0).len());
        assert_eq!(Client::with(listener.port(), &fits).answer().status, 200);
        assert_eq!(Client::with(listener.port(), fits.replace("X: ", "X: y")).answer().status, 431);
        let lines =
            |count: usize| format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "X: y\r\n".repeat(count - 2));
        assert_eq!(Client::with(listener.port(), lines(10)).answer().status, 200);
        assert_eq!(Client::with(listener.port(), lines(11)).answer().status, 431);
    });
}

#[test]
fn other_protocols_are_told_so() {
    const TLS: &[u8] = &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    const HTTP_2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    system!().run(|| {
        let listener = listener(&listen());
        let others: [&[u8]; 8] = [
            TLS,
            HTTP_2,
            b"\r\n\r\n\r\n\r\n\r\n",
            b"\0",
            b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
            b"GET /\r\n\r\n",
            b"GET / HTTP/1.1\nHost: h\n\n",
            b"GET / HTTP/1.1\r\nHost: h\r\nX: \xff\0\r\n\r\n",
        ];
        for other in others {
            let mut client = Client::with(listener.port(), other);
            let answer = client.answer();
            assert_eq!(answer.status, 400, "{}", other.escape_ascii());
            client.ended();
        }
        others_are_served(listener.port());
        nothing_is_left();
    });
}

#[test]
fn an_unmasked_frame_fails_the_connection() {
    system!().run(|| {
        let listener = listener(&listen());
        let (mut client, incoming) = pair(&listener);
        client.send(frame(TEXT, b"not masked"));
        assert_eq!(client.closed().0, 1002);
        match incoming.websocket.receive_text(10) {
            Err(ReceiveError::Closed(closed)) => assert_eq!(closed.code, 1002),
            other => panic!("{other:?}"),
        }
        drop(incoming);
        nothing_is_left();
    });
}

/// Whatever the threads' order: the owner has its turn, before the connection is failed for what came behind. One that does
/// not use it holds up nothing.
#[test]
fn what_came_before_a_fault_is_answered() {
    system!().run(|| {
        let listener = listener(&listen());
        // The turn is short, and a busy machine may take it from the owner: not every time.
        assert!((0..5).any(|_| is_answered_before_a_fault(&listener)));
        let (client, incoming) = question_and_fault(&listener);
        assert_eq!(client.closed().0, 1002);
        drop(incoming);
        nothing_is_left();
    });
}

fn question_and_fault(listener: &Listener) -> (Client, Incoming) {
    const RESERVED: u8 = 0x83;
    let (mut client, incoming) = pair(listener);
    client.send([masked(TEXT, b"question"), masked(RESERVED, b"")].concat());
    assert_eq!(incoming.websocket.receive_text(10).unwrap(), "question");
    (client, incoming)
}

fn is_answered_before_a_fault(listener: &Listener) -> bool {
    let (mut client, incoming) = question_and_fault(listener);
    // Meanwhile the service comes to what is behind it.
    for _ in 0..10 {
        Stats::now().unwrap();
    }
    let answered = match incoming.websocket.send_text("answer") {
        Ok(()) => true,
        Err(SendError::Closed) => false,
        Err(error) => panic!("{error:?}"),
    };
    let got = std::thread::spawn(move || (answered.then(|| client.text()), client.closed().0));
    match incoming.websocket.receive_text(10) {
        Err(ReceiveError::Closed(closed)) => assert_eq!(closed.code, 1002),
        other => panic!("{other:?}"),
    }
    assert_eq!(got.join().unwrap(), (answered.then(|| "answer".into()), 1002));
    answered
}
