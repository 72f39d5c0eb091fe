//! One message to many: joining, leaving, broadcasting, and members that are slow or gone.

use xous_api_websocket::error::{ControlError, SendError};
use xous_api_websocket::state::Phase;
use xous_api_websocket::{Code, Kind, Listener, Part, serve::SlowMember};

use crate::by_hand::Client;
use crate::common::raw::{BINARY, CLOSE, FIRST_TEXT, LAST, TEXT};
use crate::common::{nothing_is_left, stats_when, system};
use crate::serve::{listen, listener, pair};

/// Says so to everybody in the room.
fn say(listener: &Listener, text: &str) -> usize {
    listener.broadcast("room", Kind::Text, text.as_bytes()).unwrap()
}

#[test]
fn every_member_gets_every_message_once_and_in_order() {
    const MEMBERS: usize = 5;
    system!().run(|| {
        let listener = listener(&listen());
        let mut members: Vec<_> = (0..MEMBERS).map(|_| pair(&listener)).collect();
        let (stranger, of_stranger) = pair(&listener);
        let (mut elsewhere, of_elsewhere) = pair(&listener);
        for (_, incoming) in &members {
            listener.join(&incoming.websocket, "room").unwrap();
            listener.join(&incoming.websocket, "room").unwrap();
        }
        listener.join(&of_elsewhere.websocket, "other room").unwrap();
        let binary = |at: usize| vec![at as u8; 1 + at * 150];
        // As fast as the members read, and never more than their queues hold.
        for at in 0..100 {
            assert_eq!(say(&listener, &format!("text {at}")), MEMBERS);
            assert_eq!(listener.broadcast("room", Kind::Binary, &binary(at)), Ok(MEMBERS));
            assert_eq!(listener.broadcast("other room", Kind::Text, b"other"), Ok(1));
            for (client, _) in &mut members {
                assert_eq!(client.text(), format!("text {at}"));
                let frame = client.frame();
                assert_eq!((frame.first, frame.payload), (BINARY, binary(at)));
            }
            assert_eq!(elsewhere.text(), "other");
        }
        assert_eq!(listener.broadcast("nobody's room", Kind::Text, b"hello"), Ok(0));
        // Nothing has come to the one who is in no room.
        of_stranger.websocket.send_text("the first").unwrap();
        let mut stranger = stranger;
        assert_eq!(stranger.text(), "the first");
        members.into_iter().for_each(|(client, _)| client.close());
        stranger.close();
        elsewhere.close();
        nothing_is_left();
    });
}

#[test]
fn who_leaves_gets_nothing_and_who_ends_leaves() {
    system!().run(|| {
        let listener = listener(&listen());
        let (mut one, of_one) = pair(&listener);
        let (mut two, of_two) = pair(&listener);
        let (three, of_three) = pair(&listener);
        for incoming in [&of_one, &of_two, &of_three] {
            listener.join(&incoming.websocket, "room").unwrap();
        }
        assert_eq!(say(&listener, "all three"), 3);
        listener.leave(&of_one.websocket, "room").unwrap();
        listener.leave(&of_one.websocket, "room").unwrap();
        listener.leave(&of_one.websocket, "no room").unwrap();
        assert_eq!(say(&listener, "two of them"), 2);
        three.close();
        stats_when(|stats| stats.connections == 2);
        assert_eq!(say(&listener, "one of them"), 1);
        let gone = listener.join(&of_three.websocket, "room");
        assert_eq!(gone, Err(ControlError::Closed), "a connection that has ended joins nothing");
        listener.join(&of_one.websocket, "room").unwrap();
        assert_eq!(say(&listener, "again"), 2);
        for wanted in ["all three", "two of them", "one of them", "again"] {
            assert_eq!(two.text(), wanted);
        }
        assert_eq!((one.text(), one.text()), ("all three".into(), "again".into()));
        drop((of_one, of_two, of_three));
        assert_eq!(one.closed().0, 1000);
        assert_eq!(two.closed().0, 1000);
        nothing_is_left();
        assert_eq!(say(&listener, "anybody?"), 0);
    });
}

#[test]
fn a_broadcast_waits_for_the_end_of_a_fragmented_message() {
    system!().run(|| {
        let listener = listener(&listen());
        let (mut busy, of_busy) = pair(&listener);
        let (mut idle, of_idle) = pair(&listener);
        listener.join(&of_busy.websocket, "room").unwrap();
        listener.join(&of_idle.websocket, "room").unwrap();
        of_busy.websocket.send_fragment(Kind::Text, Part::First, b"one ").unwrap();
        assert_eq!(say(&listener, "to all"), 2);
        assert_eq!(idle.text(), "to all", "the other member does not wait");
        of_busy.websocket.send_fragment(Kind::Text, Part::Last, b"message").unwrap();
        of_busy.websocket.send_text("after").unwrap();
        assert_eq!(busy.text_frame(), (FIRST_TEXT, "one ".into()));
        assert_eq!(busy.text_frame(), (LAST, "message".into()));
        let mut rest = [busy.text(), busy.text()];
        rest.sort();
        assert_eq!(rest, ["after", "to all"]);
        busy.close();
        idle.close();
    });
}

/// Fills what a client that does not read can take, until it is no member any more.
fn overflow(listener: &Listener, reader: &mut Client) -> usize {
    let payload = vec![7; Listener::MAX_BROADCAST];
    for sent in 0..1000 {
        let reached = listener.broadcast("room", Kind::Binary, &payload).unwrap();
        let frame = reader.frame();
        assert_eq!((frame.first, frame.payload.len()), (BINARY, payload.len()), "the other is not held up");
        match reached {
            1 => return sent,
            reached => assert_eq!(reached, 2),
        }
    }
    panic!("64 MiB wait for a client that does not read");
}

#[test]
fn a_member_that_does_not_read_leaves_and_delays_nobody() {
    system!().run(|| {
        let listener = listener(&listen());
        let (mut slow, of_slow) = pair(&listener);
        let (mut reader, of_reader) = pair(&listener);
        listener.join(&of_slow.websocket, "room").unwrap();
        listener.join(&of_reader.websocket, "room").unwrap();
        let sent = overflow(&listener, &mut reader);
        assert_eq!(of_slow.websocket.state().unwrap().phase, Phase::Open);
        // What it was sent before is still on its way, and it may join again.
        let sending = std::thread::scope(|scope| {
            let sending = scope.spawn(|| of_slow.websocket.send_text("no member"));
            (0..sent).for_each(|_| assert_eq!(slow.frame().first, BINARY));
            assert_eq!(slow.text(), "no member");
            sending.join().unwrap()
        });
        assert_eq!(sending, Ok(()));
        listener.join(&of_slow.websocket, "room").unwrap();
        assert_eq!(say(&listener, "back"), 2);
        assert_eq!((slow.text(), reader.text()), ("back".into(), "back".into()));
        slow.close();
        reader.close();
    });
}

#[test]
fn a_member_that_does_not_read_is_closed_if_the_listener_says_so() {
    system!().run(|| {
        let listener = listener(&listen().slow_members(SlowMember::Closed));
        let (mut slow, of_slow) = pair(&listener);
        let (mut reader, of_reader) = pair(&listener);
        listener.join(&of_slow.websocket, "room").unwrap();
        listener.join(&of_reader.websocket, "room").unwrap();
        overflow(&listener, &mut reader);
        assert_eq!(say(&listener, "the rest goes on"), 1);
        assert_eq!(reader.text(), "the rest goes on");
        let close = std::iter::repeat_with(|| slow.frame()).find(|frame| frame.first == CLOSE).unwrap();
        assert_eq!(close.close().0, 1013);
        let closed = of_slow.websocket.receive_text(9).unwrap_err();
        assert!(closed.to_string().contains("1013"), "{closed}");
        reader.close();
        drop((slow, of_slow, of_reader));
        nothing_is_left();
    });
}

#[test]
fn names_and_messages_have_their_limits() {
    const TOO_LONG: ControlError = ControlError::Refused(Code::TooLong);
    system!().run(|| {
        let listener = listener(&listen());
        let (mut client, incoming) = pair(&listener);
        let ws = &incoming.websocket;
        let long = "x".repeat(10_000);
        for name in ["", &long[..65], &long] {
            assert_eq!(listener.join(ws, name), Err(TOO_LONG), "{}", name.len());
            assert_eq!(listener.leave(ws, name), Err(TOO_LONG), "{}", name.len());
            let sent = listener.broadcast(name, Kind::Text, b"x");
            assert_eq!(sent, Err(SendError::Refused(Code::TooLong)), "{}", name.len());
        }
        for at in 0..16 {
            listener.join(ws, &at.to_string()).unwrap();
        }
        assert_eq!(listener.join(ws, "one too many"), Err(ControlError::Refused(Code::NoChannel)));
        listener.leave(ws, "0").unwrap();
        listener.join(ws, &long[..64]).unwrap();
        for len in [65537, 300_000] {
            let sent = listener.broadcast("1", Kind::Binary, &vec![0; len]);
            assert_eq!(sent, Err(SendError::Refused(Code::TooLong)), "{len}");
        }
        let sent = listener.broadcast("1", Kind::Text, b"\xff");
        assert_eq!(sent, Err(SendError::Refused(Code::InvalidText)));
        assert_eq!(listener.broadcast("1", Kind::Text, b""), Ok(1));
        assert_eq!(listener.broadcast(&long[..64], Kind::Binary, &[1; 65536]), Ok(1));
        assert_eq!(client.text_frame(), (TEXT, String::new()));
        assert_eq!(client.frame().payload, [1; 65536]);
        client.close();
    });
}
