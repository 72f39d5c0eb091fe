//! The program in examples/trust.rs that asks a person, as a user runs it.

use std::net::{TcpListener, TcpStream};
use std::{io, thread};

use hosted::{End, Pddb, Program, System};
use xous_api_websocket::wire::SERVER_NAME;

use crate::authority::{Authority, self_signed};
use crate::openssl::{Peer, Settings};
use crate::support::{Scratch, example, service};

/// Runs it against this port, with a database in this directory, and the answer of a person. Returns whether it went
/// well, and what it printed.
fn run(port: u16, directory: &str, answer: &str) -> (bool, String) {
    let program = Program::new(example("trust")).args([format!("wss://localhost:{port}/echo")]);
    let builder = System::builder().captured().input(answer).pddb(Pddb::new().directory(directory));
    let mut system = builder.service(service(), SERVER_NAME).program(program).start().unwrap();
    let outcome = system.wait_programs().unwrap();
    let [End::Exited(code)] = outcome.programs[..] else { panic!("{outcome:?}") };
    (code == 0, system.output())
}

#[test]
fn a_person_is_asked_and_a_root_is_stored_for_good() {
    let files = Scratch::new();
    let pddb = files.path("pddb");
    let root = Authority::new("Home: root/1");
    let mut leaf = root.server(&["localhost"]);
    leaf.chain += &root.pem;
    let peer = Peer::start(&Settings::new("websocket", &leaf));
    let (trusted, output) = run(peer.port, &pddb, "n\n");
    assert!(
        !trusted && output.contains("issuer:  CN=Home: root/1") && output.contains("not trusted"),
        "{output}"
    );
    let (trusted, output) = run(peer.port, &pddb, "c\n");
    assert!(trusted && output.ends_with("hello\n"), "{output}");
    let (trusted, output) = run(peer.port, &pddb, "");
    assert!(!trusted, "a pin is not kept: {output}");
    let (trusted, output) = run(peer.port, &pddb, "r\n");
    assert!(trusted && output.contains(".System/tls.trusted/Home_ root_1 "), "{output}");
    let (trusted, output) = run(peer.port, &pddb, "");
    assert_eq!((trusted, &*output), (true, "hello\n"), "nobody is asked again");
}

#[test]
fn a_certificate_that_nobody_else_vouches_for_can_be_trusted_too() {
    let files = Scratch::new();
    let peer = Peer::start(&Settings::new("websocket", &self_signed(&["localhost"])));
    let (trusted, output) = run(peer.port, &files.path("pddb"), "c\n");
    assert!(trusted && output.contains("issuer:  itself"), "{output}");
    let (trusted, output) = run(peer.port, &files.path("pddb"), "r\n");
    assert!(trusted && output.ends_with("hello\n"), "{output}");
    let again = run(peer.port, &files.path("pddb"), "");
    assert_eq!(again, (true, "hello\n".to_owned()), "nobody is asked again");
}

#[test]
fn a_root_that_does_not_vouch_for_the_server_is_not_stored() {
    let files = Scratch::new();
    let root = Authority::new("root");
    // One whose root is not shown, and an authority in the place of a server.
    for leaf in [root.server(&["localhost"]), root.as_server()] {
        let peer = Peer::start(&Settings::new("websocket", &leaf));
        let (trusted, output) = run(peer.port, &files.path("pddb"), "r\n");
        assert!(!trusted && !output.contains("stored"), "{output}");
    }
}

/// Whoever is in the middle shows the server's own certificate, which everybody can have, with a root of his behind it.
/// The person compares the first one, which is right, and the second connection goes to a server of that root.
#[test]
fn a_root_behind_a_copy_of_the_servers_certificate_is_not_stored() {
    let files = Scratch::new();
    let thief = Authority::new("thief");
    let mut copy = Authority::new("root").server(&["localhost"]);
    copy.chain += &thief.pem;
    let mut forged = thief.server(&["localhost"]);
    forged.chain += &thief.pem;
    let peers = [copy, forged].map(|leaf| Peer::start(&Settings::new("websocket", &leaf)));
    let port = one_after_the_other([peers[0].port, peers[1].port]);
    let (trusted, output) = run(port, &files.path("pddb"), "r\n");
    assert!(!trusted && output.contains("none of those that are pinned"), "{output}");
    assert!(!output.contains("stored"), "{output}");
}

/// A port whose first client reaches the first of these, and the second client the second.
fn one_after_the_other(ports: [u16; 2]) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    // Each ends with its connection.
    thread::spawn(move || {
        for port in ports {
            let (mut client, _) = listener.accept().unwrap();
            let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let (mut answers, mut answered) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || io::copy(&mut answers, &mut answered));
            thread::spawn(move || io::copy(&mut client, &mut server));
        }
    });
    port
}
