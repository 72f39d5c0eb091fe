//! What one process, or two, can take from another: never the last of anything. Each test has an innocent program
//! beside those that take all they can.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use hosted::{Pddb, hear, tell};
use xous_api_websocket::error::{ControlError, ListenError, OpenError};
use xous_api_websocket::state::Stats;
use xous_api_websocket::wire::{Opcode, SendWord, message_id};
use xous_api_websocket::{Code, Deadlines, Kind, Listen, Listener, Part, Route, Websocket};

use crate::common::neighbour::Neighbour;
use crate::common::pages::RawPages;
use crate::common::{PATIENCE, open, peers, refusal, request, seen, service_cid, system};

/// As short as the innocent one's calls must be, whatever others hold.
const SOON: Duration = Duration::from_secs(20);

/// With deadlines that outlast the test.
fn for_ever(peer: &Peer) -> Websocket {
    let long = Duration::MAX;
    let deadlines = Deadlines::new().write(long).close(long).stall(long).pong(long);
    Websocket::open(&request(peer).options(deadlines)).unwrap()
}

/// Gives away what no socket takes, until the process has nothing more.
fn take_all_messages(all: &[Websocket], pages: usize) {
    let word = SendWord::Data(Kind::Binary, Part::Whole).to_word();
    let failed = || all.iter().map(|ws| ws.state().unwrap().failed_sends).sum::<usize>();
    let start = Instant::now();
    while failed() < 400 && start.elapsed() < PATIENCE / 4 {
        for ws in all {
            let id = message_id(Opcode::Send, ws.handle());
            RawPages::new(pages).give(service_cid(), id, word, pages * 4096);
        }
    }
}

/// One of those who take all messages and bytes there are.
fn greedy(pages: usize, next: &str) {
    let (peer, streams) = peers::silent();
    let all: Vec<_> = (0..4).map(|_| for_ever(&peer)).collect();
    let kept: Vec<_> = all.iter().map(|_| seen(&streams)).collect();
    assert_eq!(hear(), "your turn");
    // What the sockets take first, then in small pieces up to the brim.
    take_all_messages(&all, 32);
    take_all_messages(&all, pages);
    // It cannot do anything any more, except ask and close.
    let start = Instant::now();
    assert!(Stats::now().is_ok());
    let closing = all[0].clone();
    let closer = std::thread::spawn(move || closing.close(1000, ""));
    tell(next, "your turn");
    assert_eq!(hear(), "done");
    drop(kept);
    closer.join().unwrap().ok();
    assert!(start.elapsed() < PATIENCE * 2);
}

fn innocent_beside(what: &str, others: &[&str]) {
    let mut neighbour = Neighbour::new();
    neighbour.echo(20);
    tell(others[0], "your turn");
    assert_eq!(hear(), "your turn");
    let start = Instant::now();
    assert!(Stats::now().is_ok());
    // What it has goes on, and it gets more.
    neighbour.echo(100);
    let peer = Peer::echo().unwrap();
    let ws = open(&peer);
    ws.send_text("mine").unwrap();
    assert_eq!(ws.receive_text(9).unwrap(), "mine");
    assert_eq!(ws.close(1000, "").map(u16::from), Ok(1000));
    drop(Listener::listen(&Listen::new("127.0.0.1", 0)).unwrap());
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    neighbour.done(what);
    others.iter().for_each(|other| tell(other, "done"));
}

#[test]
fn two_processes_that_hold_all_messages_shut_nobody_out() {
    system!()
        .role("one", || greedy(1, "two"))
        .role("two", || greedy(1, "innocent"))
        .role("innocent", || innocent_beside("two that hold all messages", &["one", "two"]))
        .run_roles();
}

#[test]
fn two_processes_that_hold_all_bytes_shut_nobody_out() {
    system!()
        .role("one", || greedy(64, "two"))
        .role("two", || greedy(64, "innocent"))
        .role("innocent", || innocent_beside("two that hold all bytes", &["one", "two"]))
        .run_roles();
}

/// The device maps what a process is lent into 4 MiB: 16 pages of 256 KiB at a listener were all of it.
#[test]
fn bytes_are_counted_and_not_messages_alone() {
    system!()
        .role("greedy", || {
            let _listener = Listener::listen(&Listen::new("127.0.0.1", 0)).unwrap();
            let id = message_id(Opcode::Accept, xous_api_websocket::wire::Handle::new(0, 1));
            let cid = service_cid();
            let lent: Vec<_> = (0..16)
                .map(|_| std::thread::spawn(move || RawPages::new(64).lend_mut(cid, id, 0, 0).0))
                .collect();
            let refused = |lent: &Vec<std::thread::JoinHandle<usize>>| {
                lent.iter().filter(|page| page.is_finished()).count()
            };
            let start = Instant::now();
            while refused(&lent) < 12 {
                assert!(start.elapsed() < PATIENCE, "{}", refused(&lent));
                Stats::now().unwrap();
            }
            tell("innocent", "four are left");
            assert_eq!(hear(), "served");
            assert_eq!(refused(&lent), 12);
            give_up_the_first();
            let mut codes: Vec<_> = lent.into_iter().map(|page| page.join().unwrap()).collect();
            codes.sort_unstable();
            assert_eq!(codes[..4], [Code::Closed as usize; 4]);
            assert_eq!(codes[4..], [Code::BusyMessages as usize; 12]);
        })
        .role("innocent", || {
            assert_eq!(hear(), "four are left");
            let mut neighbour = Neighbour::new();
            neighbour.echo(20);
            neighbour.done("one that lends 256 KiB at a time");
            tell("greedy", "served");
        })
        .run_roles();
}

fn give_up_the_first() {
    let id = message_id(Opcode::Unlisten, xous_api_websocket::wire::Handle::new(0, 1));
    xous::send_message(service_cid(), xous::Message::new_blocking_scalar(id, 0, 0, 0, 0)).unwrap();
}

#[test]
fn the_last_connection_port_and_listener_are_for_who_has_none() {
    system!()
        .role("greedy", || {
            let peer = Peer::echo().unwrap();
            let all: Vec<_> = std::iter::from_fn(|| Websocket::open(&request(&peer)).ok()).collect();
            assert_eq!(all.len(), 11);
            assert_eq!(refusal(&request(&peer)).0, Code::NoWorker);
            // Handed over, they stay in its share until they are taken up, and its own cannot be had for them.
            let innocent = hear().parse().unwrap();
            for ws in &all[..5] {
                ws.clone().grant(innocent).unwrap();
            }
            assert_eq!(refusal(&request(&peer)).0, Code::NoWorker);
            let listen = Listen::new("127.0.0.1", 0);
            let ports: Vec<_> = std::iter::from_fn(|| Listener::listen(&listen).ok()).collect();
            assert_eq!(ports.len(), 2);
            let join = Listen::new("127.0.0.1", ports[0].port());
            let joined: Vec<_> = std::iter::from_fn(|| Listener::listen(&join).ok()).collect();
            assert_eq!(joined.len(), 14);
            tell("innocent", "took all");
            assert_eq!(hear(), "done");
        })
        .role("innocent", || {
            tell("greedy", &xous::current_pid().unwrap().to_string());
            assert_eq!(hear(), "took all");
            let mut neighbour = Neighbour::new();
            let listen = Listen::new("127.0.0.1", 0);
            let own = Listener::listen(&listen).unwrap();
            assert!(own.port() > 0);
            assert!(matches!(
                Listener::listen(&listen),
                Err(ListenError::Failed { code: Code::NoListener, .. })
            ));
            neighbour.echo(50);
            let peer = Peer::echo().unwrap();
            assert!(matches!(
                Websocket::open(&request(&peer)),
                Err(OpenError::Failed { code: Code::NoWorker, .. })
            ));
            neighbour.done("one that holds all connections, ports and listeners");
            tell("greedy", "done");
        })
        .run_roles();
}

/// Each call about files waits for the database on a worker, and the database is slow.
#[test]
fn calls_about_files_take_no_workers_from_others() {
    let listener = |path, dict| {
        let listener = Listener::listen(&Listen::new("127.0.0.1", 0)).unwrap();
        listener.add_route(&Route::files(path, dict)).unwrap();
        listener
    };
    system!()
        .pddb(Pddb::new().slow(Duration::from_millis(30)))
        .role("greedy", move || {
            let listener = listener("/f/", "d");
            let peer = Peer::echo().unwrap();
            let (done, listed) = (AtomicBool::new(false), AtomicUsize::new(0));
            let list = || {
                while !done.load(SeqCst) {
                    match listener.files("d").list() {
                        Ok(_) => drop(listed.fetch_add(1, SeqCst)),
                        Err(ControlError::Busy(Code::BusyMessages)) => (),
                        // With all connections that it may have.
                        Err(ControlError::Refused(Code::NoWorker)) => (),
                        other => panic!("{other:?}"),
                    }
                }
            };
            // A process has thirty threads in its life.
            for (threads, connects) in [(16, false), (3, true)] {
                let connections = std::iter::from_fn(|| Websocket::open(&request(&peer)).ok());
                let all: Vec<_> = connections.take(if connects { 12 } else { 0 }).collect();
                std::thread::scope(|scope| {
                    (0..threads).for_each(|_| drop(scope.spawn(list)));
                    let start = Instant::now();
                    while listed.load(SeqCst) < 10 {
                        assert!(start.elapsed() < PATIENCE);
                        std::thread::yield_now();
                    }
                    tell("innocent", "your turn");
                    assert_eq!(hear(), "done");
                    done.store(true, SeqCst);
                });
                listed.store(0, SeqCst);
                done.store(false, SeqCst);
                drop(all);
            }
        })
        .role("innocent", move || {
            let peer = Peer::echo().unwrap();
            let listener = listener("/g/", "e");
            for _ in 0..2 {
                assert_eq!(hear(), "your turn");
                for number in 0..10 {
                    assert_eq!(listener.files("e").list(), Ok(Vec::new()), "{number}");
                    open(&peer).close(1000, "").unwrap();
                }
                tell("greedy", "done");
            }
        })
        .run_roles();
}

/// Every deadline has an end, also the one that was asked to have none.
#[test]
fn a_wait_for_ever_is_ten_minutes() {
    let bounded = Deadlines::new().write(Duration::MAX).keepalive(None).bounded();
    assert_eq!(bounded.write, Deadlines::MAX_WAIT);
    assert_eq!(Deadlines::default().bounded(), Deadlines::default());
}
