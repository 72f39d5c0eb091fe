//! Ports: taken, given up, shared, and bound before the network is there.

use std::net::TcpListener;
use std::process::Command;
use std::sync::Barrier;
use std::time::Instant;

use hosted::tools::{command, on_path};
use hosted::{End, Program, System};
use xous_api_websocket::error::ListenError;
use xous_api_websocket::state::PortState;
use xous_api_websocket::wire::SERVER_NAME;
use xous_api_websocket::{Code, Listen, Listener};

use crate::by_hand::Client;
use crate::common::{PATIENCE, example, nothing_is_left, service, system, unused_port};
use crate::serve::{PAGE, give_up_the_first, listen, listener, pair};

/// The code and text with which listening is refused.
fn refusal(listen: &Listen<'_>) -> (Code, String) {
    match Listener::listen(listen) {
        Err(ListenError::Failed { code, text }) => (code, text),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it listens"),
    }
}

fn page_is_there(port: u16) {
    let mut client = Client::with(port, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_eq!(client.answer().body, PAGE.as_bytes());
}

#[test]
fn a_port_in_use_is_refused_and_named() {
    system!().run(|| {
        let port = unused_port();
        let other = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let (code, text) = refusal(&Listen::new("127.0.0.1", port));
        assert_eq!(code, Code::PortInUse);
        assert!(text.contains(&port.to_string()), "{text}");
        drop(other);
        // Nothing is left of the attempt.
        let listener = listener(&Listen::new("127.0.0.1", port));
        assert_eq!(listener.port(), port);
        page_is_there(port);
    });
}

#[test]
fn what_is_no_address_is_refused() {
    system!().run(|| {
        let long = "1".repeat(10_000);
        for address in ["", "localhost", "127.0.0.1:80", "[::1]", "1.2.3", &long] {
            assert_eq!(refusal(&Listen::new(address, 0)).0, Code::BadRequest, "{address}");
        }
    });
}

#[test]
fn a_port_given_up_can_be_listened_on_again_at_once() {
    system!().run(|| {
        let port = unused_port();
        let _other = Listener::listen(&listen()).unwrap();
        for _ in 0..50 {
            let listener = listener(&Listen::new("127.0.0.1", port));
            assert_eq!(listener.port(), port);
            page_is_there(port);
        }
        let listener = listener(&Listen::new("127.0.0.1", port));
        let (mut client, incoming) = pair(&listener);
        drop(listener);
        // A connection stays.
        incoming.websocket.send_text("still here").unwrap();
        assert_eq!(client.text(), "still here");
        client.close();
        nothing_is_left();
    });
}

#[test]
fn a_port_given_up_makes_room_for_another_at_once() {
    system!().run(|| {
        let _one = Listener::listen(&listen()).unwrap();
        let mut ports = Vec::new();
        for _ in 0..50 {
            let two = listener(&listen());
            page_is_there(two.port());
            ports.push(two.port());
        }
        nothing_is_left();
    });
}

#[test]
fn a_listener_given_up_is_closed() {
    system!().run(|| {
        let port = unused_port();
        let listener = listener(&Listen::new("127.0.0.1", port));
        page_is_there(port);
        give_up_the_first();
        assert_eq!(listener.state().unwrap().port, PortState::Closed);
        assert!(listener.add_route(&xous_api_websocket::Route::receiver("/new")).is_err());
        nothing_is_left();
        // The port is free for others.
        let start = Instant::now();
        while TcpListener::bind(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < PATIENCE);
            std::thread::yield_now();
        }
    });
}

#[test]
fn there_are_as_many_ports_and_listeners_as_threads_and_slots() {
    system!().run(|| {
        let one = Listener::listen(&listen()).unwrap();
        let two = Listener::listen(&listen()).unwrap();
        assert_ne!(one.port(), two.port());
        assert_eq!(refusal(&listen()).0, Code::NoListener);
        let join = Listen::new("127.0.0.1", one.port());
        let more: Vec<_> = (2..16).map(|_| Listener::listen(&join).unwrap()).collect();
        assert_eq!(refusal(&join).0, Code::NoListener);
        drop(two);
        drop(more);
        let three = Listener::listen(&listen()).unwrap();
        assert_ne!(three.port(), one.port());
    });
}

/// An address of this machine for as long as it is held.
struct Address(&'static str);

impl Address {
    const UNUSED: &'static str = "198.51.100.77";

    fn add() -> Self {
        ip("add");
        Address(Self::UNUSED)
    }
}

impl Drop for Address {
    fn drop(&mut self) {
        ip("del");
    }
}

fn ip(action: &str) {
    let address = format!("{}/32", Address::UNUSED);
    let arguments = ["address", action, &address, "dev", "lo"];
    let mut output = command("ip").args(arguments).output().unwrap();
    if !output.status.success() && on_path("sudo") {
        // Only root may; who may become root without a password is as good.
        output = Command::new("sudo").args(["-n", "ip"]).args(arguments).output().unwrap();
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip address {action} {address} dev lo (may this process?): {said}");
}

#[test]
fn a_listener_may_come_before_the_network() {
    system!().run(|| {
        let port = unused_port();
        let listener = listener(&Listen::new(Address::UNUSED, port));
        assert_eq!(listener.state().unwrap().port, PortState::Waiting);
        // Who joins waits with it.
        let second = Listener::listen(&Listen::new(Address::UNUSED, port)).unwrap();
        assert_eq!(second.state().unwrap().port, PortState::Waiting);
        let address = Address::add();
        let start = Instant::now();
        while listener.state().unwrap().port != PortState::Listening {
            assert!(start.elapsed() < PATIENCE);
            std::thread::yield_now();
        }
        let mut client = Client::to(format!("{}:{port}", address.0).parse().unwrap());
        client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        assert_eq!(client.answer().body, PAGE.as_bytes());
        drop((listener, second));
        nothing_is_left();
    });
}

/// One who joins another's attempt is not left behind when that fails.
#[test]
fn nobody_is_left_waiting_for_a_port_in_use() {
    system!().run(|| {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = Listen::new("127.0.0.1", other.local_addr().unwrap().port());
        let together = Barrier::new(4);
        let attempt = || {
            for _ in 0..25 {
                together.wait();
                assert_eq!(refusal(&listen).0, Code::PortInUse);
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(attempt))));
        nothing_is_left();
    });
}

#[test]
fn the_demonstration_says_that_an_address_is_not_this_machines() {
    // An address of documentation (RFC 5737).
    let program = Program::new(example("echo_server")).args(["--listen", "192.0.2.1", "--port", "0"]);
    let mut system =
        System::builder().captured().service(service(), SERVER_NAME).program(program).start().unwrap();
    let outcome = system.wait_programs().unwrap();
    let output = system.output();
    assert!(matches!(outcome.programs[..], [End::Exited(1)]), "{outcome:?}: {output}");
    assert!(output.contains("192.0.2.1") && !output.contains("is ready"), "{output}");
}

/// A port counts for who has opened it as long as it has any share of it: not only for the listener that came first.
#[test]
fn a_process_opens_no_third_port_by_giving_up_listeners() {
    system!().run(|| {
        let one = Listener::listen(&listen()).unwrap();
        let again = Listener::listen(&Listen::new("127.0.0.1", one.port())).unwrap();
        drop(one);
        let two = Listener::listen(&listen()).unwrap();
        assert_eq!(refusal(&listen()).0, Code::NoListener);
        // What is listened on twice is one port.
        let twice = Listener::listen(&Listen::new("127.0.0.1", two.port())).unwrap();
        drop(again);
        let three = Listener::listen(&listen()).unwrap();
        assert_eq!(refusal(&listen()).0, Code::NoListener);
        drop((two, twice, three));
    });
}
