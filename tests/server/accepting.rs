//! Connections on their way to the program that takes them.

use std::time::{Duration, Instant};

use xous_api_websocket::error::AcceptError;
use xous_api_websocket::{Code, Listener, Route};

use crate::by_hand::{Client, upgrade_request};
use crate::common::{nothing_is_left, nothing_is_open, stats_when, system};
use crate::serve::{SHORT, give_up_the_first, listen, listener, pair, pair_on, roomy};

#[test]
fn a_program_learns_who_comes_and_for_what() {
    system!().run(|| {
        let listener = Listener::listen(&listen()).unwrap();
        let route = listener.add_route(&Route::receiver("/ws").sub_protocol("b").sub_protocol("a")).unwrap();
        let own = format!("http://127.0.0.1:{}", listener.port());
        let lines = format!("Origin: {own}\r\nX-Name: value\r\nSec-WebSocket-Protocol: a, b\r\n");
        let request = upgrade_request("/ws?x=%20&y", &lines);
        let request = request.replace("Host: 127.0.0.1", &format!("Host: 127.0.0.1:{}", listener.port()));
        let mut client = Client::with(listener.port(), &request);
        let incoming = listener.accept().unwrap();
        assert_eq!(client.opened().field("Sec-WebSocket-Protocol"), Some("b"), "the server's preference");
        assert_eq!(incoming.route, route);
        assert_eq!(incoming.peer, client.address().to_string());
        assert_eq!((&*incoming.path, incoming.query.as_deref()), ("/ws", Some("x=%20&y")));
        assert_eq!(incoming.origin, Some(own));
        assert_eq!(incoming.websocket.sub_protocol(), Some("b"));
        assert_eq!(incoming.websocket.peer_head(), request.as_bytes());
        client.close();

        let (client, incoming) = pair(&listener);
        assert_eq!((incoming.query, incoming.origin), (None, None));
        assert_eq!(incoming.websocket.sub_protocol(), None);
        client.close();
    });
}

#[test]
fn a_sub_protocol_is_chosen_from_those_that_both_know() {
    system!().run(|| {
        let listener = Listener::listen(&listen()).unwrap();
        listener.add_route(&Route::receiver("/two").sub_protocol("new").sub_protocol("old")).unwrap();
        listener.add_route(&Route::receiver("/none")).unwrap();
        let cases = [
            ("/two", "new", Some("new")),
            ("/two", "old", Some("old")),
            ("/two", "other,  old ,new", Some("new")),
            ("/two", "other\r\nSec-WebSocket-Protocol: old", Some("old")),
            ("/two", "NEW", None),
            ("/two", "other", None),
            ("/none", "new", None),
        ];
        for (path, offered, chosen) in cases {
            let lines = format!("Sec-WebSocket-Protocol: {offered}\r\n");
            let mut client = Client::with(listener.port(), upgrade_request(path, &lines));
            let incoming = listener.accept().unwrap();
            assert_eq!(client.opened().field("Sec-WebSocket-Protocol"), chosen, "{offered}");
            assert_eq!(incoming.websocket.sub_protocol(), chosen);
            client.close();
        }
        for malformed in ["", ",", ", ,", "a b", "a;b", "\"a\""] {
            let lines = format!("Sec-WebSocket-Protocol: {malformed}\r\n");
            let mut client = Client::with(listener.port(), upgrade_request("/two", &lines));
            assert_eq!(client.answer().status, 400, "{malformed:?}");
        }
        nothing_is_left();
    });
}

#[test]
fn handlers_take_the_clients_of_their_routes() {
    system!().run(|| {
        let listener = Listener::listen(&listen()).unwrap();
        let one = listener.add_route(&Route::receiver("/one")).unwrap();
        let two = listener.add_route(&Route::receiver("/two")).unwrap();
        let mut second = Client::asks(listener.port(), "/two");
        let mut first = Client::asks(listener.port(), "/one");
        // The client of the other route waits, though it came earlier.
        let of_one = listener.accept_from(one).unwrap();
        assert_eq!((of_one.route, &*of_one.path), (one, "/one"));
        first.opened();
        let of_two = listener.accept_from(two).unwrap();
        assert_eq!((of_two.route, &*of_two.path), (two, "/two"));
        second.opened();
        // Which connection a message came from is known by who receives it.
        first.send_text("for one");
        second.send_text("for two");
        assert_eq!(of_two.websocket.receive_text(9).unwrap(), "for two");
        assert_eq!(of_one.websocket.receive_text(9).unwrap(), "for one");
        first.close();
        second.close();
    });
}

#[test]
fn a_connection_that_nobody_takes_is_refused() {
    system!().run(|| {
        let listener = listener(&listen().limits(roomy().accept_time(SHORT)));
        let start = Instant::now();
        let mut client = Client::asks(listener.port(), "/ws");
        assert_eq!(client.answer().status, 503);
        assert!(start.elapsed() >= SHORT, "{:?}", start.elapsed());
        client.ended();
        nothing_is_left();
        // Another route's handler does not take it either.
        let other = listener.add_route(&Route::receiver("/other")).unwrap();
        nothing_is_open();
        std::thread::scope(|scope| {
            let handler = scope.spawn(|| listener.accept_from(other).unwrap());
            stats_when(|stats| stats.open_messages == 2);
            assert_eq!(Client::asks(listener.port(), "/ws").answer().status, 503);
            Client::asks(listener.port(), "/other").opened();
            assert_eq!(handler.join().unwrap().path, "/other");
        });
    });
}

#[test]
fn clients_that_go_before_they_are_taken_take_nothing_with_them() {
    system!().run(|| {
        let listener = listener(&listen().limits(roomy().accept_time(SHORT)));
        // Fewer than there are places, so that the page has one if none of them has gone yet.
        for _ in 0..15 {
            drop(Client::asks(listener.port(), "/ws"));
        }
        // Comes behind all of them, so that they are all there, or gone.
        let page = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        assert_eq!(Client::with(listener.port(), page).answer().status, 200);
        stats_when(|stats| stats.workers_busy == 0);
        let (client, incoming) = pair(&listener);
        assert_eq!(incoming.peer, client.address().to_string());
        client.close();
    });
}

/// Cookies of other ports of a host come here as well.
#[test]
fn a_head_of_the_default_limit_is_taken_whole() {
    system!().run(|| {
        let listener = listener(&listen());
        let lines = |filler: usize| format!("Cookie: {}\r\n", "c".repeat(filler));
        let most = 8 * 1024 - upgrade_request("/ws", &lines(0)).len();
        let mut client = Client::with(listener.port(), upgrade_request("/ws", &lines(most)));
        let incoming = listener.accept().unwrap();
        client.opened();
        assert_eq!(incoming.websocket.peer_head().len(), 8 * 1024);
        drop((client, incoming));
        let query = 8 * 1024 - upgrade_request("/ws?", "").len();
        let mut client = Client::asks(listener.port(), &format!("/ws?{}", "q".repeat(query)));
        let incoming = listener.accept().unwrap();
        client.opened();
        assert_eq!(incoming.query.as_ref().map(String::len), Some(query));
        drop((client, incoming));
        let mut client = Client::with(listener.port(), upgrade_request("/ws", &lines(most + 1)));
        assert_eq!(client.answer().status, 431);
        nothing_is_left();
    });
}

#[test]
fn a_head_that_no_page_holds_is_too_large_and_disturbs_no_handler() {
    system!().run(|| {
        let listener = listener(&listen().limits(roomy().head_bytes(32 * 1024)));
        nothing_is_open();
        std::thread::scope(|scope| {
            let handler = scope.spawn(|| listener.accept().unwrap());
            stats_when(|stats| stats.open_messages == 2);
            let query = "x".repeat(20_000);
            let mut large = Client::asks(listener.port(), &format!("/ws?{query}"));
            assert_eq!(large.answer().status, 431);
            // Headers are cut instead.
            let lines = format!("X: {query}\r\n");
            let mut client = Client::with(listener.port(), upgrade_request("/ws?short", &lines));
            client.opened();
            let incoming = handler.join().unwrap();
            assert_eq!(incoming.query.as_deref(), Some("short"));
            assert!(incoming.websocket.peer_head().starts_with(b"GET /ws?short HTTP/1.1\r\n"));
            client.close();
        });
    });
}

#[test]
fn giving_a_listener_up_ends_every_wait_for_clients() {
    system!().run(|| {
        let listener = listener(&listen());
        nothing_is_open();
        std::thread::scope(|scope| {
            let handlers: Vec<_> = (0..3).map(|_| scope.spawn(|| listener.accept())).collect();
            stats_when(|stats| stats.open_messages == 4);
            listener.close();
            for handler in handlers {
                assert_eq!(handler.join().unwrap().err(), Some(AcceptError::Closed));
            }
        });
        assert_eq!(listener.accept().err(), Some(AcceptError::Closed));
        nothing_is_left();
    });
}

#[test]
fn more_waits_for_clients_than_a_listener_takes_are_refused() {
    system!().run(|| {
        let listener = listener(&listen().limits(roomy()));
        nothing_is_open();
        std::thread::scope(|scope| {
            let handlers: Vec<_> = (0..16).map(|_| scope.spawn(|| listener.accept())).collect();
            stats_when(|stats| stats.open_messages == 17);
            assert_eq!(listener.accept().err(), Some(AcceptError::Busy(Code::BusyReceives)));
            let mut clients: Vec<_> = (0..11).map(|_| Client::asks(listener.port(), "/ws")).collect();
            clients.iter_mut().for_each(|client| drop(client.opened()));
            assert_eq!(Client::asks(listener.port(), "/ws").answer().status, 503);
            // Each is one client's.
            clients.into_iter().for_each(Client::close);
            give_up_the_first();
            let taken = handlers.into_iter().filter_map(|handler| handler.join().unwrap().ok());
            let mut peers: Vec<_> = taken.map(|incoming| incoming.peer).collect();
            peers.sort();
            peers.dedup();
            assert_eq!(peers.len(), 11);
        });
        nothing_is_left();
    });
}

#[test]
fn the_time_of_a_handshake_is_the_clients_alone() {
    system!().run(|| {
        let limits = roomy().head_time(Duration::from_secs(60));
        let listener = listener(&listen().limits(limits));
        let request = upgrade_request("/ws", "");
        let mut late = Client::with(listener.port(), &request[..request.len() - 1]);
        let (client, _incoming) = pair_on(&listener, "/ws");
        client.close();
        late.send("\n");
        let (_late, _incoming) = (listener.accept().unwrap(), late.opened());
    });
}
