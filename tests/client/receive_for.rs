//! Receiving for a time: what has not come by then is not lost.

use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use xous_api_websocket::error::ReceiveError;
use xous_api_websocket::wire::{ReceiveWord, Status};
use xous_api_websocket::{Code, Kind, Message, Websocket};

use crate::common::pages::RawPages;
use crate::common::raw::{BINARY, FIRST_TEXT, LAST, TEXT, accept, expect_close, frame};
use crate::common::{
    PATIENCE, nothing_is_left, nothing_is_open, open, pattern, peers, service_cid, stats_when, system,
};

const SHORT: Duration = Duration::from_millis(200);
const RECEIVE: usize = 9;

/// A peer that sends what it is given.
fn peer() -> (Peer, Sender<Vec<u8>>) {
    let (sender, pieces) = channel::<Vec<u8>>();
    let pieces: Arc<Mutex<Receiver<Vec<u8>>>> = Arc::new(Mutex::new(pieces));
    let (peer, _) = peers::serve(move |mut stream: TcpStream, _: &Sender<()>| {
        accept(&mut stream);
        for piece in pieces.lock().unwrap().iter() {
            stream.write_all(&piece).unwrap();
        }
        expect_close(&mut stream);
    });
    (peer, sender)
}

fn nothing_comes(ws: &Websocket) {
    let start = Instant::now();
    assert_eq!(ws.receive_for(SHORT).err(), Some(ReceiveError::NothingCame));
    let took = start.elapsed();
    assert!(took >= SHORT && took < PATIENCE / 2, "{took:?}");
}

/// A message of which something comes soon.
pub(crate) fn begun(ws: &Websocket) -> Message<'_> {
    let start = Instant::now();
    loop {
        match ws.receive_for(SHORT) {
            Ok(message) => return message,
            Err(error) => assert_eq!(error, ReceiveError::NothingCame),
        }
        assert!(start.elapsed() < PATIENCE);
    }
}

#[test]
fn what_comes_behind_the_time_is_received_later() {
    system!().run(|| {
        let (peer, say) = peer();
        let ws = open(&peer);
        nothing_comes(&ws);
        nothing_comes(&ws);
        say.send(frame(TEXT, b"one")).unwrap();
        assert_eq!(ws.receive_for(PATIENCE).unwrap().into_text(9).unwrap(), "one");
        nothing_comes(&ws);
        say.send([frame(TEXT, b"two"), frame(BINARY, &pattern(50_000)), frame(TEXT, b"three")].concat())
            .unwrap();
        assert_eq!(ws.receive_text(9).unwrap(), "two");
        assert_eq!(ws.receive_for(PATIENCE).unwrap().into_bytes(50_000).unwrap(), pattern(50_000));
        assert_eq!(ws.receive_for(Duration::MAX).unwrap().into_text(9).unwrap(), "three");
        assert_eq!(ws.receive_for(Duration::ZERO).err(), Some(ReceiveError::NothingCame));
        drop(say);
        ws.close(1000, "").unwrap();
        assert!(matches!(ws.receive_for(PATIENCE), Err(ReceiveError::Closed(_))));
        nothing_is_left();
    });
}

/// Within a frame and between frames: what is there is handed over, as the beginning of a stream.
#[test]
fn a_message_that_has_begun_is_not_held_back() {
    system!().run(|| {
        let (peer, say) = peer();
        let ws = open(&peer);
        let whole = frame(BINARY, &pattern(1000));
        let (half, rest) = whole.split_at(504);
        for _ in 0..3 {
            say.send(half.to_vec()).unwrap();
            let mut message = begun(&ws);
            assert_eq!(message.kind(), Kind::Binary);
            let chunk = message.chunk().unwrap().to_vec();
            assert!(!message.is_last() && chunk == pattern(500)[..chunk.len()], "{}", chunk.len());
            say.send(rest.to_vec()).unwrap();
            assert_eq!(message.into_bytes(1000).unwrap(), pattern(1000));
        }
        say.send([frame(FIRST_TEXT, b"a"), frame(LAST, b"b")[..2].to_vec()].concat()).unwrap();
        let message = begun(&ws);
        say.send(b"b".to_vec()).unwrap();
        assert_eq!(message.into_text(9).unwrap(), "ab");
        drop(say);
        ws.close(1000, "").unwrap();
        nothing_is_left();
    });
}

#[test]
fn many_receives_leave_no_deadlines_behind() {
    system!().run(|| {
        let (peer, say) = peer();
        let ws = open(&peer);
        for round in 0..300_u32 {
            say.send(frame(TEXT, round.to_string().as_bytes())).unwrap();
            let message = ws.receive_for(Duration::from_secs(60 + u64::from(round % 7))).unwrap();
            assert_eq!(message.into_text(9).unwrap(), round.to_string());
        }
        stats_when(|stats| stats.open_messages == 1 && stats.timers <= 2);
        drop(say);
        ws.close(1000, "").unwrap();
        nothing_is_left();
    });
}

/// By numbers: each of several pages has a time of its own.
#[test]
fn each_page_has_its_own_time() {
    system!().run(|| {
        let (peer, say) = peer();
        let ws = open(&peer);
        let id = ((ws.handle().to_raw() as usize) << 8) | RECEIVE;
        let lend = move |milliseconds| {
            std::thread::spawn(move || {
                let mut page = RawPages::new(1);
                let (word, len) = page.lend_mut(service_cid(), id, milliseconds, 0);
                (ReceiveWord::from_word(word).unwrap().status, page.bytes()[..len].to_vec())
            })
        };
        nothing_is_open();
        let for_ever = lend(0);
        stats_when(|stats| stats.open_messages == 2);
        let long = lend(3_600_000);
        stats_when(|stats| stats.open_messages == 3);
        let short = lend(100);
        assert_eq!(short.join().unwrap(), (Status::Refused(Code::NothingCame as u8), Vec::new()));
        say.send([frame(TEXT, b"1"), frame(TEXT, b"2")].concat()).unwrap();
        let chunk = Status::Chunk { kind: Kind::Text, first: true, last: true };
        assert_eq!(for_ever.join().unwrap(), (chunk, b"1".to_vec()));
        assert_eq!(long.join().unwrap(), (chunk, b"2".to_vec()));
        drop(say);
        ws.close(1000, "").unwrap();
        nothing_is_left();
    });
}
