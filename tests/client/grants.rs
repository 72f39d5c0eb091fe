//! A connection that is handed over: nothing that comes later goes to its former owner, and the next one begins with
//! whole messages, in both directions.

use std::io::Write;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hosted::{Pddb, hear, pddb_directory, tell};
use websocket::proto::record;
use xous_api_websocket::error::ControlError;
use xous_api_websocket::open::Record;
use xous_api_websocket::state::Phase;
use xous_api_websocket::wire::{Handle, Opcode, ReceiveWord, Status, message_id};
use xous_api_websocket::{Code, Deadlines, Kind, Part, Reconnect, Request, Websocket};

use crate::common::neighbour::Neighbour;
use crate::common::pages::RawPages;
use crate::common::raw::{self, BINARY, FIRST_BINARY, frame, read_frame};
use crate::common::{
    PATIENCE, nothing_is_left, open, pattern, peers, reconnecting, reopened, request, seen, service_cid,
    stats_when, system,
};

/// What the former owner's pages are answered with: there is no such connection.
const NOTHING: (Status, Vec<u8>) = (Status::Closed { code: 1006 }, Vec::new());

/// How long it takes until a connection is opened again.
const SHORT: Duration = Duration::from_millis(100);

/// Status and data of a page that was lent, and all its bytes.
type Answer = (Status, Vec<u8>, Vec<u8>);

/// Lends pages for the next chunk; what they come back with, and all bytes of them.
fn lend(ws: &Websocket, pages: usize) -> JoinHandle<Answer> {
    let (cid, id) = (service_cid(), message_id(Opcode::Receive, ws.handle()));
    std::thread::spawn(move || {
        let mut page = RawPages::new(pages);
        loop {
            let (word, len) = page.lend_mut(cid, id, 0, 0);
            let status = ReceiveWord::from_word(word).unwrap().status;
            if status != Status::Refused(Code::BusyReceives as u8) {
                return (status, page.bytes()[..len].to_vec(), page.bytes().to_vec());
            }
        }
    })
}

/// Lends five pages, of which the reader has taken one to fill when the last has found room.
fn lend_until_one_is_begun(ws: &Websocket) -> Vec<JoinHandle<Answer>> {
    let lent: Vec<_> = (0..5).map(|_| lend(ws, 1)).collect();
    // Besides the message that asks; more if others have some.
    stats_when(|stats| stats.open_messages > 5);
    lent
}

fn answers(lent: Vec<JoinHandle<Answer>>) -> Vec<(Status, Vec<u8>)> {
    let answers = lent.into_iter().map(|page| page.join().unwrap());
    answers
        .map(|(status, data, page)| {
            assert!(!page.contains(&2), "bytes that came after the grant");
            (status, data)
        })
        .collect()
}

/// Waits for the PID of the process that gets the connection, and hands it over.
fn hand_over(ws: Websocket, to: &str) {
    let heir = hear().parse().unwrap();
    let handle = ws.grant(heir).unwrap();
    tell(to, &handle.to_raw().to_string());
}

/// The other side of [`hand_over`].
fn take_up(from: &str) -> Websocket {
    tell(from, &xous::current_pid().unwrap().to_string());
    Websocket::from_granted(Handle::from_raw(hear().parse().unwrap()).unwrap()).unwrap()
}

fn binary(ws: &Websocket) -> Vec<u8> {
    let message = ws.receive_whole(1 << 20).unwrap();
    assert_eq!(message.kind(), Kind::Binary);
    message.into_bytes()
}

/// Of each message that is begun, which the former owner has got nothing of yet.
#[test]
fn nothing_that_comes_after_a_grant_goes_to_the_former_owner() {
    const CASES: [usize; 3] = [12_000, 4200, 100_000];
    system!()
        .role("owner", || {
            let (peer, streams) = peers::silent();
            for (case, len) in CASES.into_iter().enumerate() {
                let ws = open(&peer);
                let mut stream = seen(&streams);
                let message = frame(BINARY, &[&vec![1; 2000][..], &vec![2; len - 2000]].concat());
                let begun = message.len() - (len - 2000);
                stream.write_all(&message[..begun]).unwrap();
                let lent = lend_until_one_is_begun(&ws);
                let start = Instant::now();
                hand_over(ws, "heir");
                // Before anything more comes from the peer.
                assert_eq!(answers(lent), vec![NOTHING; 5], "{case}");
                assert!(start.elapsed() < PATIENCE);
                stream.write_all(&message[begun..]).unwrap();
                stream.write_all(&frame(BINARY, &pattern(9))).unwrap();
                assert_eq!(hear(), "received");
                tell("neighbour", "go on");
                drop(stream);
            }
            nothing_is_left_but(1);
            tell("neighbour", "the end");
        })
        .role("heir", || {
            for len in CASES {
                let ws = take_up("owner");
                let data = binary(&ws);
                assert_eq!(data.len(), len);
                assert!(
                    data[..2000].iter().all(|&byte| byte == 1) && data[2000..].iter().all(|&byte| byte == 2)
                );
                assert_eq!(binary(&ws), pattern(9));
                tell("owner", "received");
            }
        })
        .role("neighbour", || {
            let mut neighbour = Neighbour::new();
            while hear() == "go on" {
                neighbour.echo(50);
            }
            neighbour.done("grants");
        })
        .run_roles();
}

/// Of a message that the former owner has got the beginning of, nobody gets the rest.
#[test]
fn whoever_gets_a_connection_begins_with_a_whole_message() {
    system!()
        .role("owner", || {
            let (peer, streams) = peers::silent();
            // In one long frame, in frames of a part each, and while nothing waits.
            for frames in 0..3 {
                let ws = open(&peer);
                let mut stream = seen(&streams);
                let first = lend(&ws, 1);
                match frames {
                    0 => stream.write_all(&frame(BINARY, &[2; 12_000])[..8000]).unwrap(),
                    _ => stream.write_all(&frame(FIRST_BINARY, &[3; 5000])).unwrap(),
                }
                let (status, data, _) = first.join().unwrap();
                assert_eq!(status, Status::Chunk { kind: Kind::Binary, first: true, last: false });
                assert_eq!(data.len(), 4096);
                let lent = match frames {
                    0 => lend_until_one_is_begun(&ws),
                    1 => vec![lend(&ws, 1), lend(&ws, 2)],
                    _ => Vec::new(),
                };
                hand_over(ws, "heir");
                lent.into_iter().for_each(|page| {
                    let (status, data, _) = page.join().unwrap();
                    // What came before the grant may go with it.
                    assert!(matches!(status, Status::Closed { code: 1006 } | Status::Chunk { .. }));
                    assert!(data.len() <= 12_000 - 4096);
                });
                match frames {
                    0 => stream.write_all(&vec![2; 4004]).unwrap(),
                    _ => {
                        stream.write_all(&frame(0, &[3; 7000])).unwrap();
                        stream.write_all(&frame(0x80, &[3; 7])).unwrap();
                    }
                }
                stream.write_all(&frame(BINARY, &pattern(30_000))).unwrap();
                assert_eq!(hear(), "received");
            }
        })
        .role("heir", || {
            for _ in 0..3 {
                let ws = take_up("owner");
                assert!(binary(&ws) == pattern(30_000));
                tell("owner", "received");
            }
        })
        .run_roles();
}

/// A message that the former owner has sent in parts ends with what it has sent; its failures are its own.
#[test]
fn a_grant_ends_what_the_former_owner_has_begun_to_send() {
    system!()
        .role("owner", || {
            let (sender, frames) = channel();
            let sender = std::sync::Mutex::new(sender);
            let (peer, _) = peers::by_hand(move |mut stream, _: &std::sync::mpsc::Sender<()>| {
                let sender = sender.lock().unwrap().clone();
                while let Ok(frame) = read_frame(&mut stream) {
                    sender.send((frame.first, frame.payload)).unwrap();
                }
            });
            let ws = open(&peer);
            ws.send_fragment(Kind::Text, Part::First, b"begun").unwrap();
            // One that fails and nobody waits for.
            ws.send_async(Kind::Text, b"whole within parts").unwrap();
            let handle = ws.handle();
            hand_over(ws, "heir");
            assert_eq!(hear(), "sent");
            assert_eq!(seen(&frames), (raw::FIRST_TEXT, b"begun".to_vec()));
            assert_eq!(seen(&frames), (raw::LAST, Vec::new()));
            assert_eq!(seen(&frames), (0x81, b"whole".to_vec()));
            assert_eq!(seen(&frames), (raw::FIRST_TEXT, b"a".to_vec()));
            assert_eq!(seen(&frames), (raw::LAST, b"b".to_vec()));
            let mine = RawPages::with(b"x").lend(service_cid(), message_id(Opcode::Send, handle), 3 << 2, 1);
            assert_eq!(mine.0, Code::Closed as usize);
            tell("heir", "seen");
        })
        .role("heir", || {
            let ws = take_up("owner");
            assert_eq!(
                ws.send_fragment(Kind::Text, Part::Last, b"not begun here"),
                Err(xous_api_websocket::error::SendError::Refused(Code::MessageOpen))
            );
            ws.send_text("whole").unwrap();
            ws.send_fragment(Kind::Text, Part::First, b"a").unwrap();
            ws.send_fragment(Kind::Text, Part::Last, b"b").unwrap();
            assert_eq!(ws.state().unwrap().failed_sends, 0, "none of its own");
            tell("owner", "sent");
            assert_eq!(hear(), "seen");
        })
        .run_roles();
}

/// Which processes there are the kernel does not say; which numbers there cannot be is known.
#[test]
fn a_connection_that_nobody_takes_up_is_closed() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let deadlines = Deadlines::new().stall(Duration::from_millis(400)).close(Duration::from_millis(200));
        let ws = Websocket::open(&request(&peer).options(deadlines)).unwrap();
        let mut stream = seen(&streams);
        let own = service_cid();
        let grant = |pid: usize| {
            let id = message_id(Opcode::Grant, ws.handle());
            xous::send_message(own, xous::Message::new_blocking_scalar(id, pid, 0, 0, 0)).unwrap()
        };
        let malformed = xous::Result::Scalar2(usize::MAX, Code::Malformed as usize);
        for pid in [1, 33, 64, 65, 250, 255] {
            assert_eq!(grant(pid), malformed, "{pid}");
        }
        // Nobody, in a system of this size.
        assert_eq!(grant(32), xous::Result::Scalar2(0, 0));
        let close = read_frame(&mut stream).unwrap();
        assert_eq!((close.first, &close.payload[..2]), (raw::CLOSE, &1001_u16.to_be_bytes()[..]));
        nothing_is_left();
    });
}

fn nothing_is_left_but(connections: u32) {
    stats_when(|stats| stats.connections == connections && stats.open_messages == 1);
}

/// It was asked for by the former owner, who gets what came before, and why it ends.
#[test]
fn a_recording_ends_with_a_grant() {
    system!()
        .pddb(Pddb::new())
        .role("owner", || {
            let (peer, streams) = peers::silent();
            let to = |key| request(&peer).record(Record::new("recordings", key).with_credentials());
            let policy = Reconnect::new().first(SHORT).largest(SHORT);
            // From the beginning, also over a loss, and not before the connection is opened again.
            let once = |key: &str, ws: Websocket, again: bool| {
                let mut stream = seen(&streams);
                stream.write_all(&frame(BINARY, b"MINE")).unwrap();
                assert_eq!(binary(&ws), b"MINE");
                hand_over(ws, "heir");
                assert_eq!(hear(), "up");
                if again {
                    drop(stream);
                    stream = seen(&streams);
                }
                assert_eq!(hear(), "sent");
                stream.write_all(&frame(BINARY, b"FOR THE HEIR")).unwrap();
                assert_eq!(hear(), "received");
                drop(stream);
                assert_eq!(hear(), "ended");
                stats_when(|stats| stats.connections == 0);
                let file = std::fs::read(pddb_directory().join(".System/recordings").join(key));
                let file = file.unwrap_or_default();
                let has = |text: &[u8]| file.windows(text.len()).any(|bytes| bytes == text);
                assert!(!has(b"FOR THE HEIR") && !has(b"BY THE HEIR"), "{}", file.escape_ascii());
                let entries = record::read(&file);
                entries.map(|entries| (has(b"MINE"), format!("{:?}", entries.last().unwrap().entry)))
            };
            let ended = r#"Ended { code: 1006, reason: "handed over to another process" }"#;
            let recorded = Ok((true, ended.to_owned()));
            assert_eq!(once("one", Websocket::open(&to("one")).unwrap(), false), recorded);
            let lasts = |request: Request<'static>| Websocket::open(&request.reconnect(policy)).unwrap();
            assert_eq!(once("several", lasts(to("several")), true), recorded);
            let ws = lasts(request(&peer));
            ws.reconnect_with(&to("later")).unwrap();
            assert!(once("later", ws, true).is_err(), "there is none");
        })
        .role("heir", || {
            for again in [false, true, true] {
                let ws = take_up("owner");
                assert_eq!(ws.state().unwrap().phase, Phase::Open);
                tell("owner", "up");
                if again {
                    reconnecting(&ws);
                    reopened(&ws);
                }
                ws.send_text("BY THE HEIR").unwrap();
                tell("owner", "sent");
                assert_eq!(binary(&ws), b"FOR THE HEIR");
                // Before the peer goes.
                ws.reconnect_stop().ok();
                tell("owner", "received");
                ws.receive().unwrap_err();
                tell("owner", "ended");
            }
        })
        .run_roles();
}

/// Whose link breaks before its heir has asked for anything: the heir learns of that in order.
#[test]
fn a_lasting_connection_is_opened_again_before_it_is_taken_up() {
    system!()
        .role("owner", || {
            let (peer, streams) = peers::silent();
            let policy = Reconnect::new().first(SHORT).largest(SHORT);
            let ws = Websocket::open(&request(&peer).reconnect(policy)).unwrap();
            let handle = ws.grant(hear().parse().unwrap()).unwrap();
            drop(seen(&streams));
            let mut stream = seen(&streams);
            tell("heir", &handle.to_raw().to_string());
            stream.write_all(&frame(BINARY, b"FOR THE HEIR")).unwrap();
            assert_eq!(hear(), "received");
        })
        .role("heir", || {
            let ws = take_up("owner");
            reconnecting(&ws);
            reopened(&ws);
            assert_eq!(binary(&ws), b"FOR THE HEIR");
            tell("owner", "received");
        })
        .run_roles();
}

/// As long as one that does not break, whether it is open again or not.
#[test]
fn a_lasting_connection_that_nobody_takes_up_is_closed() {
    system!().run(|| {
        let stall = Duration::from_secs(2);
        let deadlines = Deadlines::new().stall(stall).close(SHORT);
        for first in [SHORT, 100 * PATIENCE] {
            let (peer, streams) = peers::silent();
            let policy = Reconnect::new().first(first).largest(first).jitter(0);
            let ws = Websocket::open(&request(&peer).options(deadlines).reconnect(policy)).unwrap();
            let stream = seen(&streams);
            let start = Instant::now();
            // Nobody, in a system of this size.
            ws.grant(xous::PID::new(32).unwrap()).unwrap();
            drop(stream);
            if first == SHORT {
                let close = read_frame(&mut seen(&streams)).unwrap();
                assert_eq!((close.first, &close.payload[..2]), (raw::CLOSE, &1001_u16.to_be_bytes()[..]));
            }
            stats_when(|stats| stats.connections == 0);
            assert!(start.elapsed() >= stall, "{:?}", start.elapsed());
            nothing_is_left();
        }
    });
}

/// Between two sessions there is nothing to hand over, and there will be.
#[test]
fn a_connection_that_is_opened_again_stays_with_its_owner_meanwhile() {
    system!().run(|| {
        let (peer, streams) = peers::silent();
        let policy = Reconnect::new().first(100 * PATIENCE).largest(100 * PATIENCE);
        let ws = Websocket::open(&request(&peer).reconnect(policy)).unwrap();
        drop(seen(&streams));
        reconnecting(&ws);
        let pid = xous::PID::new(32).unwrap();
        let refused = Err(ControlError::Refused(Code::Reconnecting));
        assert_eq!(ws.clone().grant(pid), refused);
        ws.reconnect_now().unwrap();
        reopened(&ws);
        ws.clone().grant(pid).unwrap();
        assert_eq!(ws.state().unwrap().phase, Phase::Closed, "it is not this one's any more");
    });
}
