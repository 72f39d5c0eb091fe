//! Models of a listener's pages and the clients that wait for them, run with every schedule of so many preemptions.

use std::sync::Arc;
use std::time::Duration;

use shuttle::thread::{JoinHandle, spawn};
use xous_api_websocket::Code;

use super::accept_queue::AcceptQueue;
use crate::service::message::Caller;
use crate::sync::Instant;
use crate::sync::explore::explore;

const LIMIT: Duration = Duration::from_secs(10);
const CLOSED: usize = Code::Closed as usize;
/// What a page of a client of `route` is answered with.
const ACCEPTED: usize = 0x1000;

/// A client of a route that waits for a page; how long it has waited for none.
fn client(queue: &Arc<AcceptQueue>, route: u16) -> JoinHandle<Result<(), Duration>> {
    let queue = queue.clone();
    spawn(move || {
        let start = Instant::now();
        match queue.take(route, LIMIT) {
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
        let (first, second) = (client(&queue, 1), client(&queue, 2));
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
fn a_page_that_is_put_back_is_for_the_next_client() {
    explore(2, || {
        let queue = Arc::new(AcceptQueue::new());
        let page = park(&queue, 0);
        let gone = {
            let queue = queue.clone();
            spawn(move || {
                if let Some((route, page)) = queue.take(1, LIMIT) {
                    queue.put_back(route, page);
                }
            })
        };
        let stays = client(&queue, 1).join().unwrap();
        gone.join().unwrap();
        queue.close();
        assert_eq!(page.answer().0, if stays.is_ok() { ACCEPTED + 1 } else { CLOSED });
    });
}

#[test]
fn nobody_waits_for_a_listener_that_is_given_up() {
    explore(2, || {
        let queue = Arc::new(AcceptQueue::new());
        let waits = client(&queue, 1);
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
