//! Models of a listener's pages and the clients that wait for them, run with every schedule of so many preemptions.

use std::sync::Arc;
use std::time::Duration;

use shuttle::thread::{JoinHandle, spawn};
use xous_api_websocket::Code;

use super::admission::accept_queue::AcceptQueue;
use super::files::turn::Turn;
use crate::service::message::Caller;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use crate::sync::explore::explore;
use crate::sync::{FOREVER, Instant};

const LIMIT: Duration = Duration::from_secs(10);
const CLOSED: usize = Code::Closed as usize;
/// What a page of a client of `route` is answered with.
const ACCEPTED: usize = 0x1000;

/// A client of a route that waits for a page; how long it has waited for none.
fn client(queue: &Arc<AcceptQueue>, route: u16, limit: Duration) -> JoinHandle<Result<(), Duration>> {
    let queue = queue.clone();
    spawn(move || {
        let start = Instant::now();
        match queue.take(route, limit, || true) {
            Some((_, page)) => {
                page.answer(ACCEPTED + usize::from(route), 0);
                Ok(())
            }
            None => Err(start.elapsed()),
        }
    })
}

fn park(queue: &AcceptQueue, route: usize) -> Caller {
    let (caller, page) = Caller::lend_mut(0, 0);
    queue.park(route, page);
    caller
}

#[test]
fn a_page_goes_to_a_client_of_its_route() {
    explore(2, || {
        let queue = Arc::new(AcceptQueue::new());
        let (first, second) = (client(&queue, 1, LIMIT), client(&queue, 2, LIMIT));
        let pages = [park(&queue, 2), park(&queue, 0)];
        let clients = [first.join().unwrap(), second.join().unwrap()];
        assert!(clients.iter().all(|client| client.is_ok() || *client >= Err(LIMIT)), "{clients:?}");
        queue.close();
        let answers = pages.map(|page| page.answer().0);
        assert_ne!(answers[0], ACCEPTED + 1, "it was for the other route");
        let accepted = [1, 2].map(|route| answers.contains(&(ACCEPTED + route)));
        assert_eq!(accepted, clients.map(|client| client.is_ok()));
    });
}

#[test]
fn every_client_for_whom_there_is_a_page_is_told_of_it() {
    explore(2, || {
        let queue = Arc::new(AcceptQueue::new());
        let clients = [client(&queue, 1, FOREVER), client(&queue, 2, FOREVER)];
        let pages = [park(&queue, 2), park(&queue, 1)];
        assert_eq!(clients.map(|client| client.join().unwrap()), [Ok(()); 2]);
        assert_eq!(pages.map(|page| page.answer().0), [ACCEPTED + 2, ACCEPTED + 1]);
    });
}

#[test]
fn a_page_that_is_put_back_is_for_the_next_client() {
    explore(2, || {
        let queue = Arc::new(AcceptQueue::new());
        let page = park(&queue, 0);
        let gone = {
            let queue = queue.clone();
            spawn(move || {
                if let Some((route, page)) = queue.take(1, LIMIT, || true) {
                    queue.put_back(route, page);
                }
            })
        };
        assert_eq!(client(&queue, 1, FOREVER).join().unwrap(), Ok(()));
        gone.join().unwrap();
        assert_eq!(page.answer().0, ACCEPTED + 1);
    });
}

#[test]
fn nobody_waits_for_a_listener_that_is_given_up() {
    explore(2, || {
        let queue = Arc::new(AcceptQueue::new());
        let waits = client(&queue, 1, FOREVER);
        let closes = {
            let queue = queue.clone();
            spawn(move || queue.close())
        };
        let page = park(&queue, 1);
        let accepted = waits.join().unwrap();
        closes.join().unwrap();
        assert_eq!(page.answer().0, if accepted.is_ok() { ACCEPTED + 1 } else { CLOSED });
    });
}

#[test]
fn a_client_that_is_to_go_is_told() {
    explore(3, || {
        let queue = Arc::new(AcceptQueue::new());
        let stays = Arc::new(AtomicBool::new(true));
        let waits = {
            let (queue, stays) = (queue.clone(), stays.clone());
            spawn(move || queue.take(1, FOREVER, || stays.load(SeqCst)).is_some())
        };
        stays.store(false, SeqCst);
        queue.look_again();
        // Others count on its place.
        let page = park(&queue, 1);
        assert!(!waits.join().unwrap());
        queue.close();
        assert_eq!(page.answer().0, CLOSED);
    });
}

#[test]
fn everybody_has_a_turn_and_nobody_at_the_same_time() {
    explore(2, || {
        let (turn, is_taken) = (Arc::new(Turn::<()>::new()), Arc::new(AtomicBool::new(false)));
        let takes = |limit| {
            let (turn, is_taken) = (turn.clone(), is_taken.clone());
            move || {
                let place = turn.take(limit)?;
                assert!(!is_taken.swap(true, SeqCst), "two at a time");
                is_taken.store(false, SeqCst);
                drop(place);
                Some(())
            }
        };
        let others = [FOREVER, LIMIT].map(|limit| spawn(takes(limit)));
        assert!(takes(FOREVER)().is_some());
        let [patient, _] = others.map(|other| other.join().unwrap());
        assert!(patient.is_some());
        // Who has waited too long keeps it from nobody.
        assert!(takes(FOREVER)().is_some());
    });
}

/// What a thread with a turn has, which another one may not have besides.
struct Only(Arc<AtomicUsize>);

impl Only {
    fn new(all: &Arc<AtomicUsize>) -> Self {
        assert_eq!(all.fetch_add(1, SeqCst), 0, "two at a time");
        Only(all.clone())
    }
}

impl Drop for Only {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[test]
fn who_leaves_a_turn_holds_up_nobody_and_there_is_one_thing_that_is_kept() {
    explore(2, || {
        let (turn, all) = (Arc::new(Turn::new()), Arc::new(AtomicUsize::new(0)));
        let takes_twice = || {
            let (turn, all) = (turn.clone(), all.clone());
            move || {
                let left = {
                    let place = turn.take(FOREVER).unwrap();
                    place.leave(Only::new(&all))
                };
                let (_place, kept) = left.again(FOREVER).unwrap();
                kept.unwrap_or_else(|| Only::new(&all));
            }
        };
        let others = [(); 2].map(|()| spawn(takes_twice()));
        // It waits for something else, and never comes back.
        let left = turn.take(FOREVER).unwrap().leave(Only::new(&all));
        for other in others {
            other.join().unwrap();
        }
        drop(left);
        assert_eq!(all.load(SeqCst), 0);
    });
}
