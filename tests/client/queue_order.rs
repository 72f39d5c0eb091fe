//! What is queued beside all other ways to send: it is not lost for want of room, goes out in time, and nobody waits for ever.

use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use hosted::{hear, tell};
use xous_api_websocket::error::{ControlError, ExchangeError, QueueError, SendError};
use xous_api_websocket::wire::Handle;
use xous_api_websocket::{Code, Event, Kind, Part, Reconnect, Websocket};

use crate::common::raw::{TEXT, read_frame};
use crate::common::{
    PATIENCE, nothing_is_left, nothing_is_open, open, peers, queues_until_refused, request, seen, stats_when,
    system, takes_nothing,
};

/// More than the service has places for a connection.
const MANY: usize = 30;
const HOUR: Duration = Duration::from_secs(3600);

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

/// Gives away what no socket takes until the writer waits for its peer, and no place is free for another.
fn block(ws: &Websocket) {
    let start = Instant::now();
    loop {
        while ws.send_async(Kind::Binary, &[0; 50_000]).is_ok() {}
        if takes_nothing(ws) && ws.state().unwrap().queued_sends >= 15 {
            return;
        }
        assert!(start.elapsed() < PATIENCE);
    }
}

/// The texts of a peer that begins to read now, as many as there are to be.
fn read_texts(mut stream: TcpStream, count: usize) -> std::thread::JoinHandle<Vec<String>> {
    std::thread::spawn(move || {
        let mut texts = Vec::new();
        while texts.len() < count {
            let frame = read_frame(&mut stream).unwrap();
            if frame.first == TEXT {
                texts.push(String::from_utf8(frame.payload).unwrap());
            }
        }
        texts
    })
}

fn flush_in_time(ws: &Websocket) {
    let start = Instant::now();
    while let Err(error) = ws.flush() {
        assert_eq!(error, QueueError::NotSent(SendError::Busy(Code::BusyQueue)));
        assert!(start.elapsed() < PATIENCE);
    }
}

/// Runs `body` in a thread of its own, which is left behind if it hangs.
fn in_time<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, end) = channel();
    std::thread::spawn(move || done.send(body()));
    end.recv_timeout(PATIENCE).expect("it returns")
}

#[test]
fn what_finds_no_room_stays_queued() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let ws = open(&peer);
        let stream = seen(&streams);
        block(&ws);
        for number in 0..MANY {
            ws.queue(Kind::Text, number.to_string().as_bytes()).unwrap();
            let sent = ws.send_async(Kind::Text, b"not before them");
            assert_eq!(sent, Err(SendError::Busy(Code::BusyQueue)), "{number}");
        }
        assert_eq!(ws.state().unwrap().failed_sends, 0);
        let reading = read_texts(stream, MANY);
        flush_in_time(&ws);
        assert!(reading.join().unwrap().into_iter().eq((0..MANY).map(|number| number.to_string())));
        assert_eq!(ws.state().unwrap().failed_sends, 0);
    });
}

/// Whatever room there is: what is taken arrives, in the order in which it was.
#[test]
fn all_that_is_taken_arrives() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let ws = open(&peer);
        let mut stream = seen(&streams);
        block(&ws);
        // Some places become free, and no more.
        (0..10).for_each(|_| assert_ne!(read_frame(&mut stream).unwrap().first, TEXT));
        let mut taken = Vec::new();
        for number in 0..MANY {
            let (queued, sent) = (format!("q{number}"), format!("s{number}"));
            ws.queue(Kind::Text, queued.as_bytes()).unwrap();
            taken.push(queued);
            match ws.send_async(Kind::Text, sent.as_bytes()) {
                Ok(()) => taken.push(sent),
                Err(error) => assert_eq!(error, SendError::Busy(Code::BusyQueue)),
            }
        }
        let reading = read_texts(stream, taken.len());
        flush_in_time(&ws);
        assert_eq!(reading.join().unwrap(), taken);
        assert_eq!(ws.state().unwrap().failed_sends, 0);
    });
}

/// A place is kept for what goes out last.
#[test]
fn a_close_takes_along_what_is_queued_though_no_place_is_free() {
    system!().run(|| {
        for drops in [false, true] {
            let (peer, streams) = peers::silent();
            let ws = open(&peer);
            let stream = seen(&streams);
            block(&ws);
            ws.queue(Kind::Text, b"last").unwrap();
            assert_eq!(ws.send_async(Kind::Text, b"more"), Err(SendError::Busy(Code::BusyQueue)));
            let reading = read_texts(stream, 1);
            if drops {
                drop(ws)
            } else {
                ws.close(1000, "").map(drop).unwrap()
            }
            assert_eq!(reading.join().unwrap(), ["last"]);
        }
        nothing_is_left();
    });
}

#[test]
fn a_grant_waits_until_what_is_queued_has_room() {
    system!()
        .role("owner", || {
            let (peer, streams) = peers::silent();
            let ws = open(&peer);
            let stream = seen(&streams);
            block(&ws);
            ws.queue(Kind::Text, b"mine").unwrap();
            let reading = read_texts(stream, 2);
            let handle = ws.grant(hear().parse().unwrap()).unwrap();
            tell("heir", &handle.to_raw().to_string());
            assert_eq!(reading.join().unwrap(), ["mine", "yours"]);
        })
        .role("heir", || {
            tell("owner", &xous::current_pid().unwrap().to_string());
            let ws = Websocket::from_granted(Handle::from_raw(hear().parse().unwrap()).unwrap()).unwrap();
            ws.send_text("yours").unwrap();
            assert_eq!(ws.state().unwrap().failed_sends, 0);
        })
        .run_roles();
}

#[test]
fn a_shorter_time_counts_at_once() {
    system!().run(|| {
        let (peer, texts) = listening();
        let (ws, soon) = (open(&peer), Duration::from_millis(5));
        // Whether a thread waits already or not: it is most often there.
        for round in 0..40 {
            ws.flush_after(Some(HOUR)).unwrap();
            ws.queue(Kind::Text, b"a").unwrap();
            ws.flush().unwrap();
            assert_eq!(seen(&texts), "a", "{round}");
            ws.flush_after(Some(soon)).unwrap();
            ws.queue(Kind::Text, b"b").unwrap();
            assert_eq!(seen(&texts), "b", "{round}");
        }
        // Also for what waits already.
        ws.flush_after(Some(HOUR)).unwrap();
        ws.queue(Kind::Text, b"e").unwrap();
        ws.flush_after(Some(soon)).unwrap();
        assert_eq!(seen(&texts), "e");
        ws.close(1000, "").ok();
        nothing_is_left();
    });
}

#[test]
fn without_a_time_nothing_goes_out_by_itself() {
    system!().run(|| {
        let (peer, texts) = listening();
        let ws = open(&peer);
        let short = Duration::from_secs(1);
        for time in [HOUR, short] {
            ws.flush_after(Some(time)).unwrap();
            ws.queue(Kind::Text, b"a").unwrap();
            ws.flush_after(None).unwrap();
            assert!(texts.recv_timeout(2 * short).is_err(), "{time:?}");
            ws.queue(Kind::Text, b"b").unwrap();
            ws.flush().unwrap();
            assert_eq!([seen(&texts), seen(&texts)], ["a", "b"]);
        }
        // A longer one counts for what waits already.
        ws.flush_after(Some(short)).unwrap();
        ws.queue(Kind::Text, b"c").unwrap();
        ws.flush_after(Some(HOUR)).unwrap();
        assert!(texts.recv_timeout(2 * short).is_err());
        drop(ws);
        assert_eq!(seen(&texts), "c");
        nothing_is_left();
    });
}

/// A message that is written and was refused keeps nobody from closing, nor its own thread.
#[test]
fn a_writer_that_was_refused_holds_up_nobody() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let policy = Reconnect::new().first(HOUR).largest(HOUR);
        let ws = Websocket::open(&request(&peer).reconnect(policy)).unwrap();
        drop(seen(&streams));
        assert!(matches!(ws.receive_event(), Ok(Event::Reconnecting { .. })));
        let refused = SendError::Refused(Code::Reconnecting);
        let closed = in_time(move || {
            ws.queue(Kind::Text, b"x").unwrap();
            let mut writer = ws.writer(Kind::Text);
            assert!(writer.write(b"y").is_err());
            assert_eq!(ws.flush(), Err(QueueError::NotSent(refused)));
            assert_eq!(ws.send_text("z"), Err(refused));
            ws.close(1000, "")
        });
        assert_eq!(closed, Ok(1006.into()));
        nothing_is_left();
    });
}

/// Behind a part that is refused, what others send is in order again.
#[test]
fn a_writer_whose_part_was_refused_lets_others_send() {
    system!().run(|| {
        let (peer, texts) = listening();
        let ws = open(&peer);
        in_time(move || {
            let mut writer = ws.writer(Kind::Text);
            writer.write_all(b"\xff").unwrap();
            assert!(writer.flush().is_err());
            ws.send_text("next").unwrap();
            assert!(writer.write(b"y").is_err());
            assert_eq!(writer.finish(), Err(SendError::Refused(Code::InvalidText)));
            ws.close(1000, "").ok();
        });
        assert_eq!(seen(&texts), "next");
    });
}

/// What would have to wait for its own thread is refused.
#[test]
fn a_thread_that_writes_a_message_does_not_wait_for_itself() {
    system!().run(|| {
        let (peer, texts) = listening();
        let ws = open(&peer);
        in_time(move || {
            let open = SendError::Refused(Code::MessageOpen);
            let not_sent = QueueError::NotSent(open);
            let mut writer = ws.writer(Kind::Text);
            writer.write_all(b"whole").unwrap();
            assert_eq!(ws.send_text("between"), Err(open));
            assert_eq!(ws.send_fragment(Kind::Text, Part::First, b""), Err(open));
            assert_eq!(ws.ping(b""), Err(open));
            assert_eq!(ws.queue(Kind::Text, b"between"), Err(not_sent.clone()));
            assert_eq!(ws.flush(), Err(not_sent.clone()));
            assert_eq!(ws.flush_after(None), Err(not_sent));
            assert_eq!(ws.writer(Kind::Text).write(b"x").map_err(|error| error.kind()), Err(open_kind()));
            writer.finish().unwrap();
            ws.send_text("behind").unwrap();
            // Another one that has begun, and its connection is closed all the same.
            let mut writer = ws.writer(Kind::Text);
            writer.write_all(b"begun").unwrap();
            writer.flush().unwrap();
            let asked = ws.exchange_text("between", 10);
            assert_eq!(asked, Err(ExchangeError::NotSent(open)));
            assert!(ws.close(1000, "").is_ok());
            assert_eq!(ws.close(1000, ""), Err(ControlError::Closed));
            assert_eq!(writer.finish(), Err(SendError::Closed));
        });
        assert_eq!([seen(&texts), seen(&texts)], ["whole", "behind"]);
        nothing_is_left();
    });
}

/// Somebody who sends what is queued to a peer that takes nothing holds up nobody who does not wait for the peer.
#[test]
fn a_flush_that_lasts_holds_up_no_other() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let ws = open(&peer);
        let stream = seen(&streams);
        nothing_is_open();
        let flushing = queues_until_refused(&ws);
        stats_when(|stats| stats.open_messages == 2);
        in_time(move || {
            ws.send_async(Kind::Text, b"behind").unwrap();
            assert!(ws.close(1000, "").is_ok());
        });
        assert_eq!(flushing.join().unwrap(), QueueError::NotSent(SendError::Closed));
        drop(stream);
    });
}

/// As an error of a stream.
fn open_kind() -> std::io::ErrorKind {
    std::io::Error::from(SendError::Refused(Code::MessageOpen)).kind()
}
