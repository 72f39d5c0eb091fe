//! Files that clients delete.

use std::time::{Duration, Instant};

use hosted::{Pddb, pddb_directory};
use xous_api_websocket::{Listen, Listener, Route, Upload};

use crate::by_hand::{Answer, Client};
use crate::common::{PATIENCE, pattern, system};
use crate::sender::{DICT, FILES, Sender, dialogs, get, list, pddb_cid, sha256, user_says};

/// Where files come in, are shown, and can be deleted.
fn listen() -> Listener {
    pddb_cid();
    let listener = Listener::listen(&Listen::new("127.0.0.1", 0)).unwrap();
    listener.add_route(&Route::upload("/upload", Upload::new(DICT))).unwrap();
    listener.add_route(&Route::files(FILES, DICT).deletable()).unwrap();
    listener.add_route(&Route::files("/fixed/", DICT)).unwrap();
    listener
}

fn ask(port: u16, method: &str, path: &str, lines: &str) -> Answer {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}\r\n");
    Client::with(port, request).answer_to_head()
}

#[test]
fn a_file_is_deleted_where_the_route_allows_it() {
    system!().run(|| {
        let listener = listen();
        let port = listener.port();
        let mut sender = Sender::connect(port);
        for (id, name) in [(1, "a b"), (2, "d/c")] {
            sender.file(id, name, name.as_bytes());
            sender.accepted(id);
            sender.stored(id, name.as_bytes());
        }
        let allowed = |path| ask(port, "OPTIONS", path, "").field("Allow").map(str::to_owned);
        assert_eq!(allowed("/files/a%20b").as_deref(), Some("GET, HEAD, DELETE, OPTIONS"));
        assert_eq!(allowed("/fixed/a%20b").as_deref(), Some("GET, HEAD, OPTIONS"));
        assert_eq!(ask(port, "DELETE", "/fixed/a%20b", "").status, 405);
        assert_eq!(ask(port, "DELETE", FILES, "").status, 405, "not all of them");
        assert_eq!(ask(port, "DELETE", "/files/none", "").status, 404);
        assert_eq!(ask(port, "DELETE", "/files/a%20b", "Content-Length: 1\r\n").status, 413);
        // Nor may pages of others, or under a name that a stranger may have led here.
        assert_eq!(ask(port, "DELETE", "/files/a%20b", "Origin: http://evil\r\n").status, 403);
        let evil = "DELETE /files/a%20b HTTP/1.1\r\nHost: evil\r\n\r\n";
        assert_eq!(Client::with(port, evil).answer().status, 403);
        assert_eq!(ask(port, "DELETE", "/files/a%20b", "If-Match: \"other\"\r\n").status, 412);
        assert_eq!(list(port).len(), 2);

        let own = format!("Origin: http://127.0.0.1:{port}\r\nIf-Match: \"{}\"\r\n", sha256(b"a b"));
        let deleted = ask(port, "DELETE", "/files/a%20b", &own);
        assert_eq!((deleted.status, deleted.field("Content-Length")), (204, None));
        assert_eq!(get(port, "/files/a%20b", "").status, 404);
        assert_eq!(ask(port, "DELETE", "/files/a%20b", "").status, 404);
        assert_eq!(list(port), [("d/c".to_owned(), 3)]);
        // Its name is free.
        sender.file(3, "a b", b"again");
        sender.accepted(3);
        sender.stored(3, b"again");
    });
}

#[test]
fn a_file_that_somebody_has_is_deleted_later() {
    system!().run(|| {
        let listener = listen();
        let port = listener.port();
        let data = pattern(8 << 20);
        let mut sender = Sender::connect(port);
        sender.file(1, "a", &data);
        sender.accepted(1);
        sender.stored(1, &data);
        let mut reader = Client::with(port, "GET /files/a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        let head = reader.answer_to_head();
        let busy = ask(port, "DELETE", "/files/a", "");
        assert_eq!((busy.status, busy.field("Retry-After")), (503, Some("1")));
        sender.begin(2, "b", 10, b"half");
        sender.accepted(2);
        assert_eq!(ask(port, "DELETE", "/files/b", "").status, 503);
        // The reader has what it began to read.
        assert_eq!(reader.body_of(&head), data);
        // The service lets go of the file behind its last byte.
        let start = Instant::now();
        let deleted = loop {
            let status = ask(port, "DELETE", "/files/a", "").status;
            if status != 503 {
                break status;
            }
            assert!(start.elapsed() < PATIENCE);
        };
        assert_eq!(deleted, 204);
    });
}

#[test]
fn a_delete_that_the_user_is_asked_about_holds_nobody_up() {
    for change in 1..=3 {
        system!().pddb(Pddb::new().asks_at(change)).run(|| asked_about_a_delete(true));
    }
}

#[test]
fn a_delete_that_the_user_refuses_leaves_the_file_whole_or_absent() {
    for change in 1..=3 {
        system!().pddb(Pddb::new().asks_at(change)).run(|| asked_about_a_delete(false));
    }
}

/// The database asks its user at one of the changes that a delete takes, and serves nobody. Everybody else is served or told so,
/// and the file is whole or absent.
fn asked_about_a_delete(says: bool) {
    let dict = pddb_directory().join(".System").join(DICT);
    std::fs::create_dir_all(&dict).unwrap();
    std::fs::write(dict.join("there"), b"there").unwrap();
    pddb_cid();
    let listener = listen();
    listener.add_route(&Route::page("/page", "text/plain", b"page")).unwrap();
    let port = listener.port();
    let deleted = std::thread::scope(|scope| {
        let deleting = scope.spawn(|| ask(port, "DELETE", "/files/there", ""));
        dialogs(1);
        for _ in 0..10 {
            assert_eq!(get(port, "/page", "").body, b"page");
        }
        let start = Instant::now();
        for (method, path) in [("GET", FILES), ("DELETE", "/files/there"), ("DELETE", "/files/other")] {
            let answer = ask(port, method, path, "");
            assert_eq!((answer.status, answer.field("Retry-After").is_some()), (503, true), "{path}");
        }
        assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
        user_says(says);
        deleting.join().unwrap().status
    });
    assert!(deleted == 204 || !says && deleted >= 500, "{deleted}");
    let start = Instant::now();
    let status = loop {
        match get(port, "/files/there", "") {
            answer if answer.status == 503 => assert!(start.elapsed() < PATIENCE),
            answer => break (answer.status, answer.body),
        }
    };
    assert!(deleted != 204 || status.0 == 404, "{status:?}");
    println!("the user says {says}: {deleted}, then {}", status.0);
    assert!(status.0 == 404 || status == (200, b"there".to_vec()), "{status:?}");
}
