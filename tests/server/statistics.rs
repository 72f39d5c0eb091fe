//! What has passed on a port, who is there, and how one of them is closed.

use std::time::{Duration, Instant};

use hosted::{hear, tell};
use xous_api_websocket::error::{Closed, ControlError, ReceiveError};
use xous_api_websocket::serve::Decision;
use xous_api_websocket::state::{PortStatistics, Stats, Traffic};
use xous_api_websocket::wire::{Accepted, Handle};
use xous_api_websocket::{Code, Kind, Listen, Listener, Request, Route, Upload, Websocket};

use crate::by_hand::{Client, upgrade_request};
use crate::common::{PATIENCE, nothing_is_left, system};
use crate::serve::{listen, listener, pair, pair_on, roomy};

/// The statistics when they are as wanted, which must be soon.
fn when(listener: &Listener, wanted: impl Fn(&PortStatistics) -> bool) -> PortStatistics {
    let start = Instant::now();
    loop {
        let statistics = listener.statistics().unwrap();
        if wanted(&statistics) {
            return statistics;
        }
        assert!(start.elapsed() < PATIENCE, "{statistics:?}");
    }
}

#[test]
fn a_port_counts_what_passes_by_its_routes() {
    system!().run(|| {
        let listener = listener(&listen());
        let begin = listener.statistics().unwrap();
        assert_eq!((begin.port, begin.clients, begin.accepted), (listener.port(), 0, 0));
        assert_eq!((begin.last_end, begin.refusals.len()), (None, 0));
        let (mut first, one) = pair(&listener);
        let (mut second, two) = pair(&listener);
        first.send_text("hello");
        assert_eq!(one.websocket.receive_text(5).unwrap(), "hello");
        two.websocket.send_text("four").unwrap();
        assert_eq!(second.text(), "four");
        listener.join(&one.websocket, "all").unwrap();
        listener.join(&two.websocket, "all").unwrap();
        assert_eq!(listener.broadcast("all", Kind::Text, b"both").unwrap(), 2);
        assert_eq!((first.text(), second.text()), ("both".into(), "both".into()));
        let clients = listener.clients().unwrap();
        let peers: Vec<_> = clients.iter().map(|client| (&*client.peer, &*client.path)).collect();
        let [a, b] = [first.address().to_string(), second.address().to_string()];
        assert_eq!(peers, [(&*a, "/ws"), (&*b, "/ws")]);
        assert!(clients.iter().all(|client| client.is_server && client.open_for < PATIENCE));
        assert_eq!((clients[0].sent, clients[0].received), (Traffic::new(1, 4), Traffic::new(1, 5)));
        let open = listener.statistics().unwrap();
        assert_eq!((open.clients, open.connections, open.accepted), (2, 2, 2));
        assert_eq!((open.sent, open.received), (Traffic::new(3, 12), Traffic::new(1, 5)));
        // What has passed stays counted, once, when they are gone.
        first.close();
        second.close();
        let end = when(&listener, |statistics| statistics.clients == 0 && statistics.connections == 0);
        assert_eq!((end.sent, end.received, end.accepted), (open.sent, open.received, 2));
        assert!(end.last_end.is_some());
        assert_eq!(listener.clients(), Ok(Vec::new()));
        drop((one, two));
        nothing_is_left();
    });
}

#[test]
fn refusals_are_counted_by_reason() {
    system!().run(|| {
        let listener = listener(&listen().limits(roomy()));
        listener.add_route(&Route::receiver("/decides").decides()).unwrap();
        let port = listener.port();
        for path in ["/nothing", "/nothing", "/other"] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
            assert_eq!(Client::with(port, request).answer().status, 404);
        }
        assert_eq!(
            Client::with(port, upgrade_request("/ws", "Origin: https://evil.example\r\n")).answer().status,
            403
        );
        let decide = |client: &Accepted<'_>| match client.undecided {
            true => Decision::refuse(409, "not you"),
            false => Decision::accept(),
        };
        std::thread::scope(|scope| {
            let accepting = scope.spawn(|| listener.accept_if(0, decide).unwrap());
            assert_eq!(Client::asks(port, "/decides").answer().status, 409);
            let mut wanted = Client::asks(port, "/ws");
            let _accepted = accepting.join().unwrap();
            wanted.opened();
        });
        let refusals = listener.statistics().unwrap().refusals;
        let counts: Vec<_> = refusals.iter().map(|one| (one.status, one.count)).collect();
        assert_eq!(counts, [(404, 3), (403, 1), (400, 1)]);
        assert_eq!(refusals[0].reason, "Nothing is at this path.");
    });
}

#[test]
fn a_client_is_closed_whoever_has_it() {
    system!()
        .role("port", || {
            let listener = listener(&listen());
            listener.add_route(&Route::upload("/upload", Upload::new("files"))).unwrap();
            tell("heir", &xous::current_pid().unwrap().get().to_string());
            let heir = hear().parse().unwrap();
            let (own, incoming) = pair(&listener);
            let (granted, handed) = pair(&listener);
            let mut upload = Client::asks(listener.port(), "/upload");
            upload.opened();
            let raw = handed.websocket.handle().to_raw();
            handed.websocket.grant(heir).unwrap();
            tell("heir", &raw.to_string());
            assert_eq!(hear(), "taken");
            let clients = listener.clients().unwrap();
            assert_eq!(
                clients.iter().map(|client| &*client.path).collect::<Vec<_>>(),
                ["/ws", "/ws", "/upload"]
            );
            for client in &clients {
                assert_eq!(
                    listener.close_client(client.connection, 999),
                    Err(ControlError::Refused(Code::Malformed))
                );
                listener.close_client(client.connection, 4001).unwrap();
                assert_eq!(listener.close_client(client.connection, 4001), Err(ControlError::Closed));
            }
            for client in [own, granted, upload] {
                assert_eq!(client.closed(), (4001, "closed by the port".into()));
            }
            let ReceiveError::Closed(end) = incoming.websocket.receive_text(1).unwrap_err() else { panic!() };
            assert_eq!(end, Closed::new(4001, "closed by the port"));
            assert_eq!(hear(), "closed");
            assert_eq!(listener.close_client(Handle::new(9, 9), 1000), Err(ControlError::Closed));
            nothing_is_left();
        })
        .role("heir", || {
            let own = xous::current_pid().unwrap().get().to_string();
            hear();
            tell("port", &own);
            let handle = Handle::from_raw(hear().parse().unwrap()).unwrap();
            let ws = Websocket::from_granted(handle).unwrap();
            assert!(ws.statistics().unwrap().is_server);
            tell("port", "taken");
            let ReceiveError::Closed(end) = ws.receive_text(1).unwrap_err() else { panic!() };
            assert_eq!(end, Closed::new(4001, "closed by the port"));
            tell("port", "closed");
        })
        .run_roles();
}

#[test]
fn the_service_says_what_it_has_and_why_it_refuses() {
    system!().run(|| {
        let before = Stats::now().unwrap();
        // The server's, the timer's, the one for refused clients.
        assert_eq!((before.threads, before.workers, before.no_worker), (3, 0, 0));
        assert!(before.heap > 100_000, "{before:?}");
        let listener = listener(&listen().limits(roomy()));
        let pairs: Vec<_> = (0..3).map(|_| pair(&listener)).collect();
        let now = Stats::now().unwrap();
        assert_eq!(now.threads, 4 + now.workers);
        let nobody = Request::new("127.0.0.1", listener.port()).path("/ws");
        let openings: Vec<_> = (0..20).map(|_| Websocket::opening(&nobody)).collect();
        let refused = openings.iter().filter(|opening| opening.is_err()).count();
        let now = Stats::now().unwrap();
        assert!(refused > 0 && now.no_worker as usize >= refused && now.busy >= now.no_worker, "{now:?}");
        assert_eq!((now.busy_messages, now.busy_service, now.busy_queue), (0, 0, 0));
        drop((openings, pairs));
    });
}

/// Two programs on one port: each sees its own clients.
#[test]
fn who_joins_a_port_sees_nothing_of_the_others_clients() {
    system!()
        .role("opener", || {
            let listener = Listener::listen(&listen()).unwrap();
            listener.add_route(&Route::receiver("/opener")).unwrap();
            let (mut client, incoming) = pair_on(&listener, "/opener");
            client.send_text("mine");
            assert_eq!(incoming.websocket.receive_text(9).unwrap(), "mine");
            tell("guest", &listener.port().to_string());
            tell("guest", &incoming.websocket.handle().to_raw().to_string());
            assert_eq!(hear(), "here");
            let statistics = listener.statistics().unwrap();
            assert_eq!((statistics.clients, statistics.connections), (1, 2));
            assert_eq!(listener.clients().unwrap()[0].path, "/opener");
            tell("guest", "seen");
            assert_eq!(hear(), "done");
            client.send_text("still open");
            assert_eq!(incoming.websocket.receive_text(10).unwrap(), "still open");
        })
        .role("guest", || {
            let port = hear().parse().unwrap();
            let other = Handle::from_raw(hear().parse().unwrap()).unwrap();
            let listener = Listener::listen(&Listen::new("127.0.0.1", port)).unwrap();
            listener.add_route(&Route::receiver("/guest")).unwrap();
            assert_eq!(listener.clients(), Ok(Vec::new()));
            assert_eq!(listener.close_client(other, 1000), Err(ControlError::Closed));
            let (_client, _incoming) = pair_on(&listener, "/guest");
            let statistics = listener.statistics().unwrap();
            assert_eq!((statistics.clients, statistics.accepted), (1, 1));
            assert_eq!((statistics.sent, statistics.received), (Traffic::default(), Traffic::default()));
            assert!(statistics.open_for < Duration::from_secs(60));
            tell("opener", "here");
            assert_eq!(hear(), "seen");
            tell("opener", "done");
        })
        .run_roles();
}
