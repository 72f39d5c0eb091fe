//! Limits of a port: who meets one is told which, at once, and nobody else notices.

use std::time::{Duration, Instant};

use hosted::peer::Peer;
use hosted::{hear, tell};
use xous_api_websocket::state::PortState;
use xous_api_websocket::{Listen, Listener};

use crate::by_hand::Client;
use crate::common::{nothing_is_left, open, stats_when, system};
use crate::serve::{PAGE, listen, listener, pair, roomy};

/// Of the service; two workers each.
const CONNECTIONS: usize = 12;
const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

#[test]
fn connections_of_a_listener_are_counted() {
    system!().run(|| {
        let listener = listener(&listen().limits(roomy().connections(3)));
        let (socket, _incoming) = pair(&listener);
        let one = pair(&listener);
        let two = pair(&listener);
        let state = listener.state().unwrap();
        assert_eq!((state.port, state.connections), (PortState::Listening, 3));
        let mut refused = Client::with(listener.port(), GET);
        let answer = refused.answer();
        assert_eq!((answer.status, answer.field("Retry-After")), (503, Some("1")));
        refused.ended();
        drop(one);
        stats_when(|_| listener.state().unwrap().connections == 2);
        assert_eq!(Client::with(listener.port(), GET).answer().status, 200);
        drop(two);
        socket.close();
        nothing_is_left();
        assert_eq!(listener.state().unwrap().connections, 0);
    });
}

#[test]
fn one_address_takes_no_more_than_its_share() {
    system!().run(|| {
        let everywhere = Listen::new("::", 0).limits(roomy().per_peer(2));
        let listener = listener(&everywhere);
        let (socket, incoming) = pair(&listener);
        assert!(incoming.peer.starts_with("[::ffff:127.0.0.1]:"), "{}", incoming.peer);
        let mut page = Client::with(listener.port(), GET);
        assert_eq!(page.answer().status, 200);
        let mut refused = Client::with(listener.port(), GET);
        assert_eq!(refused.answer().status, 429);
        refused.ended();
        let mut other = Client::from_v6(listener.port());
        other.send(GET);
        assert_eq!(other.answer().status, 200, "another address has a share of its own");
        drop(page);
        stats_when(|_| listener.state().unwrap().connections == 2);
        assert_eq!(Client::with(listener.port(), GET).answer().status, 200);
        socket.close();
    });
}

/// All workers are those of WebSockets, the last two of another process: a connection is kept for that.
#[test]
fn a_thousand_clients_are_refused_at_once_while_all_workers_are_busy() {
    system!()
        .role("other", || {
            let peer = Peer::echo().unwrap();
            assert_eq!(hear(), "the last is left");
            let ws = open(&peer);
            tell("crowded", "open");
            assert_eq!(hear(), "refused");
            ws.close(1000, "").unwrap();
            tell("crowded", "closed");
        })
        .role("crowded", || {
            let listener = listener(&listen().limits(roomy()));
            let holders: Vec<_> = (0..CONNECTIONS - 1).map(|_| pair(&listener)).collect();
            tell("other", "the last is left");
            assert_eq!(hear(), "open");
            refuses_a_thousand(&listener);
            tell("other", "refused");
            assert_eq!(hear(), "closed");
            drop(holders);
            stats_when(|stats| stats.workers_busy == 0);
            assert_eq!(Client::with(listener.port(), GET).answer().body, PAGE.as_bytes());
            nothing_is_left();
        })
        .run_roles();
}

fn refuses_a_thousand(listener: &Listener) {
    let start = Instant::now();
    let mut longest = Duration::ZERO;
    for _ in 0..500 {
        let start = Instant::now();
        assert_eq!(Client::with(listener.port(), GET).answer().status, 503);
        longest = longest.max(start.elapsed());
    }
    let one_by_one = start.elapsed();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                let mut clients: Vec<_> = (0..50).map(|_| Client::with(listener.port(), GET)).collect();
                clients.iter_mut().for_each(|client| assert_eq!(client.answer().status, 503));
            });
        }
    });
    println!(
        "500 one by one {one_by_one:?}, the longest {longest:?}; 500 of ten threads {:?}",
        start.elapsed()
    );
    assert!(longest < Duration::from_secs(1), "{longest:?}");
}

/// A connection takes two workers; with one left a page still goes out, and an upgrade is refused.
#[test]
fn the_last_worker_serves_pages() {
    system!().run(|| {
        let listener = listener(&listen().limits(roomy()));
        let mut pairs: Vec<_> = (0..11).map(|_| pair(&listener)).collect();
        let holder = Client::with(listener.port(), "GET");
        stats_when(|stats| stats.workers_busy == 23);
        assert_eq!(Client::with(listener.port(), GET).answer().body, PAGE.as_bytes());
        assert_eq!(Client::asks(listener.port(), "/ws").answer().status, 503);
        drop(holder);
        stats_when(|stats| stats.workers_busy == 22);
        // The last connection is for another program.
        assert_eq!(Client::asks(listener.port(), "/ws").answer().status, 503);
        pairs.pop().unwrap().0.close();
        stats_when(|stats| stats.workers_busy == 20);
        let (client, _incoming) = pair(&listener);
        client.close();
    });
}
