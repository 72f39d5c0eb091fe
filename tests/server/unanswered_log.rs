//! The log server answers nobody. Whatever any process asks for, the server thread does not wait for
//! it, nor does the one for deadlines.

use std::net::TcpStream;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use hosted::{hear, tell};
use xous_api_websocket::error::ReceiveError;
use xous_api_websocket::state::Stats;
use xous_api_websocket::wire::{Handle, Opcode};
use xous_api_websocket::{Deadlines, Listen, Listener, Route, Websocket};

use crate::common::elsewhere::connect_from;
use crate::common::neighbour::Neighbour;
use crate::common::pages::RawPages;
use crate::common::{peers, request, service_cid, system};
use crate::crowds::{STRANGER, page};
use crate::process::program_of_system;
use crate::serve::{listen, listener};

/// As long as a call may take that waits for nobody, on a machine that has other work.
const SOON: Duration = Duration::from_secs(10);

/// More silent clients than are heard, and wait for a place, at a time.
const CROWD: usize = 100;

/// Stops a process, until this is dropped.
struct Stopped(u32);

impl Stopped {
    fn program(name: &str) -> Self {
        let id = program_of_system(name);
        signal("-STOP", id);
        Stopped(id)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        signal("-CONT", self.0);
    }
}

fn signal(what: &str, id: u32) {
    assert!(Command::new("kill").args([what, &id.to_string()]).status().unwrap().success());
}

#[test]
fn the_server_thread_does_not_wait_for_the_log() {
    system!()
        .role("loud", || {
            assert_eq!(hear(), "the log is stopped");
            let cid = service_cid();
            let start = Instant::now();
            // All that are defined, and some that are not.
            for opcode in (0..70).chain([127, 128, 255]).filter(|&opcode| opcode != Opcode::Accept as usize) {
                for handle in [0, Handle::new(0, 1).to_raw() as usize, 0xff_ffff] {
                    everything(cid, (handle << 8) | opcode);
                }
            }
            let answered = Instant::now();
            Stats::now().unwrap();
            assert!(answered.elapsed() < SOON);
            println!("every opcode in every way: {:?}", start.elapsed());
            tell("quiet", "done");
        })
        .role("quiet", || {
            let mut neighbour = Neighbour::new();
            neighbour.echo(10);
            let stopped = Stopped::program("xous-log");
            tell("loud", "the log is stopped");
            neighbour.echo(300);
            let listener = Listener::listen(&Listen::new("127.0.0.1", 0)).unwrap();
            listener.add_route(&Route::page("/", "text/plain", b"x")).unwrap();
            neighbour.echo(300);
            assert_eq!(hear(), "done");
            drop((listener, stopped));
            neighbour.done("one that sends what nobody understands, while nobody logs");
        })
        .run_roles();
}

/// One thread waits for all deadlines. What it would tell the log, such as that a peer answers no more or that a client
/// finds no place, holds it up no more than the server thread.
#[test]
fn deadlines_are_met_while_nobody_logs() {
    // Later than those who wait for a place are refused, which is the timer's as well.
    const SILENCE: Duration = Duration::from_millis(1500);
    system!().run(|| {
        let (peer, ends) = peers::silent();
        let listener = listener(&listen());
        let stopped = Stopped::program("xous-log");
        let crowd = silent_crowd(listener.port());
        let deadlines = Deadlines::new().keepalive(SILENCE).pong(SILENCE);
        let sockets = [(); 2].map(|()| Websocket::open(&request(&peer).options(deadlines)).unwrap());
        let (told, outcomes) = channel();
        for socket in sockets {
            let told = told.clone();
            std::thread::spawn(move || told.send(socket.receive_text(1)).ok());
        }
        let closed = |outcome| matches!(outcome, Ok(Err(ReceiveError::Closed(end))) if end.code == 1006);
        let ended = [(); 2].map(|()| closed(outcomes.recv_timeout(2 * SILENCE + SOON)));
        let served = page(listener.port());
        drop(stopped);
        assert_eq!(ended, [true; 2]);
        assert!(served, "somebody who is not refused");
        drop((ends, crowd));
    });
}

/// Those who have a place are asked to go then, and those who wait for one are refused: not by the server thread.
#[test]
fn a_port_is_given_up_while_nobody_logs() {
    system!().run(|| {
        let listener = listener(&listen());
        let stopped = Stopped::program("xous-log");
        let crowd = silent_crowd(listener.port());
        let (told, given_up) = channel();
        std::thread::spawn(move || {
            // It comes behind the crowd.
            let served = page(listener.port());
            drop(listener);
            Stats::now().unwrap();
            told.send(served).ok();
        });
        let outcome = given_up.recv_timeout(2 * SOON);
        drop(stopped);
        assert_eq!(outcome, Ok(true));
        drop(crowd);
    });
}

/// Clients that say nothing, more than there are places for.
fn silent_crowd(port: u16) -> Vec<TcpStream> {
    (0..CROWD).map(|_| connect_from(STRANGER, port).unwrap()).collect()
}

/// Every kind of message. Pages that wait for something would keep this program waiting, so none is lent to be received.
fn everything(cid: xous::CID, id: usize) {
    let opcode = id & 0xff;
    RawPages::with(&[0xff; 100]).lend(cid, id, 9, 100);
    RawPages::with(&[0xff; 100]).give(cid, id, 9, 100);
    if opcode != Opcode::Receive as usize {
        RawPages::with(&[0xff; 100]).lend_mut(cid, id, 9, 100);
    }
    xous::send_message(cid, xous::Message::new_blocking_scalar(id, 9, 9, 9, 9)).unwrap();
    xous::send_message(cid, xous::Message::new_scalar(id, 9, 9, 9, 9)).unwrap();
}
