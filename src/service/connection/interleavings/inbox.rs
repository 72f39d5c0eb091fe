//! The dispatcher parks pages and takes them away, one reader waits for them.

use std::sync::Arc;

use shuttle::thread::{JoinHandle, spawn};
use xous_api_websocket::{Code, ReceiveWord, Status};

use super::super::inbox::Inbox;
use super::super::outcome::Outcome;
use crate::service::message::Caller;
use crate::sync::explore::explore;

/// A page that is answered with a chunk has the chunk's number in `valid`.
const CHUNK: usize = 0x1000;

/// Delivers chunks as long as there are pages for them; how many.
fn reader(inbox: &Arc<Inbox>, chunks: usize) -> JoinHandle<usize> {
    let inbox = inbox.clone();
    spawn(move || {
        let mut delivered = 0;
        while delivered < chunks
            && let Some(page) = inbox.try_take().or_else(|| inbox.take())
        {
            delivered += 1;
            page.answer(CHUNK, delivered);
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
    Some(caller.answer()).filter(|(word, _)| *word == CHUNK).map(|(_, number)| number)
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
fn an_evicted_owner_gets_nothing_that_comes_for_the_next() {
    explore(3, || {
        let inbox = Arc::new(Inbox::new());
        let reading = reader(&inbox, 2);
        let former = [park(&inbox), park(&inbox)];
        inbox.evict();
        let before =
            former.iter().filter(|caller| caller.answered().is_some_and(|(w, _)| w == CHUNK)).count();
        // What is not answered yet has been taken, and is filled.
        let closed = former.iter().filter(|caller| caller.answer().0 == Code::Closed as usize).count();
        let filled = former.iter().filter_map(chunk).count();
        assert!(before <= filled && filled + closed == 2);
        let mut heirs = Vec::new();
        for _ in filled..2 {
            heirs.push(park(&inbox));
        }
        assert_eq!(heirs.iter().filter_map(chunk).count(), 2 - filled);
        assert_eq!(reading.join().unwrap(), 2);
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
                if let Some(page) = inbox.take() {
                    inbox.put_back(page);
                }
            })
        };
        let ends = {
            let inbox = inbox.clone();
            spawn(move || inbox.end(&Outcome::new(1001, "")))
        };
        let second = park(&inbox);
        let closed = ReceiveWord { status: Status::Closed { code: 1001 }, send_failed: false }.to_word();
        assert_eq!([first.answer().0, second.answer().0], [closed; 2]);
        reader.join().unwrap();
        ends.join().unwrap();
    });
}
