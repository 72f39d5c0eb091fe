//! Messages that are given to the service and not waited for: none is lost without a word at the call.

use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Instant;

use hosted::peer::Peer;
use xous_api_websocket::error::SendError;
use xous_api_websocket::{Code, Kind, Websocket};

use crate::common::raw::{TEXT, read_frame};
use crate::common::{PATIENCE, nothing_is_open, open, peers, seen, service_cid, system};

const MANY: usize = 1200;

/// A peer that tells the texts that come.
fn listening() -> (Peer, Receiver<String>) {
    peers::by_hand(|mut stream: TcpStream, texts: &Sender<String>| {
        while let Ok(frame) = read_frame(&mut stream) {
            if frame.first == TEXT {
                texts.send(String::from_utf8(frame.payload).unwrap()).ok();
            }
        }
    })
}

#[test]
fn a_loop_loses_nothing_without_a_word() {
    system!().run(|| {
        let (peer, texts) = listening();
        let ws = open(&peer);
        let mut sent = Vec::new();
        for number in 0..MANY {
            match ws.send_async(Kind::Text, number.to_string().as_bytes()) {
                Ok(()) => sent.push(number),
                Err(error) => assert_eq!(error, SendError::Busy(Code::BusyQueue)),
            }
        }
        assert!(sent.len() >= 15, "{}", sent.len());
        sent.into_iter().for_each(|number| assert_eq!(seen(&texts), number.to_string()));
        assert_eq!(ws.state().unwrap().failed_sends, 0);
    });
}

/// Whoever wants to wait does so with a message that is lent: a place is kept for it.
#[test]
fn a_message_that_is_waited_for_goes_in_between() {
    system!().run(|| {
        let (peer, texts) = listening();
        let ws = open(&peer);
        for number in 0..MANY {
            let text = number.to_string();
            match ws.send_async(Kind::Text, text.as_bytes()) {
                Err(SendError::Busy(Code::BusyQueue)) => ws.send_text(&text).unwrap(),
                sent => sent.unwrap(),
            }
        }
        (0..MANY).for_each(|number| assert_eq!(seen(&texts), number.to_string()));
        assert_eq!(ws.state().unwrap().failed_sends, 0);
    });
}

/// Until the peer takes something, what is refused is refused at the call, and long messages count by their pages.
#[test]
fn connections_of_a_process_share_what_it_may_have_open() {
    system!().run(|| {
        for (len, refusal) in [(8000, Code::BusyQueue), (60_000, Code::BusyMessages)] {
            let (peer, streams) = peers::silent();
            let all: Vec<Websocket> = (0..4).map(|_| open(&peer)).collect();
            let streams: Vec<TcpStream> = all.iter().map(|_| seen(&streams)).collect();
            let mut sent = 0;
            let start = Instant::now();
            // All of them are stuck when each is refused.
            while !all.iter().all(|ws| {
                let result = (0..MANY).find_map(|_| match ws.send_async(Kind::Binary, &vec![0; len]) {
                    Ok(()) => {
                        sent += 1;
                        None
                    }
                    Err(error) => Some(error),
                });
                matches!(result, Some(SendError::Busy(Code::BusyQueue | Code::BusyMessages)))
            }) {
                assert!(start.elapsed() < PATIENCE);
            }
            assert!(sent > 16, "{refusal:?}: {sent}");
            assert_eq!(
                all.iter().map(|ws| ws.state().unwrap().failed_sends).sum::<usize>(),
                0,
                "{refusal:?}"
            );
            drop((streams, all));
        }
        assert!(service_cid() > 0);
    });
}

/// As documented, and only as seen by its owner.
#[test]
fn room_is_told_by_numbers() {
    system!().run(|| {
        let (peer, _texts) = listening();
        let ws = open(&peer);
        let ask = |id: usize| {
            xous::send_message(service_cid(), xous::Message::new_blocking_scalar(id, 0, 0, 0, 0)).unwrap()
        };
        let id = (ws.handle().to_raw() as usize) << 8 | 43;
        nothing_is_open();
        assert_eq!(ask(id), xous::Result::Scalar5(15, 32, 917_504, 0, 0));
        ws.send_async(Kind::Text, b"x").unwrap();
    });
}
