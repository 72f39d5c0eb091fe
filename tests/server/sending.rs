//! Messages to clients: in parts, in frames, from other threads, all kept apart.

use std::time::{Duration, Instant};

use xous_api_websocket::error::SendError;
use xous_api_websocket::state::Phase;
use xous_api_websocket::{ConnectionOptions, Deadlines, Kind, Listener, Part};

use crate::by_hand::Client;
use crate::common::raw::{BINARY, FIRST_BINARY, FIRST_TEXT, LAST, MIDDLE, PING, PONG, TEXT};
use crate::common::{nothing_is_left, nothing_is_open, pattern, stats_when, system};
use crate::serve::{SHORT, listen, listener, pair, roomy};

#[test]
fn parts_of_a_message_go_out_as_they_are_sent() {
    system!().run(|| {
        let listener = listener(&listen());
        let (mut client, incoming) = pair(&listener);
        let ws = &incoming.websocket;
        ws.send_fragment(Kind::Text, Part::First, b"fragmented").unwrap();
        assert_eq!(client.text_frame(), (FIRST_TEXT, "fragmented".into()), "each goes out at once");
        ws.send_fragment(Kind::Text, Part::Middle, b"").unwrap();
        ws.ping(b"between").unwrap();
        ws.send_fragment(Kind::Text, Part::Last, b"final").unwrap();
        let wanted = [(MIDDLE, ""), (PING, "between"), (LAST, "final")];
        for (first, text) in wanted {
            assert_eq!(client.text_frame(), (first, text.into()));
        }
        client.close();
    });
}

#[test]
fn a_listener_s_fragment_size_cuts_messages() {
    system!().run(|| {
        let listener = listener(&listen().options(ConnectionOptions::new().fragment_size(1000)));
        let (mut client, incoming) = pair(&listener);
        let data = pattern(2500);
        incoming.websocket.send_binary(&data).unwrap();
        for (first, range) in [(FIRST_BINARY, 0..1000), (MIDDLE, 1000..2000), (LAST, 2000..2500)] {
            let frame = client.frame();
            assert_eq!((frame.first, &*frame.payload), (first, &data[range]));
        }
        incoming.websocket.send_binary(&data[..1000]).unwrap();
        assert_eq!(client.frame().first, BINARY);
        client.close();
    });
}

#[test]
fn queued_sends_of_many_threads_keep_messages_whole() {
    const THREADS: usize = 4;
    const EACH: usize = 50;
    system!().run(|| {
        let listener = listener(&listen());
        let (mut client, incoming) = pair(&listener);
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let ws = incoming.websocket.clone();
                scope.spawn(move || {
                    for at in 0..EACH {
                        let text = format!("{thread} {at} {}", "x".repeat(at * 37));
                        // Moved and not waited for, or lent and answered.
                        if thread % 2 == 0 {
                            ws.send_text(&text)
                        } else {
                            ws.send_async(Kind::Text, text.as_bytes())
                        }
                        .unwrap();
                        if thread % 2 == 1 && at % 8 == 7 {
                            // The queue holds sixteen: an answered send behind eight has seen them go.
                            ws.send_text(&format!("{thread} - ")).unwrap();
                        }
                    }
                });
            }
            let mut next = [0; THREADS];
            while next != [EACH; THREADS] {
                let text = client.text();
                let mut words = text.split(' ');
                let thread: usize = words.next().unwrap().parse().unwrap();
                let Ok(at) = words.next().unwrap().parse::<usize>() else { continue };
                assert_eq!(at, next[thread], "of one thread they come in order");
                assert_eq!(words.next().unwrap().len(), at * 37);
                next[thread] += 1;
            }
        });
        assert_eq!(incoming.websocket.state().unwrap().failed_sends, 0);
        client.close();
    });
}

/// The example's `Trigger async`: the answer comes later, from a thread that does not receive.
#[test]
fn another_thread_sends_while_one_receives() {
    system!().run(|| {
        let listener = listener(&listen());
        let (mut client, incoming) = pair(&listener);
        nothing_is_open();
        std::thread::scope(|scope| {
            let receiving = scope.spawn(|| incoming.websocket.receive_text(99));
            stats_when(|stats| stats.open_messages == 2);
            let ws = incoming.websocket.clone();
            scope.spawn(move || ws.send_async(Kind::Text, b"Async data").unwrap());
            assert_eq!(client.text(), "Async data");
            client.send_text("Trigger async");
            assert_eq!(receiving.join().unwrap().unwrap(), "Trigger async");
        });
        client.close();
    });
}

#[test]
fn pings_of_clients_are_answered_and_silence_is_noticed() {
    system!().run(|| {
        let deadlines = Deadlines::new().keepalive(SHORT).pong(4 * SHORT);
        let listener = listener(&listen().options(deadlines));
        let (mut client, incoming) = pair(&listener);
        client.send_frame(PING, b"are you there?");
        assert_eq!(client.text_frame(), (PONG, "are you there?".into()));
        for _ in 0..3 {
            let (kind, number) = client.text_frame();
            assert_eq!(kind, PING);
            client.send_frame(PONG, number.as_bytes());
        }
        // From here on the client keeps quiet.
        client.ended_with(PING);
        assert_eq!(incoming.websocket.send_text("?"), Err(SendError::Closed));
        drop(incoming);
        nothing_is_left();
    });
}

/// The ping waits behind a frame that goes out in one piece, and the client has its time from then on.
#[test]
fn a_client_that_takes_a_long_frame_slowly_is_not_taken_for_dead() {
    system!().run(|| {
        let listener = listener(&listen());
        let (mut client, incoming) = pair(&listener);
        let ws = &incoming.websocket;
        let (long, mut sent, mut since) = (vec![0; Listener::MAX_BROADCAST], 0, Instant::now());
        // Until the sockets are full.
        while sent == 0 || since.elapsed() < SHORT {
            // It has left if it was too slow for the one before.
            listener.join(ws, "room").unwrap();
            listener.broadcast("room", Kind::Binary, &long).unwrap();
            let now = ws.statistics().unwrap().sent.bytes;
            if now != sent {
                (sent, since) = (now, Instant::now());
            }
        }
        ws.set_keepalive(Some(SHORT / 4), 4 * SHORT).unwrap();
        let start = Instant::now();
        while start.elapsed() < 6 * SHORT {
            let state = ws.state().unwrap();
            assert_eq!((state.phase, state.end), (Phase::Open, None));
        }
        ws.send_async(Kind::Text, b"still there").unwrap();
        let mut pinged = false;
        loop {
            let frame = client.frame();
            match frame.first {
                BINARY => assert!(frame.payload == long),
                PING => {
                    client.send_frame(PONG, &frame.payload);
                    pinged = true;
                }
                first => {
                    assert_eq!((first, &*frame.payload), (TEXT, &b"still there"[..]));
                    break;
                }
            }
        }
        assert!(pinged, "before what is queued");
        client.send_text("so am I");
        assert_eq!(ws.receive_text(10).unwrap(), "so am I");
        client.close();
    });
}

#[test]
fn a_client_that_takes_nothing_is_given_up() {
    system!().run(|| {
        let deadlines = Deadlines::new().write(SHORT);
        let listener =
            listener(&listen().options(deadlines).limits(roomy().head_time(Duration::from_secs(60))));
        let (client, incoming) = pair(&listener);
        let sent = (0..).map(|_| incoming.websocket.send_binary(&[0; 16384])).find(Result::is_err);
        assert_eq!(sent, Some(Err(SendError::Closed)));
        drop(incoming);
        nothing_is_left();
        drop(client);
        // The same with a page.
        let body = vec![b'x'; 65536];
        let page = xous_api_websocket::Route::page("/long", "text/plain", &body);
        listener.add_route(&page).unwrap();
        let mut client = Client::connect(listener.port());
        let request = "GET /long HTTP/1.1\r\nHost: h\r\n\r\n".repeat(500);
        client.send(request);
        nothing_is_left();
    });
}
