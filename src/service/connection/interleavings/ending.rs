//! A connection opens and ends between its owner, its two threads and the timer.

use std::sync::Arc;
use std::time::Duration;

use shuttle::thread::spawn;
use xous::PID;
use xous_api_websocket::state::Phase;
use xous_api_websocket::{Code, Deadlines, Lease};

use super::super::closer::Closer;
use super::super::connection::Connection;
use super::super::deadline::Deadline;
use super::super::end_guard::EndGuard;
use super::super::inbox::Taken;
use super::super::opener::OpeningResult;
use super::super::outbox::Work;
use super::super::outcome::{NO_CODE, Outcome};
use super::super::table::{Found, Table};
use crate::proto::{CloseCode, Role};
use crate::service::limits::CONNECTIONS;
use crate::service::message::{Caller, Lent};
use crate::service::thread::Timer;
use crate::sync::Instant;
use crate::sync::explore::explore;

const OWNER: PID = PID::new(2).unwrap();

/// A connection in a table, with a thread that waits for its deadlines.
fn connection(opener: Option<Lent>) -> (Arc<Connection>, Arc<Table>, Arc<Timer>) {
    let table = Table::new();
    let timer = Timer::start().unwrap();
    let deadlines = Deadlines::new().stall(Duration::from_secs(60));
    let made = timer.clone();
    let conn = table.enter(OWNER, CONNECTIONS, |handle| {
        Connection::new(Role::Client, handle, deadlines, Lease::default(), made, opener)
    });
    (conn.unwrap(), table, timer)
}

/// Sends what there is, as `Writer` does.
fn write(conn: &Arc<Connection>) {
    while let Some(work) = conn.outbox.next(false) {
        match work {
            Work::Send(message) => message.answer(0, 0),
            Work::Close(_) => {
                conn.outbox.close_written();
                return conn.half_close();
            }
            _ => (),
        }
    }
}

#[test]
fn everybody_who_waits_is_told_how_it_ended() {
    explore(1, || {
        let (conn, table, timer) = connection(None);
        conn.opened().unwrap();
        let guard = EndGuard::new(conn.clone(), table.clone());
        let writer = {
            let guard = guard.clone();
            spawn(move || {
                write(&guard.conn);
                drop(guard);
            })
        };
        let reader = spawn(move || {
            // The peer closes.
            guard.conn.peer_closed(None);
            guard.conn.reader_ended();
            drop(guard);
        });
        // The dispatcher.
        let (receives, page) = Caller::lend_mut(0, 0);
        conn.inbox.park(page);
        let (sends, message) = Caller::lend(0, 0);
        if let Err((message, code)) = conn.outbox.send(message) {
            message.answer(code as usize, 0);
        }
        let (closes, scalar) = Caller::ask();
        conn.close(None, Some(Closer::Scalar(scalar)));
        let outcome = Outcome { by_peer: true, ..Outcome::new(NO_CODE, "") };
        assert_eq!(receives.answer(), (outcome.word(), 0));
        assert_eq!(closes.answer(), (usize::from(NO_CODE), Phase::Closed as usize));
        assert!([0, Code::Closed as usize].contains(&sends.answer().0));
        assert_eq!(conn.state().0, Phase::Closed);
        writer.join().unwrap();
        reader.join().unwrap();
        assert!(matches!(table.find(conn.handle, Some(OWNER)), Found::Ended(ended) if ended == outcome));
        assert_eq!(timer.len(), 0, "no deadline is left");
    });
}

#[test]
fn an_opening_is_answered_once_and_what_was_answered_is_true() {
    explore(2, || {
        let (opens, page) = Caller::lend_mut(0, 0);
        let (conn, table, timer) = connection(Some(page));
        conn.opening();
        let guard = EndGuard::new(conn.clone(), table);
        let worker = spawn(move || {
            let opened = guard.conn.opened();
            if let Some(opener) = opened {
                opener.unwrap().answer(0, 0);
            }
            guard
        });
        let (word, _) = opens.answer();
        let guard = worker.join().unwrap();
        if word == 0 {
            assert_eq!(conn.state().0, Phase::Open);
            let (sends, message) = Caller::lend(0, 0);
            assert!(conn.outbox.send(message).is_ok(), "it is open");
            let start = Instant::now();
            conn.close(None, None);
            // The writer.
            let works: Vec<_> = [(); 2].into_iter().filter_map(|()| conn.outbox.next(false)).collect();
            let closes = matches!(works[..], [Work::Send(_), Work::Close(_)]);
            drop(works);
            assert!(closes || start.elapsed() >= conn.deadlines.close, "no other deadline ends it");
            assert_eq!(sends.answer().0, Code::Closed as usize);
            drop(guard);
            assert_eq!(timer.len(), 0, "no deadline is left");
        } else {
            assert_eq!(word, Code::Timeout as usize);
            assert!(conn.opened().is_none());
        }
    });
}

/// Once the peer has our Close frame it may end the transport, and that is not how the connection ended.
#[test]
fn what_is_said_to_the_peer_is_how_it_ended() {
    explore(2, || {
        let (conn, table, timer) = connection(None);
        conn.opened().unwrap();
        let guard = EndGuard::new(conn.clone(), table);
        let late = conn.clone();
        let deadline = spawn(move || late.give_up(CloseCode::GOING_AWAY, "nobody is there"));
        write(&conn);
        // The reader, which meets the end of what the peer sends.
        assert_eq!(conn.outcome().code, CloseCode::GOING_AWAY.value());
        deadline.join().unwrap();
        drop((conn, guard));
        assert_eq!(timer.len(), 0, "no deadline is left");
    });
}

#[test]
fn who_waits_for_an_opening_that_is_given_up_is_told_once() {
    explore(2, || {
        let (conn, table, timer) = connection(None);
        conn.tells_later();
        conn.opening();
        let guard = EndGuard::new(conn.clone(), table);
        let worker = spawn(move || {
            if guard.conn.opened().is_some() {
                guard.conn.tell_opening(OpeningResult::Open { sub_protocol: None, head: Vec::new() });
                write(&guard.conn);
            }
            guard
        });
        let (waits, page) = Caller::lend_mut(0, 0);
        conn.wait_open(page);
        // The dispatcher takes this one later, from another thread of the owner.
        let (closes, scalar) = Caller::ask();
        conn.close(None, Some(Closer::Scalar(scalar)));
        let (word, _) = waits.answer();
        assert!([0, Code::Closed as usize, Code::Timeout as usize].contains(&word), "{word}");
        let (later, page) = Caller::lend_mut(0, 0);
        conn.wait_open(page);
        assert_eq!(later.answer().0, Code::Closed as usize, "told once");
        drop(worker.join().unwrap());
        closes.answer();
        assert_eq!(conn.state().0, Phase::Closed);
        assert_eq!(timer.len(), 0, "no deadline is left");
    });
}

#[test]
fn a_receiver_that_stalls_is_noticed_and_one_that_comes_is_not_failed() {
    explore(1, || {
        let (conn, table, timer) = connection(None);
        conn.opened().unwrap();
        let guard = EndGuard::new(conn.clone(), table);
        let reader = spawn(move || {
            let take = || guard.conn.waiting(Deadline::Stall, || guard.conn.inbox.take(0));
            if let Taken::Page(page) = take() {
                page.answer(7, 0);
                // The owner lends no other page.
                assert!(matches!(take(), Taken::Nothing));
            }
            guard
        });
        let (receives, page) = Caller::lend_mut(0, 0);
        conn.inbox.park(page);
        let guard = reader.join().unwrap();
        let (late, page) = Caller::lend_mut(0, 0);
        conn.inbox.park(page);
        let stalled = Outcome::new(1001, "the receiver stalled");
        assert_eq!(late.answer().0, stalled.word());
        let (word, _) = receives.answer();
        assert!(word == 7 || word == stalled.word());
        drop(guard);
        assert_eq!(timer.len(), 0, "no deadline is left");
    });
}
