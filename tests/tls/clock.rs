//! A device whose clock is not set: a service that runs beside real peers with the calendar of 1970.

use std::path::Path;

use hosted::Program;
use hosted::tools::command;
use xous_api_websocket::error::ListenError;
use xous_api_websocket::wire::SERVER_NAME;
use xous_api_websocket::{Code, Listener, Request, Tls, Websocket, tls::Identity};

use crate::authority::Authority;
use crate::client::Settings as ClientSettings;
use crate::openssl::{Peer, Settings};
use crate::recorder::Recorder;
use crate::server::{listen, listener, tls};
use crate::support::{Scratch, refusal, request, service};

/// The service, whose clock was not set since the power was lost.
fn in_1970(files: &Scratch) -> Program {
    let library = files.path("clock.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls/clock.c");
    let compiled = command("cc")
        .args(["-shared", "-fPIC", "-Wall", "-Werror", "-o", &library])
        .arg(source)
        .status()
        .unwrap();
    assert!(compiled.success());
    service().env("LD_PRELOAD", library)
}

#[test]
fn open_says_that_the_clock_is_not_set_before_anybody_is_asked() {
    let files = Scratch::new();
    hosted::test!().service(in_1970(&files), SERVER_NAME).run(|| {
        let ca = Authority::new("root");
        let client = ca.client("client");
        let identity = Identity::new(client.chain.as_bytes(), client.key.as_bytes());
        let peer = Peer::start(&Settings::new("record", &ca.server(&["localhost"])));
        let relay = Recorder::relay(peer.port, usize::MAX);
        for tls in [Tls::default(), Tls::only(&ca.der), Tls::only(&ca.der).identity(identity)] {
            let (code, text) = refusal(&request(relay.port(), "/secret", tls));
            assert_eq!(code, Code::ClockNotSet, "{text}");
            assert!(text.contains("the clock is not set"), "{text}");
        }
        assert!(relay.saw_nothing());
        // What needs no certificate needs no clock.
        let peer = hosted::peer::Peer::echo().unwrap();
        let ws = Websocket::open(&Request::new("127.0.0.1", peer.address().port())).unwrap();
        ws.send_text("hello").unwrap();
        assert_eq!(ws.receive_text(5).unwrap(), "hello");
    });
}

#[test]
fn a_port_serves_without_a_clock_and_checks_no_client_without_one() {
    let files = Scratch::new();
    hosted::test!().service(in_1970(&files), SERVER_NAME).run(|| {
        let ca = Authority::new("root");
        let leaf = ca.server(&["localhost"]);
        let checking = listen(tls(&leaf).clients(ca.pem.as_bytes()));
        match Listener::listen(&checking).err() {
            Some(ListenError::Failed { code: Code::ClockNotSet, text }) => {
                assert!(text.contains("the clock is not set"), "{text}");
            }
            other => panic!("{other:?}"),
        }
        let listener = listener(&listen(tls(&leaf)));
        for version in ["TLSv1_2", "TLSv1_3"] {
            let settings = ClientSettings::new("get", listener.port(), &ca.pem).only(version);
            let mut client = settings.start();
            client.expect("/", &["HTTP/1.1 200", "\"resumed\": false"]);
            client.expect("/", &["HTTP/1.1 200", "\"resumed\": true"]);
        }
    });
}
