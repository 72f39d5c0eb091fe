//! `ws listen`, the command line server.

use std::process::{Command, Stdio};

use hosted::Pddb;
use hosted::packages::python_with_websockets;
use websocket::proto::record;

use crate::common::python::Python;
use crate::running::{Running, run};
use crate::scratch::Scratch;

/// Starts it on a free port. Returns the URL.
fn listen(arguments: &[&str]) -> (Running, String) {
    let ws = Running::start("ws", &[&["listen", "0", "--json"], arguments].concat());
    let ready = ws.line_after("{\"event\":\"ready\",\"url\":\"");
    (ws, ready.trim_end_matches("\"}").to_owned())
}

/// A client on Python's websockets that has sent `send`, got its answers and closed. The lines that it printed.
fn client(url: &str, send: &[&str], answers: usize, login: &str) -> String {
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/peers/client.py");
    let mut command = Command::new(python_with_websockets());
    command.arg(script).args([url, &answers.to_string(), login]).args(send).stdin(Stdio::null());
    let output = command.output().unwrap();
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_clients_send_is_printed_and_sent_back() {
    let (ws, url) = listen(&["--echo", "--protocol", "chat"]);
    assert_eq!(client(&(url + "a/b"), &["one", "0xff"], 2, ""), "chat\none\nff\nclosed 1000\n");
    let opened = ws.line();
    assert!(opened.starts_with("{\"event\":\"open\",\"peer\":\"127.0.0.1:"), "{opened}");
    assert!(opened.ends_with("\"path\":\"/a/b\",\"protocol\":\"chat\"}"), "{opened}");
    assert!(ws.line().ends_with("\"text\":\"one\"}"));
    assert!(ws.line().ends_with("\"hex\":\"ff\"}"));
    assert!(ws.line().ends_with("\"code\":1000,\"reason\":\"\"}"));
}

#[test]
fn lines_go_to_every_client() {
    let (mut ws, url) = listen(&[]);
    let clients = [&url, &url].map(|url| {
        let url = url.clone();
        std::thread::spawn(move || client(&url, &["here"], 1, ""))
    });
    // Who has been heard has joined.
    (0..2).for_each(|_| drop(ws.line_after("{\"event\":\"message\"")));
    ws.write("to all");
    for client in clients {
        assert_eq!(client.join().unwrap(), "None\nto all\nclosed 1000\n");
    }
}

#[test]
fn a_login_is_asked_for() {
    let (ws, url) = listen(&["--echo", "--login", "me:secret"]);
    assert!(client(&url, &["x"], 1, "").contains("HTTP 401"));
    assert_eq!(client(&url, &["x"], 1, "bWU6c2VjcmV0"), "None\nx\nclosed 1000\n");
    drop(ws);
}

#[test]
fn it_ends_when_so_many_messages_have_come() {
    let (ws, url) = listen(&["--echo", "--count", "3"]);
    // One client stays, and is closed.
    let mut other = Running::start("ws", &[&url, "--json"]);
    other.write("one");
    assert_eq!(other.line_after("{\"event\":\"message\","), "\"text\":\"one\"}");
    assert_eq!(client(&url, &["two", "three"], 2, ""), "None\ntwo\nthree\nclosed 1000\n");
    (1..=3).for_each(|_| drop(ws.line_after("{\"event\":\"message\"")));
    assert_eq!(other.line_after("{\"event\":\"close\","), "\"code\":1000,\"reason\":\"\"}");
    assert_eq!(ws.ended(), 0);
    assert_eq!(other.ended(), 0);
}

#[test]
fn once_is_for_one_client() {
    let (ws, url) = listen(&["--echo", "--once"]);
    assert_eq!(client(&url, &["one"], 1, ""), "None\none\nclosed 1000\n");
    assert_eq!(ws.ended(), 0);
}

/// What was recorded is there when the program has ended.
#[test]
fn a_client_is_recorded_to_a_key() {
    let directory = Scratch::new();
    let pddb = Pddb::new().directory(directory.path("db"));
    let arguments = ["listen", "0", "--json", "--echo", "--once", "--record", "one"];
    let ws = Running::start_with("ws", &arguments, Some(pddb));
    let ready = ws.line_after("{\"event\":\"ready\",\"url\":\"");
    assert_eq!(client(ready.trim_end_matches("\"}"), &["one"], 1, ""), "None\none\nclosed 1000\n");
    assert_eq!(ws.ended(), 0);
    let file = std::fs::read(directory.path("db/.System/recordings/one")).unwrap();
    assert!(record::is_of_server(&record::read(&file).unwrap()));
}

#[test]
fn two_of_them_talk() {
    let (mut ws, url) = listen(&[]);
    let mut other = Running::start("ws", &[&url, "--json"]);
    other.write("from the client");
    assert!(ws.line_after("{\"event\":\"message\"").ends_with("\"text\":\"from the client\"}"));
    ws.write("from the server");
    assert_eq!(other.line_after("{\"event\":\"message\","), "\"text\":\"from the server\"}");
    assert_eq!(other.end(), 0);
}

#[test]
fn a_port_that_cannot_be_had_is_told() {
    let peer = Python::start("programs/peers/server.py", &[]);
    let refused = run("ws", &["listen", &peer.port.to_string()], "");
    assert!(
        refused.code == 1 && refused.output.starts_with(&format!("ws: listen {}: ", peer.port)),
        "{}",
        refused.output
    );
    assert!(refused.output.contains("is in use; take another"), "{}", refused.output);
    let missing = run("ws", &["listen", "0", "--certificate", "/not/there", "--key", "/not/there"], "");
    assert!(
        missing.code == 1 && missing.output.contains("--certificate /not/there: No such file"),
        "{}",
        missing.output
    );
}
