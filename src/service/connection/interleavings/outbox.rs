//! Senders, a reader, a timer and one writer meet in the outbox.

use std::sync::Arc;

use shuttle::thread::{JoinHandle, spawn};
use xous_api_websocket::Code;

use super::super::outbox::{Outbox, ShareError, Work};
use crate::proto::{CloseStep, Role, Violation};
use crate::service::limits::QUEUED_BROADCASTS;
use crate::service::message::Caller;
use crate::sync::Instant;
use crate::sync::atomic::{AtomicU32, Ordering::SeqCst};
use crate::sync::explore::explore;

/// What a message is answered with whose bytes are with the socket.
const SENT: usize = 0;
const CLOSED: usize = Code::Closed as usize;

/// What the writer has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Ping,
    Pong(u8),
    Send(usize),
    Share,
    HandOver,
    Flush,
    Close,
}

/// As `Writer` does it: takes what there is, and waits when there is nothing; ends behind the Close frame.
fn writer(outbox: &Arc<Outbox>) -> JoinHandle<Vec<Written>> {
    let outbox = outbox.clone();
    spawn(move || {
        let mut written = Vec::new();
        while let Some(work) = outbox.try_next(false).or_else(|| outbox.next(false)) {
            written.push(match work {
                Work::Ping => Written::Ping,
                Work::Pong(payload) => Written::Pong(payload[0]),
                Work::Send(message) => {
                    let number = message.offset();
                    message.answer(SENT, 0);
                    Written::Send(number)
                }
                Work::Share(_) => Written::Share,
                Work::HandOver => Written::HandOver,
                Work::Heartbeat => unreachable!("none is due"),
                Work::Flush => Written::Flush,
                Work::Close(_) => Written::Close,
            });
            if written.ends_with(&[Written::Close]) {
                outbox.close_written();
                break;
            }
        }
        written
    })
}

/// Sends as the dispatcher does.
fn send(outbox: &Outbox, number: usize) -> Caller {
    let (caller, message) = Caller::lend(number, 0);
    if let Err((message, code)) = outbox.send(message) {
        message.answer(code as usize, 0);
    }
    caller
}

/// The messages among what was written.
fn sends(written: &[Written]) -> Vec<usize> {
    let number = |written: &Written| match written {
        Written::Send(number) => Some(*number),
        _ => None,
    };
    written.iter().filter_map(number).collect()
}

#[test]
fn what_was_queued_goes_out_before_the_owners_close() {
    explore(2, || {
        let outbox = Arc::new(Outbox::new(Role::Client));
        let writing = writer(&outbox);
        let others = {
            let outbox = outbox.clone();
            spawn(move || {
                outbox.pong(&[1]);
                outbox.ping();
                outbox.pong(&[2]);
            })
        };
        let callers = [send(&outbox, 1), send(&outbox, 2)];
        assert!(outbox.close_after_sends(None));
        assert_eq!(send(&outbox, 3).answer().0, CLOSED, "after the close");
        assert_eq!(callers.map(|caller| caller.answer().0), [SENT; 2]);
        others.join().unwrap();
        let written = writing.join().unwrap();
        assert_eq!(sends(&written), [1, 2]);
        assert_eq!(written.iter().filter(|written| **written == Written::Close).count(), 1);
        let pongs = written.iter().filter_map(|written| match written {
            Written::Pong(number) => Some(*number),
            _ => None,
        });
        assert!(pongs.is_sorted(), "{written:?}");
        assert_eq!(outbox.close_step(), CloseStep::AwaitClose);
    });
}

#[test]
fn what_a_former_owner_has_queued_goes_before_the_next_ones() {
    explore(2, || {
        let outbox = Arc::new(Outbox::new(Role::Client));
        let writing = writer(&outbox);
        let others = {
            let outbox = outbox.clone();
            spawn(move || outbox.share(vec![0].into()))
        };
        let former = send(&outbox, 1);
        outbox.hand_over();
        outbox.hand_over();
        let heir = send(&outbox, 2);
        assert_eq!([former, heir].map(|caller| caller.answer().0), [SENT; 2]);
        let shared = others.join().unwrap();
        assert!(outbox.close_after_sends(None));
        let mut written = writing.join().unwrap();
        let all = written.len();
        written.retain(|written| *written != Written::Share);
        assert_eq!(all - written.len(), usize::from(shared.is_ok()));
        assert!(written.contains(&Written::HandOver), "the heir begins with a message of its own");
        // A second one is queued only if the first is taken already.
        written.dedup();
        assert_eq!(written, [Written::Send(1), Written::HandOver, Written::Send(2), Written::Close]);
    });
}

#[test]
fn a_writer_that_waits_is_told_of_another_owner() {
    explore(3, || {
        let outbox = Arc::new(Outbox::new(Role::Client));
        let writing = {
            let outbox = outbox.clone();
            // The former owner's message in parts is to end, whatever the next one does.
            spawn(move || matches!(outbox.try_next(true).or_else(|| outbox.next(true)), Some(Work::HandOver)))
        };
        outbox.hand_over();
        assert!(writing.join().unwrap());
    });
}

#[test]
fn a_violation_answers_every_sender_and_closes_once() {
    explore(2, || {
        let outbox = Arc::new(Outbox::new(Role::Client));
        let writing = writer(&outbox);
        let reader = {
            let outbox = outbox.clone();
            // What comes back is answered.
            spawn(move || drop(outbox.fail(Violation::ReservedBits)))
        };
        let dispatcher = {
            let outbox = outbox.clone();
            spawn(move || {
                let callers = [send(&outbox, 1), send(&outbox, 2)];
                outbox.close_after_sends(None);
                callers
            })
        };
        reader.join().unwrap();
        let answers = dispatcher.join().unwrap().map(|caller| caller.answer().0);
        let written = writing.join().unwrap();
        assert_eq!(written.last(), Some(&Written::Close));
        let sent: Vec<_> = (1..).zip(answers).filter(|(_, answer)| *answer == SENT).collect();
        assert_eq!(sends(&written), sent.into_iter().map(|(number, _)| number).collect::<Vec<_>>());
        assert!(answers.iter().all(|answer| [SENT, CLOSED].contains(answer)), "{answers:?}");
    });
}

#[test]
fn the_end_is_the_end_whoever_else_closes() {
    explore(2, || {
        let outbox = Arc::new(Outbox::new(Role::Client));
        let writing = writer(&outbox);
        let closes = {
            let outbox = outbox.clone();
            spawn(move || {
                let caller = send(&outbox, 1);
                outbox.close_after_sends(None);
                caller
            })
        };
        outbox.end();
        assert!(outbox.try_next(false).is_none(), "nothing is sent any more");
        let answer = closes.join().unwrap().answer().0;
        assert!(outbox.next(false).is_none(), "and nothing is waited for");
        let sent = sends(&writing.join().unwrap());
        assert_eq!(sent.len(), usize::from(answer == SENT));
    });
}

#[test]
fn a_transport_that_failed_says_its_last_words_and_no_more() {
    explore(2, || {
        let outbox = Arc::new(Outbox::new(Role::Client));
        let writing = writer(&outbox);
        let closes = {
            let outbox = outbox.clone();
            spawn(move || {
                let caller = send(&outbox, 1);
                (caller, outbox.close_after_sends(None))
            })
        };
        let found_out = outbox.transport_failed();
        let (caller, _) = closes.join().unwrap();
        let written = writing.join().unwrap();
        outbox.end();
        assert!([SENT, CLOSED].contains(&caller.answer().0));
        // Or the Close frame was out before.
        let last = if written.contains(&Written::Flush) { Written::Flush } else { Written::Close };
        assert!(!found_out || written.last() == Some(&last), "{written:?}");
    });
}

/// A ping that was asked for is not taken to be out by the one before it, which may be written only then.
#[test]
fn a_ping_is_out_when_it_is_written() {
    explore(3, || {
        let outbox = Arc::new(Outbox::new(Role::Client));
        let (asked, out) = (Arc::new(AtomicU32::new(1)), Arc::new(AtomicU32::new(0)));
        outbox.ping();
        let timer = {
            let (outbox, asked, out) = (outbox.clone(), asked.clone(), out.clone());
            spawn(move || {
                asked.store(2, SeqCst);
                outbox.ping();
                assert!(outbox.pinged().is_none() || out.load(SeqCst) == 2);
                outbox.close_after_sends(None);
            })
        };
        while let Some(Work::Ping) = outbox.try_next(false).or_else(|| outbox.next(false)) {
            // The socket has it.
            out.store(asked.load(SeqCst), SeqCst);
            outbox.ping_written(Instant::now());
        }
        timer.join().unwrap();
        assert!(outbox.pinged().is_some() && out.load(SeqCst) == 2);
        outbox.ping();
        assert!(outbox.pinged().is_none(), "behind the Close frame there is none");
    });
}

#[test]
fn who_brings_what_must_not_be_lost_is_told_once_whatever_happens() {
    explore(2, || {
        let outbox = Arc::new(Outbox::new(Role::Server));
        let frame: Arc<[u8]> = vec![0].into();
        (0..QUEUED_BROADCASTS).for_each(|_| outbox.share(frame.clone()).unwrap());
        let told = Arc::new(AtomicU32::new(0));
        let brings = {
            let (outbox, told) = (outbox.clone(), told.clone());
            spawn(move || {
                [(); 2].map(|()| {
                    let told = told.clone();
                    outbox.share_or_tell(&frame, move || assert!(told.fetch_add(1, SeqCst) < 9))
                })
            })
        };
        let timer = {
            let outbox = outbox.clone();
            spawn(move || outbox.end())
        };
        // Room for one.
        let taken = usize::from(outbox.next(false).is_some());
        let shared = brings.join().unwrap();
        timer.join().unwrap();
        assert!(shared.iter().filter(|shared| shared.is_ok()).count() <= taken);
        // The second of two that found none has taken the place of the first, if that was not told yet.
        let full = shared.iter().filter(|shared| **shared == Err(ShareError::Full)).count();
        let told = told.load(SeqCst) as usize;
        assert!(told <= full && (full == 0) == (told == 0), "{shared:?}, told {told}");
        assert_eq!(outbox.share(vec![0].into()), Err(ShareError::Closed));
    });
}
