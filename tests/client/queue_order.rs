//! What is queued beside all other ways to send: it is not lost for want of room, goes out in time, and nobody waits for ever.

use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use hosted::peer::Peer;
use xous_api_websocket::error::{ControlError, ExchangeError, QueueError, SendError};
use xous_api_websocket::{Code, Event, Kind, Part, Reconnect, Websocket};

use crate::common::raw::{TEXT, read_frame};
use crate::common::{PATIENCE, nothing_is_left, open, peers, request, seen, stats_when, system};

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

/// Runs `body` in a thread of its own, which is left behind if it hangs.
fn in_time<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, end) = channel();
    std::thread::spawn(move || done.send(body()));
    end.recv_timeout(PATIENCE).expect("it returns")
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
        for time in [HOUR, Duration::from_millis(200)] {
            ws.flush_after(Some(time)).unwrap();
            ws.queue(Kind::Text, b"a").unwrap();
            ws.flush_after(None).unwrap();
            assert!(texts.recv_timeout(Duration::from_millis(600)).is_err(), "{time:?}");
            ws.queue(Kind::Text, b"b").unwrap();
            ws.flush().unwrap();
            assert_eq!([seen(&texts), seen(&texts)], ["a", "b"]);
        }
        // A longer one counts for what waits already.
        ws.flush_after(Some(Duration::from_millis(200))).unwrap();
        ws.queue(Kind::Text, b"c").unwrap();
        ws.flush_after(Some(HOUR)).unwrap();
        assert!(texts.recv_timeout(Duration::from_millis(600)).is_err());
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
        let other = ws.clone();
        let flushing = std::thread::spawn(move || {
            loop {
                if let Err(error) = other.queue(Kind::Binary, &[0; 4000]) {
                    return error;
                }
            }
        });
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
