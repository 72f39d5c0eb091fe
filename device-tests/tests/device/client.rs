//! The client role: a program on the device, a peer on the PC that is not ours.

use hosted::peer::Peer;

use crate::common::{free_port, outside, programs};

#[test]
fn messages_go_to_tungstenite_and_back() {
    let peer = Peer::echo().unwrap();
    let arguments = [&peer.url("/"), "--send", "hello", "--count", "50"];
    let outcome = outside().program(programs().example("ws"), &arguments).run().unwrap();
    outcome.expect_success();
    assert!(outcome.log_text().contains("50 sent, 50 received"), "{}", outcome.log_text());
}

#[test]
fn nobody_listens() {
    let url = format!("ws://127.0.0.1:{}/", free_port());
    let outcome = outside().program(programs().example("ws"), &[&url, "--send", "hello"]).run().unwrap();
    assert_eq!(outcome.process("ws").unwrap().exit_code, Some(1), "{}", outcome.failure());
    assert!(outcome.faults.is_empty(), "{}", outcome.failure());
}
