//! Files that clients delete.

use xous_api_websocket::{Listen, Listener, Route, Upload};

use crate::by_hand::{Answer, Client};
use crate::common::{pattern, system};
use crate::sender::{DICT, FILES, Sender, get, list, pddb_cid, sha256};

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
        assert_eq!(ask(port, "DELETE", "/files/a", "").status, 204);
    });
}
