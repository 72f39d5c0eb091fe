//! Routes that are wanted, and requests that do not go with them.

use std::time::Instant;

use xous_api_websocket::error::ControlError;
use xous_api_websocket::{Code, Listen, Listener, Route, Upload};

use crate::by_hand::{Client, upgrade_request};
use crate::common::{PATIENCE, system};
use crate::sender::{DICT, FILES, Sender, list, listen};

#[test]
fn routes_that_cannot_be_are_refused() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT));
        let long = "d".repeat(103);
        for (route, code) in [
            (Route::upload("/a", Upload::new("")), Code::BadRequest),
            (Route::upload("/a", Upload::new("a:b")), Code::BadRequest),
            (Route::upload("/a", Upload::new(&long)), Code::BadRequest),
            (Route::upload("/a", Upload::new("a").write_batch(65_536).transfers(2)), Code::TooLong),
            (Route::upload("/a", Upload::new("a").write_batch(u32::MAX).transfers(1)), Code::TooLong),
            (Route::upload("/a", Upload::new("uploads/below")), Code::RouteExists),
            (Route::upload("/a", Upload::new("uploads.journal")), Code::BadRequest),
            (Route::upload("/a", Upload::new("a").write_batch(1).transfers(65)), Code::TooLong),
            (Route::upload("/a", Upload::new("a").allow(&long.repeat(3))), Code::TooLong),
            (Route::upload("/upload", Upload::new("a")), Code::RouteExists),
            (Route::files("/a", "a"), Code::BadRequest),
            (Route::files("/a/", "uploads/below"), Code::RouteExists),
        ] {
            match listener.add_route(&route) {
                Err(ControlError::Refused(refused)) => assert_eq!(refused, code, "{route:?}"),
                other => panic!("{route:?}: {other:?}"),
            }
        }
        listener
            .add_route(&Route::upload("/a", Upload::new("uploads2").write_batch(65_536).transfers(1)))
            .unwrap();
    });
}

#[test]
fn a_dict_is_free_again_when_its_routes_are_gone() {
    system!().run(|| {
        let listener = Listener::listen(&Listen::new("127.0.0.1", 0)).unwrap();
        let below = || listener.add_route(&Route::upload("/b", Upload::new("a/b")));
        let upload = listener.add_route(&Route::upload("/a", Upload::new("a"))).unwrap();
        let files = listener.add_route(&Route::files("/a/", "a")).unwrap();
        listener.remove_route(upload).unwrap();
        assert!(below().is_err());
        listener.remove_route(files).unwrap();
        // What the first one found is being cleared.
        let start = Instant::now();
        while below().is_err() {
            assert!(start.elapsed() < PATIENCE);
        }
    });
}

#[test]
fn two_programs_routes_to_a_dict_show_the_same_files() {
    system!().run(|| {
        let (one, other) = (listen(Upload::new(DICT)), listen(Upload::new(DICT)));
        let mut sender = Sender::connect(one.port());
        sender.begin(1, "a", 2, b"x");
        sender.accepted(1);
        let mut rival = Sender::connect(other.port());
        rival.file(1, "a", b"mine");
        rival.told("refused", 1, "busy");
        sender.part(1, b"y");
        sender.stored(1, b"xy");
        assert_eq!(list(other.port()), [("a".to_owned(), 2)]);
    });
}

#[test]
fn requests_that_do_not_go_with_the_route_are_refused() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT));
        let status = |request: String| Client::with(listener.port(), request).answer().status;
        let plain = |method, path| format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        assert_eq!(status(plain("GET", "/upload")), 426);
        assert_eq!(status(plain("POST", "/upload")), 405);
        assert_eq!(status(plain("DELETE", "/files/a")), 405);
        assert_eq!(status(plain("GET", "/files/../upload")), 400);
        assert_eq!(status(plain("GET", "/files")), 404);
        assert_eq!(status(upgrade_request(FILES, "")), 404, "there is no WebSocket");
        assert_eq!(status(upgrade_request("/upload", "Origin: http://evil\r\n")), 403);
        // A name that a stranger may have had lead here.
        assert_eq!(status("GET /files/ HTTP/1.1\r\nHost: evil\r\n\r\n".to_owned()), 403);
        // What the request line names is what is asked for.
        assert_eq!(status(plain("GET", "http://evil/files/")), 403);
        assert_eq!(status("GET http://127.0.0.1/files/ HTTP/1.1\r\nHost: evil\r\n\r\n".to_owned()), 200);
        let body = "GET /files/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\n\r\nx";
        assert_eq!(status(body.to_owned()), 413);
    });
}
