//! Paths and who answers on them.

use xous_api_websocket::error::ControlError;
use xous_api_websocket::{Code, Listen, Listener, Route};

use crate::by_hand::Client;
use crate::common::{nothing_is_left, system};
use crate::serve::{listen, listener, pair, pair_on};

/// The status that a plain GET of this path gets.
fn status(port: u16, path: &str) -> u16 {
    let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    Client::with(port, request).answer().status
}

fn body(port: u16, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    String::from_utf8(Client::with(port, request).answer().body).unwrap()
}

fn text(path: &'static str, body: &'static str) -> Route<'static> {
    Route::page(path, "text/plain", body.as_bytes())
}

#[test]
fn routes_come_and_go_while_listening() {
    system!().run(|| {
        let listener = Listener::listen(&listen()).unwrap();
        assert_eq!(status(listener.port(), "/"), 404);
        let page = listener.add_route(&text("/", "one")).unwrap();
        assert_eq!(body(listener.port(), "/"), "one");
        let socket = listener.add_route(&Route::receiver("/ws")).unwrap();
        let (mut client, incoming) = pair(&listener);
        assert_eq!(incoming.route, socket);
        listener.remove_route(socket).unwrap();
        listener.remove_route(page).unwrap();
        assert_eq!(listener.remove_route(page), Err(ControlError::Refused(Code::NoRoute)));
        assert_eq!((status(listener.port(), "/"), status(listener.port(), "/ws")), (404, 404));
        assert_eq!(Client::asks(listener.port(), "/ws").answer().status, 404);
        // What the route has brought stays.
        client.send_text("still here");
        assert_eq!(incoming.websocket.receive_text(99).unwrap(), "still here");
        let again = listener.add_route(&text("/", "two")).unwrap();
        assert_ne!(again, page, "the number of a route that is gone means nothing for now");
        assert_eq!(body(listener.port(), "/"), "two");
        client.close();
        drop(incoming);
        nothing_is_left();
    });
}

/// RFC 3986 section 6.2.2.
#[test]
fn a_path_is_the_same_however_it_is_spelled() {
    system!().run(|| {
        let listener = Listener::listen(&listen()).unwrap();
        listener.add_route(&text("/page.txt", "one")).unwrap();
        let echo = listener.add_route(&Route::receiver("/echo")).unwrap();
        assert_eq!(body(listener.port(), "/%70age%2etxt?x"), "one");
        assert_eq!(body(listener.port(), &format!("http://127.0.0.1:{}/page.txt", listener.port())), "one");
        let mut client = Client::asks(listener.port(), "/%65cho");
        let incoming = listener.accept().unwrap();
        client.opened();
        assert_eq!((incoming.route, &*incoming.path), (echo, "/%65cho"));
        for path in ["/%2fecho", "/page%2ftxt", "%2Fecho"] {
            assert_ne!(status(listener.port(), path), 200, "{path}");
        }
        drop((client, incoming));
        nothing_is_left();
    });
}

#[test]
fn an_exact_path_goes_before_the_longest_prefix() {
    system!().run(|| {
        let listener = Listener::listen(&listen()).unwrap();
        listener.add_route(&text("/", "all").prefix()).unwrap();
        listener.add_route(&text("/a/", "below a").prefix()).unwrap();
        listener.add_route(&text("/a/b", "b")).unwrap();
        let any = listener.add_route(&Route::receiver("/rooms/").prefix()).unwrap();
        for (path, wanted) in [("/", "all"), ("/x?y", "all"), ("/a", "all"), ("/a/", "below a")] {
            assert_eq!(body(listener.port(), path), wanted, "{path}");
        }
        assert_eq!(
            (body(listener.port(), "/a/c"), body(listener.port(), "/a/b")),
            ("below a".into(), "b".into())
        );
        let (client, incoming) = pair_on(&listener, "/rooms/blue?size=5");
        assert_eq!((incoming.route, &*incoming.path), (any, "/rooms/blue"));
        assert_eq!(incoming.query.as_deref(), Some("size=5"));
        client.close();
    });
}

#[test]
fn paths_that_are_none_or_taken_are_refused() {
    const BAD: ControlError = ControlError::Refused(Code::BadRequest);
    system!().run(|| {
        let listener = listener(&listen());
        for path in ["", "ws", "/a/../b", "/..", "/a/%2e%2e", "/a b", "/a?b", "/a#b", "/é", "/a\r\nb", "*"] {
            assert_eq!(listener.add_route(&Route::receiver(path)), Err(BAD), "{path:?}");
            assert_eq!(listener.add_route(&Route::receiver(path).prefix()), Err(BAD), "{path:?}");
        }
        let long = format!("/{}", "x".repeat(10_000));
        assert_eq!(listener.add_route(&Route::receiver(&long)), Err(BAD));
        let exists = Err(ControlError::Refused(Code::RouteExists));
        assert_eq!(listener.add_route(&Route::receiver("/ws")), exists);
        assert_eq!(listener.add_route(&text("/ws", "")), exists);
        for name in ["", "a b", "a,b", "a\r\nX: y", "é"] {
            assert_eq!(listener.add_route(&Route::receiver("/p").sub_protocol(name)), Err(BAD), "{name:?}");
            let evil = Route::page("/p", "text/plain\r\nX: y", b"");
            assert_eq!(listener.add_route(&evil), Err(BAD));
        }
        let mut paths: Vec<String> = (0..30).map(|at| format!("/{at}")).collect();
        for path in &paths {
            listener.add_route(&Route::receiver(path)).unwrap();
        }
        paths.push("/one-too-many".into());
        let full = listener.add_route(&Route::receiver(&paths[30]));
        assert_eq!(full, Err(ControlError::Refused(Code::NoRoute)));
    });
}

/// What a route keeps counts, whatever it is: a port's routes cannot fill the service's memory.
#[test]
fn routes_keep_no_more_than_a_port_may() {
    const LONG: ControlError = ControlError::Refused(Code::TooLong);
    system!().run(|| {
        let listener = Listener::listen(&listen()).unwrap();
        let names: Vec<_> = (0..32).map(|at| format!("{at:02}{}", "x".repeat(253))).collect();
        let type_of = |len: usize| format!("text/{}", "x".repeat(len - 5));
        assert_eq!(listener.add_route(&Route::page("/p", &type_of(256), b"")), Err(LONG));
        assert_eq!(
            listener.add_route(&Route::receiver("/n").sub_protocol(&format!("{}x", names[0]))),
            Err(LONG)
        );
        let body = vec![b'x'; Route::MAX_BODY];
        for path in ["/1", "/2", "/3", "/4"] {
            listener.add_route(&Route::page(path, &type_of(255), &body)).unwrap();
        }
        let path = |at: usize| format!("/{at:0>254}");
        let mut added = 0;
        loop {
            let path = path(added);
            let mut route = Route::receiver(&path);
            for name in &names {
                route = route.sub_protocol(name);
            }
            match listener.add_route(&route) {
                Ok(_) => added += 1,
                Err(error) => break assert_eq!(error, ControlError::Refused(Code::NoRoute)),
            }
        }
        assert!((1..8).contains(&added), "{added}");
        // There is another one for the same bytes.
        listener.add_route(&text("/short", "")).unwrap();
        nothing_is_left();
    });
}

/// A path belongs to the program that added it.
#[test]
fn two_programs_share_a_port() {
    system!()
        .role("first", || {
            let listener = Listener::listen(&listen()).unwrap();
            listener.add_route(&Route::receiver("/first")).unwrap();
            hosted::tell("second", &listener.port().to_string());
            assert_eq!(hosted::hear(), "listening");
            let (mut client, incoming) = pair_on(&listener, "/first");
            // The clients of the other program never come here: this one waits for the next of its own.
            let (mut other, _) = (Client::asks(listener.port(), "/second"), hosted::tell("second", "accept"));
            other.opened();
            assert_eq!(other.text(), "from the second program");
            client.send_text("hello");
            assert_eq!(incoming.websocket.receive_text(9).unwrap(), "hello");
            assert_eq!(listener.state().unwrap().connections, 2);
            let taken = listener.add_route(&Route::receiver("/second"));
            assert_eq!(taken, Err(ControlError::Refused(Code::RouteExists)));
            for number in 0..9 {
                listener.remove_route(number).ok();
            }
            assert_eq!(status(listener.port(), "/second"), 426, "removed by its owner alone");
            assert_eq!(status(listener.port(), "/first"), 404);
            // The port stays open for the one who still listens.
            let port = listener.port();
            drop(listener);
            assert_eq!(status(port, "/second"), 426);
            other.close();
            hosted::tell("second", "done");
        })
        .role("second", || {
            let port = hosted::hear().parse().unwrap();
            let listener = Listener::listen(&Listen::new("127.0.0.1", port)).unwrap();
            assert_eq!(listener.port(), port);
            listener.add_route(&Route::receiver("/second")).unwrap();
            hosted::tell("first", "listening");
            assert_eq!(hosted::hear(), "accept");
            let incoming = listener.accept().unwrap();
            assert_eq!(incoming.path, "/second");
            incoming.websocket.send_text("from the second program").unwrap();
            assert_eq!(hosted::hear(), "done");
            drop((incoming, listener));
        })
        .run_roles();
}
