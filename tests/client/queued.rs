//! Messages that go out together: none is lost, out of order or mixed up, and each that fails is told.

use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use hosted::{hear, tell};
use xous_api_websocket::error::{ControlError, QueueError, SendError, Unsent};
use xous_api_websocket::wire::{Handle, Opcode, Packer, SendWord, message_id};
use xous_api_websocket::{Code, Deadlines, Event, Kind, Part, Reconnect, SendOptions, Websocket};

use crate::common::pages::RawPages;
use crate::common::raw::{BINARY, CLOSE, FIRST_BINARY, LAST, PING, PONG, TEXT, frame, read_frame};
use crate::common::{
    PATIENCE, nothing_is_left, nothing_is_open, open, pattern, peers, queues_until_refused, request, seen,
    service_cid, stats_when, system, takes_nothing,
};

const MALFORMED: usize = Code::Malformed as usize;
const SOME_UNSENT: usize = Code::SomeUnsent as usize;

/// A peer that tells what comes: first byte and payload of each frame.
fn listening() -> (Peer, Receiver<(u8, Vec<u8>)>) {
    peers::by_hand(|mut stream: TcpStream, frames: &Sender<(u8, Vec<u8>)>| {
        while let Ok(frame) = read_frame(&mut stream) {
            frames.send((frame.first, frame.payload)).ok();
        }
    })
}

fn expect_texts(frames: &Receiver<(u8, Vec<u8>)>, numbers: std::ops::Range<usize>) {
    numbers.for_each(|number| assert_eq!(seen(frames), (TEXT, number.to_string().into_bytes())));
}

fn queue_texts(ws: &Websocket, numbers: std::ops::Range<usize>) {
    numbers.for_each(|number| {
        ws.queue(Kind::Text, number.to_string().as_bytes()).unwrap();
    });
}

/// Gives away what no socket takes until the writer waits for its peer and its queue stays full.
fn block(ws: &Websocket) {
    let word = SendWord::Data(Kind::Binary, Part::Whole).to_word();
    let failed = || ws.state().unwrap().failed_sends;
    loop {
        let before = failed();
        while failed() == before {
            RawPages::new(12).give(service_cid(), message_id(Opcode::Send, ws.handle()), word, 12 * 4096);
        }
        if takes_nothing(ws) {
            return;
        }
    }
}

#[test]
fn messages_of_all_lengths_arrive_whole_and_in_order() {
    system!().run(|| {
        let (peer, frames) = listening();
        let ws = open(&peer);
        let lengths = [0, 1, 16, 3, 125, 126, 4088, 4, 4092, 4096, 300, 16_380, 16_384, 0, 70_000, 7];
        let message = |number: usize| {
            let kind = if number.is_multiple_of(3) { Kind::Text } else { Kind::Binary };
            (kind, vec![b'a' + (number % 26) as u8; lengths[number % lengths.len()]])
        };
        for number in 0..400 {
            let (kind, data) = message(number);
            assert_eq!(ws.queue(kind, &data), Ok(number as u64));
        }
        ws.flush().unwrap();
        for number in 0..400 {
            let (kind, data) = message(number);
            let first = if kind == Kind::Text { TEXT } else { BINARY };
            let mut all = seen(&frames);
            // What is longer than the pages goes in frames.
            while all.0 & 0x80 == 0 {
                let (more, payload) = seen(&frames);
                all.0 |= more & 0x80;
                all.1.extend(payload);
            }
            assert!(all == (first, data), "{number}");
        }
        assert_eq!(ws.statistics().unwrap().sent.messages, 400);
        ws.flush().unwrap();
        ws.close(1000, "").ok();
        nothing_is_left();
    });
}

#[test]
fn what_is_queued_is_counted_and_goes_before_what_is_sent() {
    system!().run(|| {
        let (peer, frames) = listening();
        let sid = xous::create_server().unwrap();
        let cid = xous::connect(sid).unwrap();
        let ws = open(&peer);
        queue_texts(&ws, 0..3);
        assert_eq!(ws.state().unwrap().queued_sends, 3);
        assert!(frames.try_recv().is_err(), "nobody has sent them");
        ws.send_text("3").unwrap();
        queue_texts(&ws, 4..6);
        ws.send_async(Kind::Text, b"6").unwrap();
        queue_texts(&ws, 7..8);
        ws.send_with(Kind::Text, b"8", SendOptions::new().report_to(cid, 1)).unwrap();
        assert_eq!(xous::receive_message(sid).unwrap().body.scalar_message().unwrap().arg2, 0);
        queue_texts(&ws, 9..10);
        expect_texts(&frames, 0..9);
        ws.ping(b"x").unwrap();
        queue_texts(&ws, 10..11);
        let writer = ws.writer(Kind::Text);
        expect_texts(&frames, 9..10);
        assert_eq!(seen(&frames), (PING, b"x".to_vec()));
        expect_texts(&frames, 10..11);
        drop(writer);
        queue_texts(&ws, 11..12);
        ws.send_fragment(Kind::Binary, Part::First, b"a").unwrap();
        queue_texts(&ws, 12..14);
        let Err(QueueError::Failed(unsent)) = ws.flush() else { panic!("within another message") };
        assert_eq!(unsent.iter().map(|unsent| unsent.code).collect::<Vec<_>>(), [Code::MessageOpen; 2]);
        ws.send_fragment(Kind::Binary, Part::Last, b"b").unwrap();
        queue_texts(&ws, 14..15);
        assert_eq!(ws.close(1000, "").map(u16::from), Ok(1006), "the peer does not answer");
        expect_texts(&frames, 11..12);
        assert_eq!(seen(&frames), (FIRST_BINARY, b"a".to_vec()));
        assert_eq!(seen(&frames), (LAST, b"b".to_vec()));
        expect_texts(&frames, 14..15);
        assert_eq!(seen(&frames).0, CLOSE);
    });
}

/// A question goes behind what is queued, and not at all while that cannot be sent.
#[test]
fn what_is_queued_goes_before_an_exchange() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let ws = open(&peer);
        queue_texts(&ws, 0..2);
        assert_eq!(ws.exchange_text("2", 10).as_deref(), Ok("0"));
        queue_texts(&ws, 3..4);
        (1..3).for_each(|number| assert_eq!(ws.receive_text(10).as_deref(), Ok(&*number.to_string())));
        assert_eq!(ws.exchange_text("4", 10).as_deref(), Ok("3"));
        assert_eq!(ws.receive_text(10).as_deref(), Ok("4"));
        ws.queue(Kind::Text, b"\xff").unwrap();
        assert_eq!(ws.exchange_text("5", 10).as_deref(), Ok("5"));
        assert!(matches!(ws.flush(), Err(QueueError::Failed(unsent)) if unsent.len() == 1));
    });
}

#[test]
fn each_message_that_fails_is_told_and_holds_up_no_other() {
    system!().run(|| {
        let (peer, frames) = listening();
        let ws = open(&peer);
        let wrong = [2, 3, 63, 64, 200];
        let failed = |numbers: &[u64]| {
            let unsent = numbers.iter().map(|&number| Unsent::new(number, Code::InvalidText));
            Err(QueueError::Failed(unsent.collect()))
        };
        for number in 0..300 {
            let text = if wrong.contains(&number) {
                "\u{fe}".as_bytes()[..1].to_vec()
            } else {
                number.to_string().into()
            };
            assert_eq!(ws.queue(Kind::Text, &text), Ok(number));
        }
        assert_eq!(ws.flush(), failed(&wrong));
        assert_eq!(ws.flush(), Ok(()), "it is told once");
        for number in (0..300).filter(|number| !wrong.contains(number)) {
            assert_eq!(seen(&frames), (TEXT, number.to_string().into_bytes()));
        }
        // Of what another send has sent, too.
        ws.queue(Kind::Text, b"\xff").unwrap();
        ws.queue(Kind::Text, b"right").unwrap();
        ws.send_text("sent").unwrap();
        assert_eq!(ws.queue(Kind::Text, b"not queued"), failed(&[300]).map(|()| 0));
        // And when the pages are full: what is at hand is not queued.
        ws.queue(Kind::Text, b"\xff").unwrap();
        let full = (303..).find_map(|number| match ws.queue(Kind::Binary, &[7; 1000]) {
            Ok(queued) => {
                assert_eq!(queued, number);
                None
            }
            Err(error) => Some(error),
        });
        assert_eq!(full, failed(&[302]).err());
        ws.flush().unwrap();
        assert_eq!(ws.state().unwrap().failed_sends, 0, "somebody was told");
        // One that is longer than the pages is refused by itself.
        let refused = Err(QueueError::NotSent(SendError::Refused(Code::InvalidText)));
        assert_eq!(ws.queue(Kind::Text, &[0xff; 20_000]), refused);
        for text in ["right", "sent"] {
            assert_eq!(seen(&frames), (TEXT, text.as_bytes().to_vec()));
        }
    });
}

/// What the layout says, by numbers, and what is not as it says.
#[test]
fn pages_of_several_messages_are_not_believed() {
    system!().run(|| {
        assert_eq!((Opcode::SendSeveral as usize, Opcode::Room as usize, SOME_UNSENT), (41, 43, 65));
        let (peer, frames) = listening();
        let ws = open(&peer);
        let (cid, id) = (service_cid(), message_id(Opcode::SendSeveral, ws.handle()));
        let page = |entries: &[u32]| {
            let mut page = RawPages::new(1);
            page.bytes_mut()[..8].copy_from_slice(b"abcdefgh");
            for (number, entry) in (1..).zip(entries) {
                page.bytes_mut()[4096 - 4 * number..][..4].copy_from_slice(&entry.to_le_bytes());
            }
            page
        };
        assert_eq!(page(&[3, 1 << 31 | 2]).lend_mut(cid, id, 2, 4096), (0, 0));
        assert_eq!([seen(&frames), seen(&frames)], [(TEXT, b"abc".to_vec()), (BINARY, b"ef".to_vec())]);
        // None at all, more than there is room for, less than all valid, not to be written, too many pages.
        for (count, valid) in
            [(0, 4096), (1025, 4096), (usize::MAX, 4096), (1 << 31, 4096), (1, 4095), (1, 0), (1, 4097)]
        {
            assert_eq!(page(&[3]).lend_mut(cid, id, count, valid), (MALFORMED, 0), "{count} {valid}");
        }
        assert_eq!(page(&[3]).lend(cid, id, 1, 4096), (MALFORMED, 0));
        assert_eq!(RawPages::new(5).lend_mut(cid, id, 1, 5 * 4096), (MALFORMED, 0));
        // One that is not within the page: none behind it is looked at.
        for wrong in [4096 - 8, 4093, 4097, i32::MAX as u32, u32::MAX] {
            let mut page = page(&[3, wrong, 0]);
            assert_eq!(page.lend_mut(cid, id, 3, 4096), (SOME_UNSENT, 3), "{wrong}");
            assert_eq!(page.bytes()[..3], [0, MALFORMED as u8, MALFORMED as u8]);
            assert_eq!(seen(&frames), (TEXT, b"abc".to_vec()));
        }
        // As many as there is room for, all of them empty.
        assert_eq!(page(&[]).lend_mut(cid, id, 1022, 4096), (0, 0));
        (0..1022).for_each(|_| assert_eq!(seen(&frames), (TEXT, Vec::new())));
        // Given away: nobody is answered, each is counted.
        page(&[1, 4096, 0]).give(cid, id, 3, 4096);
        page(&[1]).give(cid, id, usize::MAX, 4096);
        ws.send_text("last").unwrap();
        assert_eq!(ws.state().unwrap().failed_sends, 2 + 1024);
        assert_eq!([seen(&frames), seen(&frames)], [(TEXT, b"a".to_vec()), (TEXT, b"last".to_vec())]);
        // A stranger's.
        let nobody = message_id(Opcode::SendSeveral, Handle::from_raw(0xff_fffe).unwrap());
        assert_eq!(page(&[3]).lend_mut(cid, nobody, 1, 4096), (Code::Closed as usize, 0));
    });
}

#[test]
fn a_full_queue_loses_nothing() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let ws = open(&peer);
        let mut stream = seen(&streams);
        block(&ws);
        let before = ws.state().unwrap().failed_sends;
        let busy = SendError::Busy(Code::BusyQueue);
        queue_texts(&ws, 0..100);
        for _ in 0..3 {
            assert_eq!(ws.flush(), Err(QueueError::NotSent(busy)));
            assert_eq!(ws.send_text("not before them"), Err(busy));
        }
        let mut number = 100;
        while ws.queue(Kind::Text, number.to_string().as_bytes()).is_ok() {
            number += 1;
        }
        assert_eq!(ws.queue(Kind::Text, b"x"), Err(QueueError::NotSent(busy)));
        assert_eq!(ws.state().unwrap().failed_sends, before);
        let reading = std::thread::spawn(move || {
            let mut texts = Vec::new();
            while texts.len() < number {
                let frame = read_frame(&mut stream).unwrap();
                if frame.first == TEXT {
                    texts.push(String::from_utf8(frame.payload).unwrap());
                }
            }
            texts
        });
        let start = Instant::now();
        while ws.flush().is_err() {
            assert!(start.elapsed() < PATIENCE);
        }
        let texts = reading.join().unwrap();
        assert!(texts.into_iter().eq((0..number).map(|number| number.to_string())));
    });
}

/// While a connection is opened again, what is queued waits, whoever else sends.
#[test]
fn what_is_refused_for_now_stays_queued() {
    system!().run(|| {
        let (peer, frames) = peers::by_hand(|mut stream: TcpStream, frames: &Sender<(u8, Vec<u8>)>| {
            while let Ok(frame) = read_frame(&mut stream) {
                if frame.payload == b"cut" {
                    return;
                }
                frames.send((frame.first, frame.payload)).ok();
            }
        });
        let hour = Duration::from_secs(3600);
        let policy = Reconnect::new().first(hour).largest(hour);
        let ws = Websocket::open(&request(&peer).reconnect(policy)).unwrap();
        ws.queue(Kind::Text, b"cut").unwrap();
        ws.flush().unwrap();
        assert!(matches!(ws.receive_event(), Ok(Event::Reconnecting { .. })));
        let refused = SendError::Refused(Code::Reconnecting);
        queue_texts(&ws, 0..2);
        assert_eq!(ws.flush(), Err(QueueError::NotSent(refused)));
        assert_eq!(ws.send_text("not before them"), Err(refused));
        let mut writer = ws.writer(Kind::Text);
        assert!(std::io::Write::write(&mut writer, b"nor this").is_err());
        drop(writer);
        queue_texts(&ws, 2..4);
        ws.reconnect_now().unwrap();
        assert!(matches!(ws.receive_event(), Ok(Event::Reopened { .. })));
        ws.send_text("4").unwrap();
        expect_texts(&frames, 0..5);
        ws.close(1000, "").ok();
    });
}

/// Nobody calls anything when the connection is open again.
#[test]
fn a_time_bounds_how_long_a_message_waits_behind_a_loss() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let hour = Duration::from_secs(3600);
        let policy = Reconnect::new().first(hour).largest(hour);
        let ws = Websocket::open(&request(&peer).reconnect(policy)).unwrap();
        ws.flush_after(Some(Duration::from_millis(20))).unwrap();
        drop(seen(&streams));
        assert!(matches!(ws.receive_event(), Ok(Event::Reconnecting { .. })));
        queue_texts(&ws, 0..3);
        assert_eq!(ws.flush(), Err(QueueError::NotSent(SendError::Refused(Code::Reconnecting))));
        assert_eq!(ws.state().unwrap().queued_sends, 3);
        ws.reconnect_now().unwrap();
        let mut stream = seen(&streams);
        for number in 0..3 {
            assert_eq!(read_frame(&mut stream).unwrap().payload, number.to_string().as_bytes());
        }
        ws.close(1000, "").ok();
    });
}

#[test]
fn a_time_bounds_how_long_a_message_waits() {
    system!().run(|| {
        let (peer, frames) = listening();
        let ws = open(&peer);
        ws.queue(Kind::Text, b"0").unwrap();
        ws.flush_after(Some(Duration::from_millis(20))).unwrap();
        expect_texts(&frames, 0..1);
        for number in 1..20 {
            queue_texts(&ws, number..number + 1);
            expect_texts(&frames, number..number + 1);
        }
        // What fails then is told with the next call, and what is flushed before leaves nothing to do.
        ws.queue(Kind::Text, b"\xff").unwrap();
        ws.queue(Kind::Text, b"20").unwrap();
        expect_texts(&frames, 20..21);
        let failed = QueueError::Failed(vec![Unsent::new(20, Code::InvalidText)]);
        let start = Instant::now();
        while ws.flush() != Err(failed.clone()) {
            assert!(start.elapsed() < PATIENCE);
        }
        queue_texts(&ws, 22..23);
        ws.flush().unwrap();
        expect_texts(&frames, 22..23);
        // No thread outlives the last holder for that.
        ws.flush_after(Some(Duration::from_secs(3600))).unwrap();
        queue_texts(&ws, 23..24);
        drop(ws);
        expect_texts(&frames, 23..24);
        assert_eq!(seen(&frames).0, CLOSE);
    });
}

#[test]
fn an_end_in_the_middle_is_told() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let deadlines = Deadlines::new().write(Duration::from_millis(300));
        let ws = Websocket::open(&request(&peer).options(deadlines)).unwrap();
        let stream = seen(&streams);
        // The peer takes nothing: the write deadline ends it.
        let stuck = loop {
            if let Err(error) = ws.queue(Kind::Binary, &pattern(4000)) {
                break error;
            }
        };
        assert_eq!(stuck, QueueError::NotSent(SendError::Closed));
        assert_eq!(ws.flush(), Ok(()), "nothing is left to send");
        ws.queue(Kind::Text, b"late").unwrap();
        assert_eq!(ws.flush(), Err(QueueError::NotSent(SendError::Closed)));
        ws.queue(Kind::Text, b"late").unwrap();
        assert_eq!(ws.send_text("later"), Err(SendError::Closed));
        assert_eq!(ws.close(1000, ""), Ok(1006.into()));
        drop((ws, stream));
        // What is queued when the owner closes goes out before.
        let (peer, frames) = listening();
        for drops in [false, true] {
            let ws = open(&peer);
            queue_texts(&ws, 0..500);
            let other = ws.clone();
            if drops {
                drop((ws, other));
            } else {
                assert!(other.close(4000, "so").is_ok());
                ws.queue(Kind::Text, b"behind").unwrap();
                assert_eq!(ws.flush(), Err(QueueError::NotSent(SendError::Closed)));
                assert_eq!(ws.close(1000, ""), Err(ControlError::Closed));
            }
            expect_texts(&frames, 0..500);
            assert_eq!(seen(&frames).0, CLOSE);
        }
        nothing_is_left();
    });
}

/// A peer's ping is answered between them, and what it answers comes while a lend is under way.
#[test]
fn a_peer_that_talks_meanwhile_is_heard() {
    system!().run(|| {
        let (peer, pongs) = peers::by_hand(|mut stream: TcpStream, pongs: &Sender<usize>| {
            let (mut messages, mut is_asked) = (0, false);
            while let Ok(got) = read_frame(&mut stream) {
                match got.first {
                    PONG => pongs.send(messages).map(|()| is_asked = false).unwrap(),
                    CLOSE => return,
                    _ => messages += 1,
                }
                // One at a time: of several that wait the oldest need no answer.
                if !is_asked && (messages % 100 == 1 || messages == 20_000) && got.first != PONG {
                    is_asked = true;
                    std::io::Write::write_all(&mut stream, &frame(PING, b"?")).unwrap();
                }
            }
        });
        let ws = open(&peer);
        for _ in 0..20_000 {
            // More of them than the sockets hold.
            ws.queue(Kind::Binary, &[1; 1000]).unwrap();
        }
        ws.flush().unwrap();
        assert!(seen(&pongs) < 20_000, "only behind all of them");
        while seen(&pongs) < 20_000 {}
    });
}

#[test]
fn a_grant_takes_along_what_is_queued() {
    system!()
        .role("owner", || {
            let (peer, frames) = listening();
            let ws = open(&peer);
            queue_texts(&ws, 0..100);
            let handle = ws.grant(hear().parse().unwrap()).unwrap();
            tell("heir", &handle.to_raw().to_string());
            expect_texts(&frames, 0..101);
        })
        .role("heir", || {
            tell("owner", &xous::current_pid().unwrap().to_string());
            let ws = Websocket::from_granted(Handle::from_raw(hear().parse().unwrap()).unwrap()).unwrap();
            ws.queue(Kind::Text, b"100").unwrap();
            ws.flush().unwrap();
            assert_eq!(ws.state().unwrap().failed_sends, 0);
        })
        .run_roles();
}

/// Somebody who lends pages of several messages and stops there holds up nobody.
#[test]
fn a_program_that_is_stuck_holds_up_nobody() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let (stuck, good) = (open(&peer), Peer::echo().unwrap());
        let _stream = seen(&streams);
        nothing_is_open();
        let sending = queues_until_refused(&stuck);
        stats_when(|stats| stats.open_messages == 2);
        let ws = open(&good);
        for number in 0..50 {
            ws.queue(Kind::Text, format!("{number}").as_bytes()).unwrap();
            ws.flush().unwrap();
            assert_eq!(ws.receive_text(10).unwrap(), number.to_string());
        }
        // Nor its own program, which closes it.
        let start = Instant::now();
        stuck.close(1000, "").unwrap();
        assert!(start.elapsed() < PATIENCE);
        assert_eq!(sending.join().unwrap(), QueueError::NotSent(SendError::Closed));
    });
}

#[test]
fn the_crate_and_the_service_agree_on_the_table() {
    let mut memory = [0; 4096];
    let mut packer = Packer::new();
    assert!(packer.add(&mut memory, Kind::Text, 3) && packer.add(&mut memory, Kind::Binary, 2));
    assert_eq!(memory[4088..], [2, 0, 0, 0x80, 3, 0, 0, 0]);
}
