//! The client role: echoes one behind the other, fragments, and connections that come and go.

use hosted::peer::Peer;
use xous_api_websocket::{Kind, Listener, Part, Websocket};

use crate::by_hand::Client;
use crate::common::raw::{BINARY, CLOSE, close_payload};
use crate::common::{nothing_is_left, open, request};
use crate::meter::{Numbered, Soak};
use crate::route;

/// The longest message: more than a page.
const LONGEST: usize = 6000;
/// Connections that a program can have.
const ALL: usize = 10;
/// Echoes that are under way at most.
const AHEAD: usize = 8;

/// As many connections as a program can have, at once, in either role: so every worker of the service has done everything
/// that it does later, and its stack has been as deep.
pub(crate) fn all_at_once(listener: &Listener) {
    let peer = Peer::echo().unwrap();
    let data = vec![b'w'; 2 * LONGEST];
    let all: Vec<_> = (0..ALL).map(|_| open(&peer)).collect();
    for ws in &all {
        ws.send_binary(&data).unwrap();
        assert!(ws.receive_whole(data.len()).unwrap().into_bytes() == data);
    }
    all.iter().for_each(|ws| assert_eq!(ws.close(1000, "").map(u16::from), Ok(1000)));
    nothing_is_left();
    let pair = |_| {
        let mut client = Client::asks(listener.port(), "/churn");
        let ws = listener.accept_from(route("/churn")).unwrap().websocket;
        client.opened();
        (client, ws)
    };
    for (mut client, ws) in (0..ALL).map(pair).collect::<Vec<_>>() {
        ws.send_binary(&data).unwrap();
        assert!(client.frame().payload == data);
        client.send_frame(BINARY, &data);
        assert!(ws.receive_whole(data.len()).unwrap().into_bytes() == data);
        client.send_frame(CLOSE, &close_payload(1000, ""));
        // Until the program asks for more, it may still answer.
        assert!(ws.receive_whole(1).is_err());
        client.ended_with(CLOSE);
    }
    nothing_is_left();
}

/// One thread sends while another receives, so that several messages are under way, which could change places.
pub(crate) fn echoes(soak: &Soak, _: &Listener) {
    let peer = Peer::echo().unwrap();
    let ws = open(&peer);
    let (sent, received) = std::sync::mpsc::sync_channel(AHEAD);
    std::thread::scope(|scope| {
        scope.spawn(soak.same_part(|| {
            let (mut messages, sent) = (Numbered::new(1, LONGEST), sent);
            while soak.goes_on() {
                ws.send_binary(&messages.next()).unwrap();
                sent.send(()).unwrap();
            }
        }));
        let mut messages = Numbered::new(1, LONGEST);
        for () in received {
            messages.expect(&ws.receive_whole(2 * LONGEST).unwrap().into_bytes());
            soak.checked();
        }
    });
    assert_eq!(ws.close(1000, "").map(u16::from), Ok(1000));
}

/// Messages in parts, with pings between.
pub(crate) fn fragments(soak: &Soak, _: &Listener) {
    let peer = Peer::echo().unwrap();
    let ws = open(&peer);
    let (mut messages, mut expected) = (Numbered::new(2, LONGEST), Numbered::new(2, LONGEST));
    while soak.goes_on() {
        let message = messages.next();
        let mut parts = message.chunks(message.len().div_ceil(4)).peekable();
        let mut part = Part::First;
        while let Some(data) = parts.next() {
            part = match parts.peek() {
                None if part == Part::First => Part::Whole,
                None => Part::Last,
                Some(_) => part,
            };
            ws.send_fragment(Kind::Text, part, data).unwrap();
            ws.ping(b"between").unwrap();
            part = Part::Middle;
        }
        expected.expect(ws.receive_text(2 * LONGEST).unwrap().as_bytes());
        soak.checked();
    }
    assert_eq!(ws.close(1000, "").map(u16::from), Ok(1000));
}

/// Connections of both roles, for one message each.
pub(crate) fn churn(soak: &Soak, listener: &Listener) {
    let peer = Peer::echo().unwrap();
    let (mut messages, mut expected) = (Numbered::new(3, LONGEST), Numbered::new(3, LONGEST));
    for number in 0.. {
        if !soak.goes_on() {
            return;
        }
        let message = messages.next();
        if number % 2 == 0 {
            let ws = Websocket::open(&request(&peer)).unwrap();
            ws.send_binary(&message).unwrap();
            expected.expect(&ws.receive_whole(2 * LONGEST).unwrap().into_bytes());
            assert_eq!(ws.close(1000, "").map(u16::from), Ok(1000));
        } else {
            let mut client = Client::asks(listener.port(), "/churn");
            let ws = listener.accept_from(route("/churn")).unwrap().websocket;
            client.opened();
            client.send_text(std::str::from_utf8(&message).unwrap());
            let came = ws.receive_text(2 * LONGEST).unwrap();
            ws.send_text(&came).unwrap();
            expected.expect(client.text().as_bytes());
            client.close();
            assert_eq!(ws.close(1000, "").map(u16::from), Ok(1000));
        }
        soak.checked();
    }
}
