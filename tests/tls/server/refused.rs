//! Clients that do not speak TLS, or fall silent: they are dropped in time, and others are served meanwhile.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use xous_api_websocket::serve::ListenLimits;
use xous_api_websocket::state::Stats;

use crate::authority::Authority;
use crate::client::Settings;
use crate::support::{PATIENCE, system};

use super::{echo, listen, listener, tls};

/// How long a client may take to agree.
const HANDSHAKE: Duration = Duration::from_millis(1500);
const ALERT: u8 = 21;

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// All that comes until the end of the stream; a reset is one.
fn until_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut came = Vec::new();
    match stream.read_to_end(&mut came) {
        Ok(_) => came,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => came,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn what_is_not_tls_gets_a_closed_connection_and_no_word_of_http() {
    system!().run(|| {
        let ca = Authority::new("root");
        let leaf = ca.server(&["localhost"]);
        let listener = listener(&listen(tls(&leaf)));
        let upgrade = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        let cases: [(&str, &[u8]); 6] = [
            ("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            ("an upgrade", upgrade.as_bytes()),
            ("SSH", b"SSH-2.0-OpenSSH_9.6\r\n"),
            ("SSL 2", &[0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10, 1, 0, 0x80]),
            ("zeros", &[0; 70_000]),
            ("an alert", &[ALERT, 3, 3, 0, 2, 2, 40]),
        ];
        for (what, bytes) in cases {
            let mut stream = connect(listener.port());
            // The server may have ended it before all is sent.
            stream.write_all(bytes).ok();
            let start = Instant::now();
            let came = until_end(&mut stream);
            assert!(start.elapsed() < ListenLimits::default().head_time, "{what}: the deadline was needed");
            assert!(came.is_empty() || (came[0] == ALERT && came.len() == 7), "{what}: {came:02x?}");
        }
        Settings::new("get", listener.port(), &ca.pem).start().expect("/", &["HTTP/1.1 200"]);
    });
}

#[test]
fn clients_that_fall_silent_are_dropped_while_others_are_served() {
    system!().run(|| {
        let ca = Authority::new("root");
        let leaf = ca.server(&["localhost"]);
        let limits = ListenLimits::new().head_time(HANDSHAKE);
        let listener = listener(&listen(tls(&leaf)).limits(limits));
        let mut bystander = Settings::new("hold", listener.port(), &ca.pem).start();
        let ws = listener.accept().unwrap().websocket;
        std::thread::scope(|scope| {
            scope.spawn(|| echo(&ws));
            assert_eq!(bystander.report(), "{\"opened\": true}");
            let hello = client_hello();
            let pieces = [&hello[..0], &hello[..3], &hello[..5], &hello[..hello.len() / 2], &hello[..]];
            let start = Instant::now();
            let mut silent = pieces.map(|piece| {
                let mut stream = connect(listener.port());
                stream.write_all(piece).unwrap();
                stream
            });
            assert_eq!(bystander.ask("still there"), "{\"text\": \"still there\"}");
            assert!(start.elapsed() < HANDSHAKE, "others wait for those who are silent");
            for stream in &mut silent {
                let came = until_end(stream);
                assert!(start.elapsed() >= HANDSHAKE, "{came:02x?}");
            }
            assert!(start.elapsed() < 3 * HANDSHAKE, "{:?}", start.elapsed());
            assert_eq!(bystander.ask("and still"), "{\"text\": \"and still\"}");
            only_busy(2);
            drop(bystander);
        });
    });
}

#[test]
fn a_client_that_has_nothing_to_say_gets_a_close_notify_at_its_deadline() {
    system!().run(|| {
        let ca = Authority::new("root");
        let leaf = ca.server(&["localhost"]);
        let limits = ListenLimits::new().head_time(HANDSHAKE);
        let listener = listener(&listen(tls(&leaf)).limits(limits));
        for version in ["TLSv1_2", "TLSv1_3"] {
            let settings = Settings::new("idle", listener.port(), &ca.pem);
            let mut client = settings.only(version).start();
            for requests in ["0", "1", "3"] {
                let start = Instant::now();
                let answers = format!("\"answers\": {requests}");
                client.expect(requests, &[&answers, "\"end\": \"close_notify\""]);
                assert!(start.elapsed() >= HANDSHAKE, "{version}, {requests}: {:?}", start.elapsed());
            }
        }
        only_busy(0);
    });
}

#[test]
fn a_client_for_whom_there_is_no_room_is_told_by_an_alert() {
    system!().run(|| {
        let ca = Authority::new("root");
        let leaf = ca.server(&["localhost"]);
        let limits = ListenLimits::new().connections(1);
        let listener = listener(&listen(tls(&leaf)).limits(limits));
        let mut first = Settings::new("hold", listener.port(), &ca.pem).start();
        let ws = listener.accept().unwrap().websocket;
        std::thread::scope(|scope| {
            scope.spawn(|| echo(&ws));
            assert_eq!(first.report(), "{\"opened\": true}");
            for version in ["TLSv1_2", "TLSv1_3"] {
                let mut second = Settings::new("get", listener.port(), &ca.pem).only(version).start();
                second.expect("/", &["alert internal error"]);
            }
            assert_eq!(first.ask("still there"), "{\"text\": \"still there\"}");
            drop(first);
        });
    });
}

/// A whole ClientHello, that the server answers and waits for more: our own client's.
fn client_hello() -> Vec<u8> {
    let recorder = crate::recorder::Recorder::answering(|_| vec![], true);
    crate::support::refusal(&crate::support::request(
        recorder.port(),
        "/",
        xous_api_websocket::Tls::default(),
    ));
    recorder.seen().sent.concat()
}

#[test]
fn a_handshake_cut_off_anywhere_leaves_nothing_behind() {
    system!().run(|| {
        let ca = Authority::new("root");
        let leaf = ca.server(&["localhost"]);
        let listener = listener(&listen(tls(&leaf)));
        let hello = client_hello();
        for len in (0..=hello.len()).filter(|len| *len < 12 || len % 16 == 0 || *len == hello.len()) {
            connect(listener.port()).write_all(&hello[..len]).unwrap();
        }
        let mut client = Settings::new("get", listener.port(), &ca.pem).start();
        let start = Instant::now();
        while !client.ask("/").contains("HTTP/1.1 200") {
            assert!(start.elapsed() < PATIENCE);
        }
        only_busy(0);
    });
}

/// Waits until no more than so many threads are at work for connections, which must be soon.
fn only_busy(workers: u32) {
    let start = Instant::now();
    while Stats::now().unwrap().workers_busy > workers {
        assert!(start.elapsed() < PATIENCE, "{:?}", Stats::now());
    }
}
