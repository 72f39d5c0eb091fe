//! Files that are shown.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use xous_api_websocket::{Deadlines, Listen, Listener, Route, Upload};

use crate::by_hand::Client;
use crate::common::{nothing_is_left, pattern, system};
use crate::sender::{DICT, Sender, get, list, listen, pddb_cid};

/// How long a client may keep the service waiting, by default.
const WRITE: Duration = Duration::from_secs(30);

/// Where the stand-in keeps the files, each a plain file under its own name.
fn directory() -> PathBuf {
    let directory = hosted::pddb_directory().join(".System").join(DICT);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

#[test]
fn a_file_comes_whole_or_in_part() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT));
        let data = pattern(50_000);
        let mut sender = Sender::connect(listener.port());
        sender.file(1, "a.png", &data);
        sender.file(2, "empty", b"");
        sender.accepted(1);
        sender.stored(1, &data);
        sender.accepted(2);
        sender.stored(2, b"");
        let port = listener.port();

        let whole = get(port, "/files/a.png", "");
        assert_eq!((whole.status, &whole.body), (200, &data));
        for (name, value) in [
            ("Content-Type", "image/png"),
            ("Accept-Ranges", "bytes"),
            ("X-Content-Type-Options", "nosniff"),
            ("Content-Security-Policy", "sandbox"),
        ] {
            assert_eq!(whole.field(name), Some(value));
        }
        let part = get(port, "/files/a.png", "Range: bytes=8000-40999\r\n");
        assert_eq!((part.status, &part.body[..]), (206, &data[8000..41_000]));
        assert_eq!(part.field("Content-Range"), Some("bytes 8000-40999/50000"));
        let tail = get(port, "/files/a.png", "Range: bytes=-1\r\n");
        assert_eq!((tail.status, &tail.body[..]), (206, &data[49_999..]));
        let beyond = get(port, "/files/a.png", "Range: bytes=50000-\r\n");
        assert_eq!((beyond.status, beyond.field("Content-Range")), (416, Some("bytes */50000")));
        let empty = get(port, "/files/empty", "");
        assert_eq!((empty.status, empty.field("Content-Type")), (200, Some("application/octet-stream")));
        let spelled = get(port, "/%66iles/%61%2epng", "");
        assert_eq!((spelled.status, &spelled.body), (200, &data));
        for path in [
            "/files/b",
            "/files/a.png/",
            "/files/%ff",
            "/files/uploads.journal",
            "/files/%2e%2e%2fa",
            "/%66iles/%2E%2e%2fa.png",
            "/files/%252e%252e/a.png",
            "/files%2fa.png",
        ] {
            assert_eq!(get(port, path, "").status, 404, "{path}");
        }
        for path in ["/files/%2e%2e/a.png", "/%66iles/.%2E/files/a.png", "/files/%2e/a.png"] {
            assert_eq!(get(port, path, "").status, 400, "{path}");
        }
    });
}

#[test]
fn several_requests_follow_each_other_on_a_connection() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT));
        let mut sender = Sender::connect(listener.port());
        sender.file(1, "a", b"hello");
        sender.accepted(1);
        sender.stored(1, b"hello");
        let mut client = Client::connect(listener.port());
        let ask = |client: &mut Client, method, path| {
            client.send(format!("{method} /files/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
        };
        ask(&mut client, "HEAD", "a");
        let head = client.answer_to_head();
        assert_eq!((head.status, head.field("Content-Length")), (200, Some("5")));
        ask(&mut client, "GET", "b");
        assert_eq!(client.answer().status, 404);
        ask(&mut client, "GET", "a");
        assert_eq!(client.answer().body, b"hello");
        ask(&mut client, "HEAD", "");
        assert_eq!(client.answer_to_head().field("Connection"), Some("close"));
        client.ended();
    });
}

#[test]
fn a_list_of_a_thousand_names_is_whole() {
    system!().run(|| {
        let directory = directory();
        let names: Vec<_> = (0..1000).map(|i| format!("{i:04} \"quoted\"")).collect();
        for name in &names {
            // As the stand-in spells it.
            std::fs::write(directory.join(name), name).unwrap();
        }
        let listener = listen(Upload::new(DICT));
        let length = names[0].len() as u64;
        assert_eq!(list(listener.port()), names.into_iter().map(|name| (name, length)).collect::<Vec<_>>());
    });
}

/// More names than the database lists: nobody is told that there are none.
#[test]
fn a_list_that_cannot_be_made_is_refused() {
    system!().run(|| {
        let directory = directory();
        for i in 0..4500 {
            std::fs::write(directory.join(format!("{i:090}")), "").unwrap();
        }
        let listener = listen(Upload::new(DICT));
        let answer = get(listener.port(), "/files/", "");
        assert_eq!(answer.status, 500, "{}", answer.head);
        let head = "HEAD /files/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
        assert_eq!(Client::with(listener.port(), head).answer_to_head().status, 500);
    });
}

#[test]
fn a_list_that_breaks_off_does_not_look_whole() {
    system!().run(|| {
        let directory = directory();
        // Of a dict that is listed behind it.
        let below = directory.with_file_name(format!("{DICT}+below"));
        std::fs::create_dir_all(&below).unwrap();
        for i in 0..4500 {
            if i < 100 {
                std::fs::write(directory.join(format!("{i:090}")), "").unwrap();
            }
            std::fs::write(below.join(format!("{i:090}")), "").unwrap();
        }
        let listener = listen(Upload::new(DICT));
        let request = "GET /files/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
        let mut client = Client::with(listener.port(), request);
        let answer = client.answer_to_head();
        assert_eq!((answer.status, answer.field("Transfer-Encoding")), (200, Some("chunked")));
        let came = client.body_to_end();
        assert!(came.contains("\"name\":\"0000") && !came.ends_with("0\r\n\r\n"), "{came}");
        // To whom nothing comes in chunks.
        let mut old = Client::with(listener.port(), request.replace("1.1", "1.0"));
        assert_eq!(old.answer_to_head().field("Transfer-Encoding"), None);
        assert!(!old.body_to_end().ends_with("]}"));
    });
}

/// An old client knows no chunks: its list ends with the connection.
#[test]
fn a_client_of_http_1_0_gets_the_list_as_it_is() {
    system!().run(|| {
        std::fs::write(directory().join("a"), "x").unwrap();
        let listener = listen(Upload::new(DICT));
        let request = "GET /files/ HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n";
        let answer = Client::with(listener.port(), request).answer();
        assert_eq!((answer.status, answer.field("Transfer-Encoding")), (200, None));
        assert_eq!(answer.body, b"{\"files\":[{\"name\":\"a\",\"length\":1}]}");
    });
}

/// Each of them wants the list, and takes nothing of it.
#[test]
fn lists_that_one_address_does_not_take_hold_up_nobody() {
    const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
    system!().run(|| {
        let directory = directory();
        let names: Vec<_> = (0..2500).map(|i| format!("{i:090}")).collect();
        for name in &names {
            std::fs::write(directory.join(name), "").unwrap();
        }
        let listener = listen(Upload::new(DICT));
        let mut idle: Vec<_> = (0..6).map(|_| takes_little(STRANGER, listener.port())).collect();
        for client in &mut idle {
            client.send("GET /files/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        }
        // They have begun.
        assert!(idle.iter_mut().all(|client| client.answer_to_head().status == 200));
        let expected: Vec<_> = names.into_iter().map(|name| (name, 0)).collect();
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| assert!(list(listener.port()) == expected));
            }
        });
        assert!(start.elapsed() < WRITE / 2, "{:?}", start.elapsed());
        drop(idle);
        nothing_is_left();
    });
}

/// A client with little room for what comes, so that the service waits for it soon.
fn takes_little(own: Ipv4Addr, port: u16) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(2048).unwrap();
    socket.set_tcp_mss(536).unwrap();
    socket.bind(&SocketAddr::from((own, 0)).into()).unwrap();
    socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()).unwrap();
    Client::over(socket.into())
}

#[test]
fn clients_that_want_the_list_at_the_same_time_all_get_it() {
    system!().run(|| {
        let directory = directory();
        for i in 0..100 {
            std::fs::write(directory.join(format!("{i:03}")), "x").unwrap();
        }
        let listener = listen(Upload::new(DICT));
        let port = listener.port();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(move || (0..4).for_each(|_| assert_eq!(list(port).len(), 100)));
            }
        });
    });
}

#[test]
fn a_client_that_takes_nothing_is_let_go_and_holds_up_nobody() {
    system!().run(|| {
        let deadlines = Deadlines::new().write(Duration::from_millis(300));
        let listener = Listener::listen(&Listen::new("127.0.0.1", 0).options(deadlines)).unwrap();
        pddb_cid();
        listener.add_route(&Route::files("/files/", DICT)).unwrap();
        let directory = directory();
        let mut file = std::fs::File::create(directory.join("large")).unwrap();
        (0..64).for_each(|_| file.write_all(&pattern(1 << 20)).unwrap());
        let mut idle = Client::with(listener.port(), "GET /files/large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        assert_eq!(idle.answer_to_head().status, 200);
        let part = get(listener.port(), "/files/large", "Range: bytes=0-9\r\n");
        assert_eq!(part.body, &pattern(10)[..]);
        nothing_is_left();
    });
}

/// A socket that is closed with bytes unread is reset, and what the client has not read yet is lost (RFC 9112 section
/// 9.6). The client reads when the service has let it go.
#[test]
fn what_comes_behind_the_last_request_does_not_cut_its_answer_off() {
    system!().run(|| {
        let directory = directory();
        for i in 0..500 {
            std::fs::write(directory.join(format!("{i:03}")), "x").unwrap();
        }
        let data = pattern(50_000);
        std::fs::write(directory.join("whole"), &data).unwrap();
        let listener = listen(Upload::new(DICT));
        let more = "\r\n".repeat(20_000);
        let mut client = Client::with(
            listener.port(),
            format!("GET /files/whole HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n{more}"),
        );
        nothing_is_left();
        assert_eq!(client.answer().body, data);
        let mut client = Client::with(
            listener.port(),
            format!("GET /files/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n{more}"),
        );
        nothing_is_left();
        assert!(client.answer().body.ends_with(b"]}"));
        for path in ["none", "whole"] {
            let mut client = Client::with(
                listener.port(),
                format!(
                    "GET /files/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nRange: bytes=50000-\r\n\r\n{more}"
                ),
            );
            nothing_is_left();
            assert!(matches!(client.answer().status, 404 | 416), "{path}");
        }
    });
}
