//! A WebSocket in the caller's own process: the same code without the service, which none of these systems has.

use std::io::Write;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use hosted::peer::Peer;
use hosted::{End, Program, System};
use rand_core::{Error, RngCore, impls};
use websocket::{Opcode, Websocket};
use xous::{CID, Message, SID, send_message};
use xous_api_websocket::error::SendError;
use xous_api_websocket::wire::{ReceiveWord, SendWord, Status};
use xous_api_websocket::{Code, Deadlines, Kind, Part};

use crate::common::pages::{RawPages, received};
use crate::common::raw::{CLOSE, close_payload, field, frame, read_frame};
use crate::common::{NOBODY, PATIENCE, example, pattern, peers, seen, threads};

const INBOUND: usize = 5;

/// Numbers that differ; what is random about the connection is not tested here.
struct Counting(u64);

impl RngCore for Counting {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }

    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1);
        self.0
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        impls::fill_bytes_via_next(self, bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

/// A connection that is being served on a thread of its own.
struct Served {
    cid: CID,
    inbound: SID,
    server: JoinHandle<Result<(), xous::Error>>,
}

impl Served {
    fn new(port: u16) -> Self {
        Self::closed_within(port, PATIENCE)
    }

    /// As [`Served::new`], with a close deadline that the test waits for.
    fn closed_within(port: u16, close: Duration) -> Self {
        Self::on(xous::create_server().unwrap(), xous::create_server().unwrap(), port, close)
    }

    fn on(sid: SID, inbound: SID, port: u16, close: Duration) -> Self {
        let cid = xous::connect(sid).unwrap();
        let to = xous::connect(inbound).unwrap();
        let server = std::thread::spawn(move || {
            let rng = Counting(1);
            let mut websocket = Websocket::new(
                "127.0.0.1",
                Some(port),
                Some("/test"),
                None,
                None,
                false,
                Some("test"),
                to,
                INBOUND,
                rng,
            )
            .deadlines(Deadlines::new().close(close));
            websocket::server(sid, &mut websocket)
        });
        Served { cid, inbound, server }
    }

    /// The next message that is lent to the caller's server.
    fn receive(&self) -> (Status, Vec<u8>) {
        let envelope = xous::receive_message(self.inbound).unwrap();
        assert_eq!(envelope.body.id(), INBOUND);
        let memory = envelope.body.memory_message().unwrap();
        let word = ReceiveWord::from_word(memory.offset.unwrap().get()).unwrap();
        let len = memory.valid.map_or(0, |len| len.get());
        (word.status, received(memory)[..len].to_vec())
    }

    /// The next message, whole.
    fn receive_whole(&self) -> (Kind, Vec<u8>) {
        let mut message = Vec::new();
        loop {
            let (status, data) = self.receive();
            let Status::Chunk { kind, first, last } = status else { panic!("{status:?}") };
            assert_eq!(first, message.is_empty());
            message.extend(data);
            if last {
                return (kind, message);
            }
        }
    }

    fn ask(&self, opcode: Opcode) -> xous::Result {
        send_message(self.cid, Message::new_blocking_scalar(opcode.into(), 0, 0, 0, 0)).unwrap()
    }
}

/// As the document that describes it uses it: a `Borrow` of one page, the length in `valid`, a blocking scalar.
#[test]
fn the_example_of_the_library_works_as_it_stands() {
    hosted::test!().run(|| {
        let (peer, heads) = peers::serve(|mut stream, heads| {
            let head = crate::common::raw::accept_with(&mut stream, "Sec-WebSocket-Protocol: test\r\n");
            let text = read_frame(&mut stream).unwrap();
            stream.write_all(&frame(text.first, &text.payload)).unwrap();
            let close = read_frame(&mut stream).unwrap();
            heads.send((head, close.close().0)).unwrap();
            stream.write_all(&frame(CLOSE, &close.payload)).unwrap();
        });
        let served = Served::new(peer.address().port());
        let outbound = "test message";
        let page = RawPages::with(outbound.as_bytes());
        assert_eq!(page.lend(served.cid, Opcode::Send as usize, 0, outbound.len()), (0, 0));
        let whole = Status::Chunk { kind: Kind::Text, first: true, last: true };
        assert_eq!(served.receive(), (whole, outbound.as_bytes().to_vec()));
        assert!(matches!(served.ask(Opcode::Close), xous::Result::Scalar2(1000, _)));
        let (head, code) = seen(&heads);
        assert!(head.starts_with("GET /test HTTP/1.1\r\n"), "{head}");
        assert_eq!((field(&head, "Sec-WebSocket-Protocol"), code), (Some("test"), 1000));
        // Nothing is received any more, as in that example; the server ends all the same.
        served.server.join().unwrap().unwrap();
    });
}

/// A page that the owner keeps holds the reader up, for as long as the owner likes.
#[test]
fn a_close_is_answered_while_the_owner_keeps_a_page() {
    hosted::test!().run(|| {
        let peer = Peer::echo().unwrap();
        let served = Served::closed_within(peer.address().port(), Duration::from_millis(500));
        websocket::send(served.cid, "kept").unwrap();
        let kept = xous::receive_message(served.inbound).unwrap();
        assert!(
            matches!(served.ask(Opcode::Close), xous::Result::Scalar2(1006, _)),
            "the close deadline is over"
        );
        drop(kept);
        assert_eq!(served.receive().0, Status::Closed { code: 1006 });
        served.server.join().unwrap().unwrap();
    });
}

/// Nor does that keep a server that quits: it waits for the close deadline.
#[test]
fn a_server_quits_while_the_owner_keeps_a_page() {
    hosted::test!().run(|| {
        let peer = Peer::echo().unwrap();
        let served = Served::closed_within(peer.address().port(), Duration::from_millis(500));
        websocket::send(served.cid, "kept").unwrap();
        let kept = xous::receive_message(served.inbound).unwrap();
        for _ in 0..3 {
            assert_eq!(served.ask(Opcode::Quit), xous::Result::Scalar1(0));
        }
        served.server.join().unwrap().unwrap();
        drop(kept);
        assert_eq!(served_end(served.inbound), Status::Closed { code: 1006 });
    });
}

#[test]
fn messages_of_every_kind_and_size_come_back() {
    hosted::test!().run(|| {
        let peer = Peer::echo().unwrap();
        let served = Served::new(peer.address().port());
        // Sent before the connection is open, which it waits for.
        websocket::send(served.cid, "first").unwrap();
        assert_eq!(served.receive_whole(), (Kind::Text, b"first".to_vec()));
        let longest = "x".repeat(4096);
        for text in ["", "é", &longest] {
            websocket::send(served.cid, text).unwrap();
            assert_eq!(served.receive_whole(), (Kind::Text, text.as_bytes().to_vec()));
        }
        let too_long = "x".repeat(4097);
        assert_eq!(websocket::send(served.cid, &too_long), Err(SendError::Refused(Code::TooLong)));
        let lend = |data: &[u8], kind, part| {
            let word = SendWord::Data(kind, part).to_word();
            RawPages::with(data).lend(served.cid, Opcode::Send.into(), word, data.len())
        };
        for len in [0, 125, 126, 65535, 65536, 200_000] {
            assert_eq!(lend(&pattern(len), Kind::Binary, Part::Whole), (0, 0));
            assert_eq!(served.receive_whole(), (Kind::Binary, pattern(len)));
        }
        assert_eq!(lend(b"in ", Kind::Text, Part::First), (0, 0));
        assert_eq!(lend(b"parts", Kind::Text, Part::Last), (0, 0));
        assert_eq!(served.receive_whole(), (Kind::Text, b"in parts".to_vec()));
        assert!(matches!(served.ask(Opcode::Close), xous::Result::Scalar2(1000, _)));
        assert_eq!(served.receive().0, Status::Closed { code: 1000 });
        served.server.join().unwrap().unwrap();
    });
}

/// The peer's end is the last message; the server answers until its owner closes it.
#[test]
fn the_peers_close_is_told() {
    hosted::test!().run(|| {
        let (peer, _) = peers::by_hand(|mut stream, _: &Sender<()>| {
            stream.write_all(&frame(CLOSE, &close_payload(4001, "bye"))).unwrap();
            assert_eq!(read_frame(&mut stream).unwrap().close().0, 4001);
        });
        let served = Served::new(peer.address().port());
        assert_eq!(served.receive(), (Status::Closed { code: 4001 }, b"bye".to_vec()));
        assert_eq!(websocket::send(served.cid, "x"), Err(SendError::Closed));
        assert!(matches!(served.ask(Opcode::Close), xous::Result::Scalar2(4001, _)));
        served.server.join().unwrap().unwrap();
    });
}

#[test]
fn an_opening_that_fails_is_told() {
    hosted::test!().run(|| {
        let (refusing, _) = peers::serve(|mut stream, _: &Sender<()>| {
            crate::common::raw::read_head(&mut stream);
            stream.write_all(b"HTTP/1.1 404 Not Found\r\n\r\n").unwrap();
        });
        let [sid, inbound] = [(); 2].map(|()| xous::create_server().unwrap());
        for (port, says) in [(NOBODY.port(), NOBODY.to_string()), (refusing.address().port(), "404".into())] {
            let served = Served::on(sid, inbound, port, PATIENCE);
            let (status, text) = served.receive();
            let text = String::from_utf8(text).unwrap();
            assert_eq!(status, Status::Closed { code: 1006 });
            assert!(text.contains(&says), "{text}");
            assert_eq!(websocket::send(served.cid, "x"), Err(SendError::Closed));
            served.ask(Opcode::Close);
            served.server.join().unwrap().unwrap();
        }
    });
}

#[test]
fn what_does_not_belong_here_is_answered() {
    hosted::test!().run(|| {
        let peer = Peer::echo().unwrap();
        let served = Served::new(peer.address().port());
        assert_eq!(RawPages::new(1).lend(served.cid, 200, 0, 0).0, Code::UnknownOpcode as usize);
        let unknown = Message::new_blocking_scalar(200, 0, 0, 0, 0);
        let refused = xous::Result::Scalar2(usize::MAX, Code::UnknownOpcode as usize);
        assert_eq!(send_message(served.cid, unknown).unwrap(), refused);
        let code = RawPages::new(1).lend_mut(served.cid, Opcode::Open.into(), 0, 10).0;
        assert_eq!(code, Code::NotPermitted as usize);
        assert_eq!(
            RawPages::new(1).lend(served.cid, Opcode::Send.into(), 0, 5000).0,
            Code::Malformed as usize
        );
        websocket::send(served.cid, "still open").unwrap();
        assert_eq!(served.receive_whole().1, b"still open");
        assert_eq!(served.ask(Opcode::Quit), xous::Result::Scalar1(0));
        served.server.join().unwrap().unwrap();
        assert_eq!(served_end(served.inbound), Status::Closed { code: 1001 });
    });
}

/// It tells the peer, answers what still comes, and is there until the peer has answered.
#[test]
fn a_server_that_quits_waits_for_the_end_of_its_connection() {
    hosted::test!().run(|| {
        let (answer, may_answer) = channel();
        let may_answer = Mutex::new(may_answer);
        let (peer, closes) = peers::by_hand(move |mut stream, closes| {
            assert_eq!(read_frame(&mut stream).unwrap().payload, b"open");
            let close = read_frame(&mut stream).unwrap();
            closes.send(close.close()).unwrap();
            // Behind a send that comes too late.
            may_answer.lock().unwrap().recv().unwrap();
            stream.write_all(&frame(CLOSE, &close.payload)).unwrap();
        });
        let served = Served::new(peer.address().port());
        websocket::send(served.cid, "open").unwrap();
        assert_eq!(served.ask(Opcode::Quit), xous::Result::Scalar1(0));
        assert_eq!(seen(&closes), (1001, String::new()));
        assert!(!served.server.is_finished());
        assert_eq!(websocket::send(served.cid, "late"), Err(SendError::Closed));
        answer.send(()).unwrap();
        served.server.join().unwrap().unwrap();
        assert_eq!(served_end(served.inbound), Status::Closed { code: 1001 });
    });
}

/// The status of the last message that is lent to a server.
fn served_end(inbound: SID) -> Status {
    let envelope = xous::receive_message(inbound).unwrap();
    let memory = envelope.body.memory_message().unwrap();
    ReceiveWord::from_word(memory.offset.unwrap().get()).unwrap().status
}

/// On one server again and again, closed in either order.
#[test]
fn connections_one_after_the_other_use_the_same_threads() {
    hosted::test!().run(|| {
        let peer = Peer::echo().unwrap();
        let [sid, inbound] = [(); 2].map(|()| xous::create_server().unwrap());
        for round in 0..12 {
            let served = Served::on(sid, inbound, peer.address().port(), PATIENCE);
            websocket::send(served.cid, &round.to_string()).unwrap();
            assert_eq!(served.receive_whole().1, round.to_string().as_bytes());
            assert!(matches!(served.ask(Opcode::Close), xous::Result::Scalar2(1000, _)));
            assert_eq!(served.receive().0, Status::Closed { code: 1000 });
            served.server.join().unwrap().unwrap();
        }
        assert!(threads("ws-worker") <= 4, "{} workers", threads("ws-worker"));
        assert_eq!(threads("ws-timer"), 1);
    });
}

/// The example of the library that this one takes the place of, as a program.
#[test]
fn the_example_call_for_call_runs() {
    let (peer, heads) = peers::serve(|mut stream, heads| {
        let head = crate::common::raw::accept_with(&mut stream, "Sec-WebSocket-Protocol: test\r\n");
        let text = read_frame(&mut stream).unwrap();
        stream.write_all(&frame(text.first, &text.payload)).unwrap();
        let close = read_frame(&mut stream).unwrap();
        heads.send((head, close.close().0)).unwrap();
        stream.write_all(&frame(CLOSE, &close.payload)).unwrap();
    });
    let program = Program::new(example("seed_004")).args(["127.0.0.1", &peer.address().port().to_string()]);
    let system = System::builder().program(program).captured().time_limit(Duration::from_secs(30));
    let mut system = system.start().unwrap();
    let ends = system.wait_programs().unwrap().programs;
    let output = system.output();
    assert_eq!((&ends[..], &*output), (&[End::Exited(0)][..], "test message\n"));
    let (head, code) = seen(&heads);
    assert!(head.starts_with("GET /test HTTP/1.1\r\n"), "{head}");
    assert_eq!((field(&head, "Sec-WebSocket-Protocol"), code), (Some("test"), 1000));
}

/// The program that a user would start from, as a program.
#[test]
fn the_example_runs() {
    let example = example("in_process");
    let peer = Peer::echo().unwrap();
    let run = |url: String| {
        let program = Program::new(&*example).arg(url);
        let system = System::builder().program(program).captured().time_limit(Duration::from_secs(30));
        let mut system = system.start().unwrap();
        let ends = system.wait_programs().unwrap().programs;
        (ends, system.output())
    };
    let (ends, output) = run(peer.url("/echo"));
    assert_eq!(ends, [End::Exited(0)], "{output}");
    assert_eq!(output, "sent: test message\nreceived: test message\nclosed: 1000\n");
    let (ends, output) = run(format!("ws://{NOBODY}/"));
    assert_eq!(ends, [End::Exited(1)], "{output}");
    assert!(output.contains(&NOBODY.to_string()), "{output}");
}
