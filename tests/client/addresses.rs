//! Names with several addresses, of which the first is dead.

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use hosted::Program;
use hosted::packages::python_with_websockets;
use hosted::peer::Silent;
use hosted::tools::command;
use xous_api_websocket::wire::SERVER_NAME;
use xous_api_websocket::{Code, Deadlines, Request, Websocket};

use crate::common::python::Python;
use crate::common::raw::{accept, expect_close, field};
use crate::common::{nothing_is_left, refusal, service};

const NAME: &str = "twohomes.test";

/// The service, for which the name has two addresses.
fn service_of_two_homes() -> Program {
    let library = concat!(env!("CARGO_TARGET_TMPDIR"), "/addresses.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client/addresses.c");
    let compiled =
        command("cc").args(["-shared", "-fPIC", "-Wall", "-Werror", "-o", library]).arg(source).status();
    assert!(compiled.unwrap().success());
    service().env("LD_PRELOAD", library)
}

#[test]
fn a_name_whose_first_address_is_dead_is_open_within_a_second() {
    hosted::test!().service(service_of_two_homes(), SERVER_NAME).run(|| {
        let silent = Silent::start().unwrap();
        let port = silent.address().port();
        let listener = TcpListener::bind(("127.0.0.2", port)).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let head = accept(&mut stream);
            expect_close(&mut stream);
            head
        });
        let start = Instant::now();
        let ws = Websocket::open(&Request::new(NAME, port)).unwrap();
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(400), "the first address answers: {took:?}");
        assert!(took < Duration::from_secs(1), "{took:?}");
        ws.close(1000, "").unwrap();
        let host = format!("{NAME}:{}", port);
        assert_eq!(field(&server.join().unwrap(), "Host"), Some(&*host));
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
        let start = Instant::now();
        let ws = Websocket::open(&Request::new(NAME, port).path("/echo")).unwrap();
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        ws.send_text("hello").unwrap();
        assert_eq!(ws.receive_text(5).unwrap(), "hello");
        ws.close(1000, "").unwrap();
        drop(server);
        nothing_is_left();
    });
}
