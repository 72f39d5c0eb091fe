//! A connection that has ended is followed by another one, while its owner receives, sends and closes.

use std::sync::Arc;

use shuttle::thread::spawn;
use xous::PID;
use xous_api_websocket::wire::{ReceiveWord, Status};
use xous_api_websocket::{Code, ConnectionOptions, Deadlines, Lease, Reconnect};

use super::super::closer::Closer;
use super::super::connection::Connection;
use super::super::deadline::Deadline;
use super::super::end_guard::EndGuard;
use super::super::lasting::Lasting;
use super::super::outbox::Work;
use super::super::outcome::ABNORMAL;
use super::super::table::{Found, Table};
use crate::proto::{CloseCode, CloseReason, Role};
use crate::service::limits::CONNECTIONS;
use crate::service::message::Caller;
use crate::service::thread::{Timer, Wake};
use crate::sync::FOREVER;
use crate::sync::explore::explore;

const OWNER: PID = PID::new(2).unwrap();
/// What the owner is told of.
const WORD: usize = 77;

/// A connection that is open, and what is to come behind it.
fn connection(queues: bool) -> (Arc<EndGuard>, Arc<Table>, Arc<Timer>) {
    connection_with(queues, Deadlines::default())
}

fn connection_with(queues: bool, deadlines: Deadlines) -> (Arc<EndGuard>, Arc<Table>, Arc<Timer>) {
    let (table, timer) = (Table::new(), Timer::start().unwrap());
    let made = timer.clone();
    let policy = Reconnect::new().queues(queues);
    let lasting = Some(Arc::new(Lasting::new(policy, ConnectionOptions::new())));
    let conn = table.enter(OWNER, CONNECTIONS, |handle| {
        Connection::new_lasting(Role::Client, handle, deadlines, Lease::default(), made, None, lasting)
    });
    let conn = conn.unwrap();
    conn.opened().unwrap();
    (EndGuard::new(conn, table.clone()), table, timer)
}

#[test]
fn whoever_asks_meanwhile_is_answered_once() {
    for number in 0..6 {
        explore(2, move || one_is_answered(number / 2, number % 2 == 1));
    }
}

/// Who receives, sends or closes while a connection that has broken passes on.
fn one_is_answered(way: usize, queues: bool) {
    let (guard, table, timer) = connection(queues);
    let handle = guard.conn.handle;
    let worker = spawn(move || {
        guard.conn.breaks(|| "cut");
        guard.conn.reader_ended();
        let next = guard.pass_on(guard.conn.outcome());
        drop(guard);
        if let Some(next) = &next {
            next.conn.tell(WORD, Vec::new());
        }
        next
    });
    // The dispatcher.
    let Found::Live(conn) = table.find(handle, Some(OWNER)) else { panic!("it is being opened again") };
    let asked = match way {
        0 => {
            let (receives, page) = Caller::lend_mut(0, 0);
            conn.receive(page);
            receives
        }
        1 => {
            let (sends, message) = Caller::lend(0, 0);
            if let Err((message, code)) = conn.send(message) {
                message.answer(code as usize, 0);
            }
            sends
        }
        _ => {
            let (closes, scalar) = Caller::ask();
            conn.close(None, Some(Closer::Scalar(scalar)));
            closes
        }
    };
    let next = worker.join().unwrap();
    match way {
        0 => assert_eq!(asked.answer().0, WORD, "told of the next one"),
        1 => {
            // It waits for the next one to be open, or has met the end, or is refused.
            drop(next);
            assert!([Code::Closed as usize, Code::Reconnecting as usize].contains(&asked.answer().0));
            assert_eq!(timer.len(), 0, "no deadline is left");
            return;
        }
        _ => assert_eq!(asked.answer().0, usize::from(ABNORMAL)),
    }
    drop((conn, next));
    assert_eq!(timer.len(), 0, "no deadline is left");
    assert!(matches!(table.find(handle, Some(OWNER)), Found::Ended(ended) if ended.code == ABNORMAL));
}

/// Messages that are sent while a connection ends and passes on. Those that its queue took before it broke, or before the peer
/// was late to end the transport, are lost, and those behind them go to the next one.
#[test]
fn what_comes_late_goes_to_the_next_one_in_order() {
    for is_closed in [false, true] {
        explore(if is_closed { 1 } else { 2 }, move || {
            let (guard, table, timer) = connection(true);
            let handle = guard.conn.handle;
            let worker = spawn(move || {
                ends(&guard.conn, is_closed);
                guard.pass_on(guard.conn.outcome()).expect("its owner has not closed")
            });
            let sent = [1, 2].map(|number| {
                let Found::Live(conn) = table.find(handle, Some(OWNER)) else { panic!("it goes on") };
                let (sends, message) = Caller::lend(number, 0);
                assert!(conn.send(message).is_ok(), "it waits");
                sends
            });
            let next = worker.join().unwrap();
            let works = std::iter::from_fn(|| next.conn.outbox.try_next(false));
            let came = works.map(|work| match work {
                Work::Send(message) => message.offset(),
                _ => panic!("nothing else was sent"),
            });
            let came: Vec<_> = came.collect();
            assert!([1, 2].ends_with(&came), "{came:?}");
            drop(next);
            sent.iter().for_each(|sends| assert_eq!(sends.answer().0, Code::Closed as usize));
            assert_eq!(timer.len(), 0, "no deadline is left");
        });
    }
}

/// Who waits for the next one is answered when the owner wants none, at whatever moment.
#[test]
fn what_comes_late_is_answered_if_there_is_no_next_one() {
    for closes in [false, true] {
        explore(1, move || {
            let (guard, table, timer) = connection(true);
            let Found::Live(conn) = table.find(guard.conn.handle, Some(OWNER)) else { panic!("it is open") };
            let worker = spawn(move || {
                ends(&guard.conn, true);
                let next = guard.pass_on(guard.conn.outcome());
                drop(guard);
                next
            });
            let (sends, message) = Caller::lend(0, 0);
            if let Err((message, code)) = conn.send(message) {
                message.not_sent(code);
            }
            match closes {
                true => conn.close(None, None),
                false => drop(conn.stop_reopening()),
            }
            drop((worker.join().unwrap(), conn));
            assert_eq!(sends.answer().0, Code::Closed as usize);
            assert_eq!(timer.len(), 0, "no deadline is left");
        });
    }
}

/// Who has begun a message closes the session that has it while that one passes on. It ends, or the next one goes on.
#[test]
fn a_close_of_one_session_does_not_end_the_next() {
    explore(2, || {
        let (guard, _table, timer) = connection(true);
        let conn = guard.conn.clone();
        let closer = spawn(move || conn.close_session(1, None));
        ends(&guard.conn, false);
        let next = guard.pass_on(guard.conn.outcome());
        assert_eq!(closer.join().unwrap(), next.is_none());
        assert!(next.as_ref().is_none_or(|next| next.conn.is_wanted()), "the next one is closed");
        drop((guard, next));
        assert_eq!(timer.len(), 0, "no deadline is left");
    });
}

/// It breaks, or its peer closes it and is to come back.
fn ends(conn: &Arc<Connection>, is_closed: bool) {
    match is_closed {
        true => conn.peer_closed(CloseReason::new(CloseCode::new(1012).unwrap(), "")),
        false => conn.breaks(|| "cut"),
    }
    conn.reader_ended();
}

/// The writer parks the page of an exchange while the connection that its message is on ends and another one follows. Whatever
/// the owner has not heard of an earlier end, the page hears that its message may be lost, and does not wait on.
#[test]
fn the_page_of_an_exchange_hears_the_end_of_its_connection() {
    for earlier in [false, true] {
        explore(2, move || {
            let (guard, _table, timer) = connection(false);
            let [lost, back] =
                [Status::Reconnecting, Status::Reopened].map(|status| ReceiveWord::new(status).to_word());
            if earlier {
                guard.conn.tell(lost, Vec::new());
                guard.conn.tell(back, Vec::new());
            }
            let conn = guard.conn.clone();
            let worker = spawn(move || {
                guard.conn.breaks(|| "cut");
                guard.conn.reader_ended();
                let next = guard.pass_on(guard.conn.outcome()).expect("its owner has not closed");
                next.conn.tell(lost, Vec::new());
                next
            });
            let (asks, mut page) = Caller::lend_mut(0, 0);
            page.exchange();
            page.is_of(conn.inbox.owner());
            conn.sent(page);
            let next = worker.join().unwrap();
            assert_eq!(asks.answer().0, lost);
            drop((conn, next));
            assert_eq!(timer.len(), 0, "no deadline is left");
        });
    }
}

/// The writer finds out that the socket is gone at the moment when the reader does, who passes the connection on.
#[test]
fn a_writer_that_breaks_off_late_leaves_the_next_one_its_inbox() {
    explore(2, || {
        let (guard, _table, _timer) = connection(false);
        let conn = guard.conn.clone();
        let writer = spawn(move || conn.break_off());
        guard.conn.breaks(|| "cut");
        guard.conn.reader_ended();
        let next = guard.pass_on(guard.conn.outcome()).expect("its owner has not closed");
        writer.join().unwrap();
        assert!(next.conn.inbox.is_open(), "the next connection delivers nothing");
        drop((guard, next));
    });
}

/// A deadline has this side give the connection up at the moment when it is passed on. Either it ends, or the next one
/// delivers.
#[test]
fn giving_up_late_leaves_the_next_one_its_inbox() {
    explore(2, || {
        let (guard, _table, _timer) = connection(false);
        let conn = guard.conn.clone();
        let timer = spawn(move || conn.give_up(CloseCode::GOING_AWAY, "the receiver stalled"));
        guard.conn.breaks(|| "cut");
        guard.conn.reader_ended();
        let next = guard.pass_on(guard.conn.outcome());
        timer.join().unwrap();
        assert!(
            next.as_ref().is_none_or(|next| next.conn.inbox.is_open()),
            "the next connection delivers nothing"
        );
        drop((guard, next));
    });
}

/// It is time for a ping at the moment when the connection is passed on, and the next one opens: that one asks its own peer,
/// whatever the one before has asked.
#[test]
fn a_late_ping_is_not_the_next_ones() {
    explore(2, || {
        let deadlines = Deadlines::new().keepalive(FOREVER);
        let (guard, _table, timer) = connection_with(false, deadlines);
        guard.conn.breaks(|| "cut");
        guard.conn.reader_ended();
        let (conn, other) = (guard.conn.clone(), timer.clone());
        let late = spawn(move || conn.wake(Deadline::Keepalive as usize, &other));
        let next = guard.pass_on(guard.conn.outcome()).expect("its owner has not closed");
        next.conn.opened().unwrap();
        late.join().unwrap();
        next.conn.clone().wake(Deadline::Keepalive as usize, &timer);
        assert!(matches!(next.conn.outbox.try_next(false), Some(Work::Ping)), "nobody asks its peer");
        drop((guard, next));
        assert_eq!(timer.len(), 0, "no deadline is left");
    });
}
