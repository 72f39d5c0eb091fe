//! A connection is handed over while its reader delivers, by the reader's own way to the owner.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use shuttle::thread::{JoinHandle, spawn, yield_now};
use xous::PID;
use xous_api_websocket::state::Phase;
use xous_api_websocket::wire::{Handle, ReceiveWord, Status};
use xous_api_websocket::{Code, Deadlines, Lease};

use super::super::connection::Connection;
use super::super::outcome::Outcome;
use super::super::sink::{Delivery, Sink};
use crate::proto::{Chunk, Kind, Role};
use crate::service::message::Caller;
use crate::service::thread::Timer;
use crate::sync::explore::explore;

const OWNER: PID = PID::new(2).unwrap();
const HEIR: PID = PID::new(3).unwrap();
const CLOSED: usize = Code::Closed as usize;

/// A piece of a message: it begins it, it ends it, its bytes.
type Piece = (bool, bool, usize);

/// How many bytes have come when so many pieces have.
const BYTES: [usize; 4] = [0, 1, 3, 7];

/// What the reader does, for the test alone: no point at which another thread may go on.
#[derive(Default)]
struct Progress {
    /// Pieces that have come.
    came: AtomicUsize,
    /// It waits for the socket.
    waits: AtomicBool,
}

/// Delivers a message in two pieces and one in one. The first piece goes out by itself if it `flushes`, as when nothing
/// else comes.
fn reader(conn: &Arc<Connection>, progress: &Arc<Progress>, flushes: bool) -> JoinHandle<()> {
    let (conn, progress) = (conn.clone(), progress.clone());
    spawn(move || {
        let mut sink = Sink::new(conn, Delivery::Pull);
        let push = |sink: &mut Sink, first, last, payload| {
            progress.came.fetch_add(1, SeqCst);
            sink.push(&Chunk { kind: Kind::Binary, first, last, payload });
        };
        push(&mut sink, true, false, b"a");
        if flushes {
            sink.flush();
        }
        sink.lay_down();
        progress.waits.store(true, SeqCst);
        yield_now();
        progress.waits.store(false, SeqCst);
        sink.pick_up();
        push(&mut sink, false, true, b"bc");
        push(&mut sink, true, true, b"defg");
        sink.put_back();
    })
}

fn connection() -> Arc<Connection> {
    let timer = Timer::start().unwrap();
    let (deadlines, lease) = (Deadlines::default(), Lease::default());
    let conn = Connection::new(Role::Client, Handle::SOLE, deadlines, lease, timer, None);
    conn.belongs_to(OWNER);
    conn.opened().unwrap();
    conn
}

fn park(conn: &Connection) -> Caller {
    let (caller, page) = Caller::lend_mut(0, 0);
    conn.inbox.park(page);
    caller
}

fn piece(caller: &Caller) -> Option<Piece> {
    let (word, len) = caller.answer();
    match ReceiveWord::from_word(word)?.status {
        Status::Chunk { first, last, .. } if word != CLOSED => Some((first, last, len)),
        _ => None,
    }
}

#[test]
fn the_next_owner_gets_whole_messages_and_the_former_one_nothing_that_comes_later() {
    for flushes in [false, true] {
        explore(1, move || hand_over(flushes));
    }
}

fn hand_over(flushes: bool) {
    let conn = connection();
    let progress = Arc::new(Progress::default());
    let reading = reader(&conn, &progress, flushes);
    let former = [park(&conn), park(&conn), park(&conn)];
    // The reader may have come as far as to its wait.
    yield_now();
    let waits = progress.waits.load(SeqCst);
    conn.hand_over(HEIR, Vec::new());
    let came = progress.came.load(SeqCst);
    if waits && progress.waits.load(SeqCst) {
        assert!(former.iter().all(|caller| caller.answered().is_some()), "at once");
    }
    conn.touch();
    let heir = [park(&conn), park(&conn), park(&conn)];
    reading.join().unwrap();
    let in_time = conn.state().0 == Phase::Open;
    conn.inbox.end(&Outcome::new(1000, ""));
    let got: Vec<_> = former.iter().filter_map(piece).collect();
    assert!(former.iter().all(|caller| piece(caller).is_some() || !in_time || caller.answer().0 == CLOSED));
    let bytes = |pieces: &[Piece]| pieces.iter().map(|(.., len)| len).sum::<usize>();
    assert!(bytes(&got) <= BYTES[came], "{got:?} of {came}");
    let heirs: Vec<_> = heir.iter().filter_map(piece).collect();
    assert!(heirs.first().is_none_or(|(first, ..)| *first), "{heirs:?}");
    // Unless the heir was taken for one that does not come, or stalls.
    if in_time {
        let rest_is_dropped = got.last().is_some_and(|(_, last, _)| !last);
        let expected = if rest_is_dropped { 4 } else { 7 - bytes(&got) };
        assert_eq!(bytes(&heirs), expected, "{got:?} {heirs:?}");
        assert!(heirs.last().is_none_or(|(_, last, _)| *last), "{heirs:?}");
    }
}

#[test]
fn the_next_owner_is_told_of_no_failure_of_the_former_one() {
    explore(2, || {
        let conn = connection();
        let fails = {
            let conn = conn.clone();
            // The writer, with what the former owner has sent.
            spawn(move || conn.count_failed(&Caller::give(OWNER)))
        };
        conn.hand_over(HEIR, Vec::new());
        fails.join().unwrap();
        assert_eq!((conn.state().1, conn.take_send_failed()), (0, false));
        conn.count_failed(&Caller::give(HEIR));
        assert_eq!((conn.state().1, conn.take_send_failed()), (1, true));
    });
}

/// The writer parks the page of a message that it was sending while the connection was handed over.
#[test]
fn the_next_owner_gets_no_page_of_an_exchange_of_the_former_one() {
    explore(2, || {
        let conn = connection();
        let (former, mut page) = Caller::lend_mut(0, 0);
        page.exchange();
        page.is_of(conn.inbox.owner());
        let sends = {
            let conn = conn.clone();
            spawn(move || conn.sent(page))
        };
        conn.hand_over(HEIR, Vec::new());
        sends.join().unwrap();
        assert!(!conn.inbox.waits(), "it is not the heir's");
        let word = ReceiveWord::from_word(former.answer().0).unwrap();
        assert_eq!(word.status, Status::Closed { code: 1006 });
    });
}
