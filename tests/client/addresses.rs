//! Names with several addresses, of which the first is dead.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use hosted::Program;
use hosted::packages::python_with_websockets;
use hosted::peer::Silent;
use hosted::tools::command;
use tempfile::NamedTempFile;
use xous_api_websocket::wire::SERVER_NAME;
use xous_api_websocket::{Code, Deadlines, Request, Websocket};

use crate::common::python::Python;
use crate::common::raw::{accept, expect_close, field};
use crate::common::{nothing_is_left, refusal, service};

const NAME: &str = "twohomes.test";
/// Of which one must not be slowed down by what else the machine does.
const ATTEMPTS: usize = 20;

/// The service, for which the name has two addresses.
fn service_of_two_homes() -> Program {
    let library = concat!(env!("CARGO_TARGET_TMPDIR"), "/addresses.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client/addresses.c");
    // Another test's service may be loading it: then it is the old one, which is whole, or the new one.
    let own = NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut compiler = command("cc");
    compiler.args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"]).args([own.path(), &source]);
    assert!(compiler.status().unwrap().success());
    own.persist(library).unwrap();
    service().env("LD_PRELOAD", library)
}

/// Opens a connection until it took less than a second: a machine that has no time for it is no reason to give up. The
/// others are closed.
fn open_within_a_second(request: &Request<'_>) -> Websocket {
    for _ in 0..ATTEMPTS {
        let start = Instant::now();
        let ws = Websocket::open(request).unwrap();
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(400), "the first address answers: {took:?}");
        if took < Duration::from_secs(1) {
            return ws;
        }
        ws.close(1000, "").unwrap();
    }
    panic!("it never takes less than a second");
}

#[test]
fn a_name_whose_first_address_is_dead_is_open_within_a_second() {
    hosted::test!().service(service_of_two_homes(), SERVER_NAME).run(|| {
        let silent = Silent::start().unwrap();
        let port = silent.address().port();
        let listener = TcpListener::bind(("127.0.0.2", port)).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let server = std::thread::spawn(move || {
            let mut heads = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().unwrap();
                if stopped.load(SeqCst) {
                    return heads;
                }
                heads.push(accept(&mut stream));
                expect_close(&mut stream);
            }
        });
        open_within_a_second(&Request::new(NAME, port)).close(1000, "").unwrap();
        stop.store(true, SeqCst);
        TcpStream::connect(("127.0.0.2", port)).unwrap();
        let host = format!("{NAME}:{}", port);
        for head in server.join().unwrap() {
            assert_eq!(field(&head, "Host"), Some(&*host));
        }
        // Now nobody is there but the dead one.
        let deadlines = Deadlines::new().open(Duration::from_millis(700));
        let (code, text) = refusal(&Request::new(NAME, port).options(deadlines));
        assert!(matches!(code, Code::Timeout | Code::Connect), "{text}");
        nothing_is_left();
    });
}

/// The same with a server of another make behind the second address.
#[test]
fn python_is_reached_behind_a_dead_first_address() {
    python_with_websockets();
    hosted::test!().service(service_of_two_homes(), SERVER_NAME).run(|| {
        let silent = Silent::start().unwrap();
        let port = silent.address().port();
        let server = Python::start("client/peers/ways.py", &["127.0.0.2", &port.to_string()]);
        let ws = open_within_a_second(&Request::new(NAME, port).path("/echo"));
        ws.send_text("hello").unwrap();
        assert_eq!(ws.receive_text(5).unwrap(), "hello");
        ws.close(1000, "").unwrap();
        drop(server);
        nothing_is_left();
    });
}
