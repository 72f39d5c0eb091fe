//! The dispatcher parks pages and takes them away, one reader waits for them.

use std::sync::Arc;
use std::time::Duration;

use shuttle::thread::{JoinHandle, spawn};
use xous_api_websocket::wire::{ReceiveWord, Status};
use xous_api_websocket::{Code, Kind};

use super::super::begun::{Begun, LaidDown};
use super::super::inbox::{Inbox, Taken};
use super::super::outcome::Outcome;
use crate::service::message::Caller;
use crate::sync::explore::explore;
use crate::sync::{FOREVER, Instant};

/// A page that is answered with a chunk has the number of the owner for whom it was taken added to this, and the chunk's
/// in `valid`.
const CHUNK: usize = 0x1000;
/// What a page gets that goes back because of another owner.
const CLOSED: usize = Code::Closed as usize;

/// Delivers chunks to the owner of the moment as long as there are pages for them. Returns how many.
fn reader(inbox: &Arc<Inbox>, chunks: usize) -> JoinHandle<usize> {
    let inbox = inbox.clone();
    spawn(move || {
        let mut owner = inbox.owner();
        let mut delivered = 0;
        while delivered < chunks {
            match inbox.try_take(owner).map_or_else(|| inbox.take(owner), Taken::Page) {
                Taken::Page(page) => {
                    delivered += 1;
                    page.answer(CHUNK + owner as usize, delivered);
                }
                Taken::HandedOver => owner = inbox.owner(),
                Taken::Nothing => break,
            }
        }
        delivered
    })
}

fn park(inbox: &Inbox) -> Caller {
    let (caller, page) = Caller::lend_mut(0, 0);
    inbox.park(page);
    caller
}

/// The chunk that a page was answered with; `None` for another answer.
fn chunk(caller: &Caller) -> Option<usize> {
    chunk_of(caller, 0)
}

fn chunk_of(caller: &Caller, owner: usize) -> Option<usize> {
    Some(caller.answer()).filter(|(word, _)| *word == CHUNK + owner).map(|(_, number)| number)
}

#[test]
fn chunks_fill_the_pages_in_their_order() {
    explore(3, || {
        let inbox = Arc::new(Inbox::new());
        let reading = reader(&inbox, 3);
        let callers = [park(&inbox), park(&inbox), park(&inbox)];
        assert_eq!(callers.each_ref().map(chunk), [Some(1), Some(2), Some(3)]);
        assert_eq!(reading.join().unwrap(), 3);
    });
}

#[test]
fn the_end_answers_every_page() {
    for discards in [false, true] {
        explore(2, move || the_end(discards));
    }
}

fn the_end(discards: bool) {
    let inbox = Arc::new(Inbox::new());
    let reading = reader(&inbox, 9);
    let ends = {
        let inbox = inbox.clone();
        spawn(move || {
            if discards {
                inbox.discard();
            }
            inbox.end(&Outcome::new(1000, "bye"));
            inbox.end(&Outcome::new(1006, ""));
        })
    };
    let callers = [park(&inbox), park(&inbox)];
    let outcome = Outcome::new(1000, "bye");
    let delivered = callers.iter().filter(|caller| chunk(caller).is_some()).count();
    let told = callers.iter().filter(|caller| caller.answer() == (outcome.word(), 3)).count();
    ends.join().unwrap();
    assert_eq!((delivered, told), (reading.join().unwrap(), 2 - delivered));
}

#[test]
fn a_former_owner_gets_nothing_that_comes_for_the_next() {
    explore(3, || {
        let inbox = Arc::new(Inbox::new());
        let reading = reader(&inbox, 2);
        let former = [park(&inbox), park(&inbox)];
        inbox.hand_over(Vec::new());
        let before =
            former.iter().filter(|caller| caller.answered().is_some_and(|(w, _)| w == CHUNK)).count();
        // What is not answered yet has been taken, and is filled.
        let closed = former.iter().filter(|caller| caller.answer().0 == CLOSED).count();
        let filled = former.iter().filter_map(chunk).count();
        assert!(before <= filled && filled + closed == 2);
        let mut heirs = Vec::new();
        for _ in filled..2 {
            heirs.push(park(&inbox));
        }
        assert_eq!(heirs.iter().filter_map(|heir| chunk_of(heir, 1)).count(), 2 - filled);
        assert_eq!(reading.join().unwrap(), 2);
    });
}

#[test]
fn a_reader_that_waits_is_told_of_another_owner() {
    for lends in [false, true] {
        explore(3, move || another_owner(lends));
    }
}

/// The next owner `lends` a page before the reader has noticed, or none.
fn another_owner(lends: bool) {
    let inbox = Arc::new(Inbox::new());
    let waits = {
        let inbox = inbox.clone();
        spawn(move || matches!(inbox.take(0), Taken::HandedOver))
    };
    inbox.hand_over(Vec::new());
    let heir = lends.then(|| park(&inbox));
    assert!(waits.join().unwrap(), "what the next owner lends is not for the former one");
    inbox.end(&Outcome::new(1000, ""));
    assert!(heir.is_none_or(|heir| heir.answer().0 != CLOSED));
}

#[test]
fn a_page_that_is_begun_goes_back_at_once() {
    explore(3, || {
        let inbox = Arc::new(Inbox::new());
        let former = park(&inbox);
        let reading = {
            let inbox = inbox.clone();
            spawn(move || {
                let mut page = inbox.try_take(0)?;
                page.pages_mut()[..2].copy_from_slice(b"ab");
                // The wait for the socket is between these two.
                if let Some(mut begun) =
                    inbox.lay_down(Begun { page, len: 2, kind: Kind::Text, first: true }, 0)
                {
                    return Some((inbox.owner(), begun.empty()));
                }
                let is_handed_over = inbox.owner() != 0;
                match inbox.pick_up(0) {
                    LaidDown::Page(_) if is_handed_over => panic!("it did not go back during the wait"),
                    LaidDown::Page(page) => inbox.put_back(page, 0),
                    LaidDown::GoneOut => panic!("nobody wanted it"),
                    LaidDown::HandedOver { owner, carried } => return Some((owner, carried)),
                }
                None
            })
        };
        inbox.hand_over(Vec::new());
        let heir = park(&inbox);
        assert_eq!(former.answer(), (CLOSED, 0), "nothing has come");
        let found = reading.join().unwrap();
        assert!(found.is_none_or(|found| found == (1, Some(b"ab".to_vec()))), "not lost, and not twice");
        assert!(heir.answered().is_none() && inbox.waits());
        inbox.end(&Outcome::new(1000, ""));
        assert_ne!(heir.answer().0, CLOSED);
    });
}

#[test]
fn who_waits_for_the_owner_is_told() {
    for number in 0..4 {
        explore(3, move || the_owner_is_awaited(number));
    }
}

/// Until it lends a page, the connection is handed over or ends, or the limit is over.
fn the_owner_is_awaited(number: usize) {
    let inbox = Arc::new(Inbox::new());
    let limit = if number == 3 { Duration::from_millis(1) } else { FOREVER };
    let waits = {
        let inbox = inbox.clone();
        spawn(move || inbox.await_owner(0, 0, 1, limit))
    };
    let page = match number {
        0 => Some(park(&inbox)),
        1 => {
            inbox.hand_over(Vec::new());
            None
        }
        2 => {
            inbox.discard();
            None
        }
        _ => None,
    };
    waits.join().unwrap();
    inbox.end(&Outcome::new(1000, ""));
    assert!(page.is_none_or(|page| page.answer().0 != CLOSED), "it was not taken");
}

#[test]
fn a_page_whose_time_is_over_goes_back_with_what_it_holds() {
    explore(3, || {
        let inbox = Arc::new(Inbox::new());
        let (former, mut page) = Caller::lend_mut(0, 0);
        page.wanted_after(Duration::ZERO);
        inbox.park(page);
        let reading = {
            let inbox = inbox.clone();
            spawn(move || {
                let mut page = inbox.try_take(0)?;
                page.pages_mut()[..2].copy_from_slice(b"ab");
                let begun = Begun { page, len: 2, kind: Kind::Text, first: true };
                assert!(inbox.lay_down(begun, 0).is_none());
                match inbox.pick_up(0) {
                    LaidDown::Page(page) => page.answer(CHUNK, 2),
                    LaidDown::GoneOut => (),
                    LaidDown::HandedOver { .. } => panic!("it was not"),
                }
                Some(())
            })
        };
        inbox.give_back(Instant::now());
        let found = reading.join().unwrap();
        let chunk = Status::Chunk { kind: Kind::Text, first: true, last: false };
        let nothing = Status::Refused(Code::NothingCame as u8);
        let word = |status| ReceiveWord::new(status).to_word();
        match found {
            Some(()) => assert!([(CHUNK, 2), (word(chunk), 2)].contains(&former.answer())),
            None => assert_eq!(former.answer(), (word(nothing), 0)),
        }
    });
}

#[test]
fn a_page_that_was_not_needed_is_told_of_the_end() {
    explore(3, || {
        let inbox = Arc::new(Inbox::new());
        let first = park(&inbox);
        let reader = {
            let inbox = inbox.clone();
            spawn(move || {
                if let Taken::Page(page) = inbox.take(0) {
                    inbox.put_back(page, 0);
                }
            })
        };
        let ends = {
            let inbox = inbox.clone();
            spawn(move || inbox.end(&Outcome::new(1001, "")))
        };
        let second = park(&inbox);
        let closed = ReceiveWord::new(Status::Closed { code: 1001 }).to_word();
        assert_eq!([first.answer().0, second.answer().0], [closed; 2]);
        reader.join().unwrap();
        ends.join().unwrap();
    });
}
