//! Programs that take nothing: what becomes of their connections, and of the workers.

use std::time::Instant;

use xous_api_websocket::Deadlines;
use xous_api_websocket::error::ReceiveError;

use crate::by_hand::{Client, masked};
use crate::common::raw::{CLOSE, TEXT};
use crate::common::{nothing_is_left, stats_when, system};
use crate::serve::{PAGE, SHORT, listen, listener, pair, roomy};

#[test]
fn a_program_that_takes_nothing_loses_its_connections() {
    system!().run(|| {
        let deadlines = Deadlines::new().stall(SHORT);
        let limits = roomy().accept_time(SHORT);
        let listener = listener(&listen().options(deadlines).limits(limits));
        let start = Instant::now();
        let mut pairs: Vec<_> = (0..11).map(|_| pair(&listener)).collect();
        // All that one program may have are taken, and each client has something for the program, one more than it can buffer.
        assert_eq!(Client::asks(listener.port(), "/ws").answer().status, 503);
        for (at, (client, _)) in pairs.iter_mut().enumerate() {
            client.send_text("nobody takes this");
            if at % 2 == 0 {
                client.try_send(masked(TEXT, &vec![b'x'; 1 << 20]));
            }
        }
        for (mut client, _) in pairs.split_off(6) {
            let close = client.frame();
            assert_eq!(close.first, CLOSE);
            assert_eq!(close.close(), (1001, "the receiver stalled".into()));
        }
        assert!(start.elapsed() >= SHORT);
        // Those who read nothing and those who answer nothing are let go of, too.
        stats_when(|stats| stats.workers_busy == 0 && stats.connections == 0);
        // Nobody accepts: the routes say so. Pages need no program.
        let mut client = Client::asks(listener.port(), "/ws");
        assert_eq!(client.answer().status, 503);
        let mut client = Client::with(listener.port(), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(client.answer().body, PAGE.as_bytes());
        drop(client);
        // A program that comes to its senses learns what has happened, and may go on.
        for (_, incoming) in pairs {
            match incoming.websocket.receive_text(9) {
                Err(ReceiveError::Closed(closed)) => assert_eq!(closed.code, 1001),
                other => panic!("{other:?}"),
            }
        }
        let (mut client, incoming) = pair(&listener);
        client.send_text("hello");
        assert_eq!(incoming.websocket.receive_text(9).unwrap(), "hello");
        client.close();
        drop(incoming);
        nothing_is_left();
    });
}

#[test]
fn a_program_that_takes_its_time_within_the_deadline_loses_nothing() {
    system!().run(|| {
        let listener = listener(&listen());
        let (mut client, incoming) = pair(&listener);
        let text: String = "0123456789".repeat(10_000);
        let mut writing = client.second();
        let sender = {
            let text = text.clone();
            std::thread::spawn(move || (0..10).for_each(|_| writing.send_text(&text)))
        };
        for _ in 0..10 {
            assert_eq!(incoming.websocket.receive_text(text.len()).unwrap(), text);
            incoming.websocket.send_text("next").unwrap();
            assert_eq!(client.text(), "next");
        }
        sender.join().unwrap();
        client.close();
    });
}
