//! `ws URL`, the command line client.

use hosted::Pddb;
use serde_json::{Value, json};
use websocket::proto::record::{self, Entry};

use crate::common::python::Python;
use crate::common::{NOBODY, unused_port};
use crate::running::{Ended, Running, run, run_with};
use crate::scratch::Scratch;

fn server() -> Python {
    Python::start("programs/peers/server.py", &[])
}

fn ws(arguments: &[&str], input: &str) -> Ended {
    run("ws", arguments, input)
}

/// Standard output and standard error of a program that went well.
fn well(arguments: &[&str], input: &str) -> String {
    let Ended { code, output } = ws(arguments, input);
    assert_eq!(code, 0, "{output}");
    output
}

/// The objects of a program that went well.
fn objects(arguments: &[&str], input: &str) -> Vec<Value> {
    let output = well(&[arguments, &["--json"]].concat(), input);
    output.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{output}"))).collect()
}

fn two_hundred() -> String {
    (1..=200).map(|number| format!("{number}\n")).collect()
}

#[test]
fn lines_are_sent_and_what_comes_is_printed() {
    let server = server();
    assert_eq!(
        well(&[&server.url("/echo"), "--wait", "3"], "one\n\nthree \u{e9}\r\nno end"),
        "one\n\nthree \u{e9}\nno end\n"
    );
    assert_eq!(server.line_after("closed "), "1000 4");
}

/// What was recorded is there when the program has ended.
#[test]
fn a_connection_is_recorded_to_a_key() {
    let (server, directory) = (server(), Scratch::new());
    let pddb = Pddb::new().directory(directory.path("db"));
    let arguments = [&server.url("/echo"), "--count", "2", "--record", "one"];
    let Ended { code, output } = run_with("ws", &arguments, "first\nsecond\n", pddb);
    assert_eq!((code, &*output), (0, "first\nsecond\n"));
    let file = std::fs::read(directory.path("db/.System/recordings/one")).unwrap();
    let entries = record::read(&file).unwrap();
    let came = entries.iter().filter_map(|timed| match timed.entry {
        Entry::Came(bytes) => Some(bytes),
        _ => None,
    });
    // In one piece, or in several.
    let came = came.collect::<Vec<_>>().concat();
    assert!(came.starts_with(b"\x81\x05first\x81\x06second"), "{}", came.escape_ascii());
    assert!(matches!(entries.last().unwrap().entry, Entry::Ended { code: 1000, .. }));
}

#[test]
fn two_hundred_lines_are_two_hundred_messages() {
    let server = server();
    assert_eq!(well(&[&server.url("/count"), "--wait", "0"], &two_hundred()), "");
    assert_eq!(server.line_after("closed "), "1000 200");
    assert_eq!(well(&[&server.url("/echo"), "--count", "200"], &two_hundred()), two_hundred());
    assert_eq!(server.line_after("closed "), "1000 200");
}

#[test]
fn the_input_is_streamed() {
    let server = server();
    let mut ws = Running::start("ws", &[&server.url("/echo")]);
    for line in ["first", "second"] {
        ws.write(line);
        assert_eq!(ws.line(), line);
    }
    assert_eq!(ws.end(), 0);
    assert_eq!(server.line_after("closed "), "1000 2");
}

#[test]
fn a_feed_ends_when_so_many_have_come() {
    let server = server();
    assert_eq!(well(&[&server.url("/feed"), "--count", "5"], ""), "0\n1\n2\n3\n4\n");
    assert_eq!(server.line_after("closed "), "1000");
}

#[test]
fn a_peer_that_never_stops_talking_is_left() {
    let server = server();
    let output = well(&[&server.url("/feed"), "--wait", "2"], "");
    assert!(output.starts_with("0\n1\n"), "{output}");
    assert_eq!(server.line_after("closed "), "1000");
}

#[test]
fn bytes_are_hexadecimal_digits() {
    let server = server();
    assert_eq!(well(&[&server.url("/silent"), "--binary", "--wait", "0"], "00 ff\n\n"), "");
    assert_eq!((server.line_after("got "), server.line()), ("00ff".into(), "got ".into()));
    assert_eq!(well(&[&server.url("/echo"), "--binary", "--count", "1"], "00FFabcd\n"), "00ffabcd\n");
    let wrong = ws(&[&server.url("/echo"), "--binary"], "00\nxy\n");
    assert_eq!(
        (wrong.code, wrong.output.contains("line 2 of the input: 'x' is not")),
        (1, true),
        "{}",
        wrong.output
    );
}

#[test]
fn bytes_can_go_into_a_file() {
    let (server, files) = (server(), Scratch::new());
    let file = files.path("bytes");
    let arguments = [&server.url("/bytes"), "--output", &file, "--count", "1"];
    assert_eq!(well(&arguments, ""), "10240 bytes\n");
    let expected: Vec<u8> = (0..40).flat_map(|_| 0..=255).collect();
    assert!(std::fs::read(&file).unwrap() == expected);
    let there = files.path("not/there");
    let refused = ws(&[&server.url("/bytes"), "--output", &there], "");
    assert!(
        refused.code == 1 && refused.output.starts_with(&format!("ws: --output {there}: ")),
        "{}",
        refused.output
    );
}

#[test]
fn round_trips_are_timed() {
    let server = server();
    let output = well(&[&server.url("/echo"), "--send", "hello", "--count", "3"], "");
    let lines: Vec<&str> = output.lines().collect();
    assert!(
        lines.len() == 4
            && lines[..3].iter().all(|line| line.starts_with("hello (") && line.ends_with(" us)"))
    );
    assert!(lines[3].starts_with("3 sent, 3 received, p50 "), "{output}");
    let output = well(&[&server.url("/echo"), "--send", "0aff", "--binary"], "");
    assert!(output.starts_with("0aff ("), "{output}");
}

#[test]
fn machines_read_objects() {
    let server = server();
    let url = server.url("/echo");
    let said = objects(&[&url, "--protocol", "other", "--protocol", "chat", "--count", "1"], "a \"b\"\n");
    let expected = [
        json!({"event": "open", "url": url, "protocol": "chat"}),
        json!({"event": "message", "text": "a \"b\""}),
        json!({"event": "close", "code": 1000, "reason": ""}),
    ];
    assert_eq!(said, expected);
    let said = objects(&[&url, "--send", "ff", "--binary", "--count", "2"], "");
    assert_eq!((&said[0]["protocol"], &said[1]["hex"]), (&Value::Null, &json!("ff")));
    assert!(said[2]["us"].is_u64());
    assert_eq!((&said[4]["event"], &said[4]["sent"]), (&json!("times"), &json!(2)));
    let said = objects(&[&server.url("/close?1001=bye"), "--wait", "20"], "now\n");
    assert_eq!(said[1], json!({"event": "close", "code": 1001, "reason": "bye"}));
}

#[test]
fn headers_and_origin_go_with_the_request() {
    let server = server();
    let arguments = [
        &server.url("/headers"),
        "--header",
        "X-One: a: b",
        "--header",
        "X-Two:2",
        "--origin",
        "http://a.example",
    ];
    let output = well(&[&arguments[..], &["--count", "1"]].concat(), "");
    let headers: Value = serde_json::from_str(&output).unwrap();
    assert_eq!((&headers["X-One"], &headers["X-Two"]), (&json!("a: b"), &json!("2")));
    assert_eq!(headers["Origin"], "http://a.example");
}

#[test]
fn a_silent_peer_is_pinged() {
    let server = server();
    assert_eq!(well(&[&server.url("/pinged"), "--ping", "0.1", "--count", "1"], ""), "pinged\n");
    assert_eq!(server.line_after("open "), "/pinged");
    assert_eq!(server.line(), "ping");
}

#[test]
fn how_the_peer_closes_is_told() {
    let server = server();
    let left = ws(&[&server.url("/close?1001=bye"), "--wait", "20"], "now\n");
    assert_eq!(
        (left.code, left.output.as_str()),
        (0, "ws: the connection is closed: 1001 (going away) \"bye\"\n")
    );
    for arguments in [&["--send", "now"][..], &["--wait", "20"]] {
        let failed = ws(&[&[&*server.url("/close?4001=no")], arguments].concat(), "now\n");
        assert!(
            failed.code == 1 && failed.output.contains("4001") && failed.output.ends_with("\"no\"\n"),
            "{}",
            failed.output
        );
    }
}

#[test]
fn a_lost_connection_is_opened_again() {
    let server = server();
    let mut ws = Running::start("ws", &[&server.url("/drop"), "--reconnect", "--json"]);
    ws.line_after("{\"event\":\"open\"");
    ws.write("one");
    assert!(ws.line_after("{\"event\":\"lost\",").ends_with("\"again_in\":1}"));
    ws.write("two");
    ws.line_after("{\"event\":\"open\"");
    assert_eq!(ws.line(), "{\"event\":\"message\",\"text\":\"two\"}");
    assert_eq!(ws.end(), 0);
}

#[test]
fn a_message_that_is_cut_off_ends_its_line() {
    let server = server();
    let arguments = [&*server.url("/tear"), "--reconnect", "--protocol", "chat", "--json"];
    let mut ws = Running::start("ws", &arguments);
    let open = ws.line_after("{\"event\":\"open\"");
    ws.write("one");
    assert_eq!(ws.line(), "{\"event\":\"message\",\"text\":\"cut\",\"cut_off\":true}");
    ws.line_after("{\"event\":\"lost\",");
    ws.write("two");
    assert!(open.ends_with("\"protocol\":\"chat\"}"), "{open}");
    assert_eq!(ws.line_after("{\"event\":\"open\""), open);
    assert_eq!(ws.line(), "{\"event\":\"message\",\"text\":\"two\"}");
    assert_eq!(ws.end(), 0);
}

#[test]
fn a_round_trip_is_made_again_that_was_lost() {
    let server = server();
    let said = objects(&[&server.url("/drop"), "--send", "x", "--count", "2", "--reconnect"], "");
    let events: Vec<_> = said.iter().map(|object| object["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["open", "lost", "open", "message", "message", "close", "times"]);
}

#[test]
fn a_server_that_comes_later_is_waited_for() {
    let port = unused_port();
    let url = format!("ws://127.0.0.1:{port}/echo");
    let mut ws = Running::start("ws", &[&url, "--reconnect", "--json"]);
    ws.line_after("{\"event\":\"lost\",");
    let server = Python::start("programs/peers/server.py", &[&port.to_string()]);
    ws.write("hello");
    ws.line_after("{\"event\":\"open\"");
    assert_eq!(ws.line(), "{\"event\":\"message\",\"text\":\"hello\"}");
    assert_eq!(ws.end(), 0);
    assert_eq!(server.line_after("closed "), "1000 1");
}

#[test]
fn the_end_of_the_input_ends_the_waiting_for_a_connection() {
    let arguments = [&*format!("ws://{NOBODY}/"), "--reconnect", "--json"];
    let never = Running::start("ws", &arguments);
    never.line_after("{\"event\":\"lost\",");
    assert_eq!(never.end(), 1);
    let server = server();
    let mut lost = Running::start("ws", &[&server.url("/drop"), "--reconnect", "--json"]);
    lost.write("one");
    lost.line_after("{\"event\":\"lost\",");
    // Before its input ends, so that it is not open again just then.
    drop(server);
    assert_eq!(lost.end(), 1);
}

#[test]
fn what_cannot_be_otherwise_is_not_tried_again() {
    let server = server();
    let closed = ws(&[&server.url("/close?4001=no"), "--reconnect", "--wait", "20"], "now\n");
    assert!(closed.code == 1 && !closed.output.contains("again in"), "{}", closed.output);
    let done = ws(&[&server.url("/close?1000=done"), "--reconnect", "--wait", "20"], "now\n");
    assert_eq!(done.code, 0, "{}", done.output);
}

#[test]
fn a_password_is_shown_to_the_server_and_to_nobody_else() {
    let server = server();
    let url = server.url("/headers").replace("ws://", "ws://me:s%65cret@");
    let said = objects(&[&url, "--count", "1"], "");
    assert_eq!(said[0]["url"], server.url("/headers").replace("ws://", "ws://me@"));
    assert!(
        said[1]["text"].as_str().unwrap().contains("\"Authorization\": \"Basic bWU6c2VjcmV0\""),
        "{said:?}"
    );
    drop(server);
    for url in [&*url, "ws://me:s%65cret@h/#top", "me:s%65cret@h"] {
        let failed = ws(&[url], "");
        assert!(failed.code == 1 && !failed.output.contains("cret"), "{}", failed.output);
    }
}

#[test]
fn the_wrong_scheme_is_told() {
    let server = server();
    let secure = ws(&[&server.url("/echo").replace("ws:", "wss:")], "");
    assert!(secure.code == 1 && secure.output.contains("perhaps it is ws://"), "{}", secure.output);
}

#[test]
fn whom_to_trust_is_said() {
    let files = Scratch::new();
    let (ca, certificate, key) = certificates(&files);
    let server = Python::start("programs/peers/server.py", &["0", &certificate, &key]);
    let url = format!("wss://localhost:{}/echo", server.port);
    let output = well(&[&url, "--ca", &ca, "--send", "hello"], "");
    assert!(output.starts_with("hello ("), "{output}");
    for (whom, said) in [(&[][..], "--ca FILE"), (&["--device-store"], "store a root there")] {
        let refused = ws(&[&[&*url], whom].concat(), "");
        assert!(refused.code == 1 && refused.output.contains(said), "{}", refused.output);
    }
    let plain = ws(&[&url.replace("wss:", "ws:")], "");
    assert!(plain.code == 1 && plain.output.contains("perhaps it is wss://"), "{}", plain.output);
    let missing = ws(&[&url, "--ca", "/not/there"], "");
    assert!(
        missing.code == 1 && missing.output.starts_with("ws: --ca /not/there: No such file"),
        "{}",
        missing.output
    );
}

/// Files with an authority, a certificate of it for this machine, and the key.
fn certificates(files: &Scratch) -> (String, String, String) {
    let (ca_key, key) = (rcgen::KeyPair::generate().unwrap(), rcgen::KeyPair::generate().unwrap());
    let mut authority = rcgen::CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pem = authority.self_signed(&ca_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(authority, ca_key);
    let leaf = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap().pem();
    (files.write("ca.pem", pem), files.write("leaf.pem", leaf), files.write("key.pem", key.serialize_pem()))
}

#[test]
fn faults_say_what_and_where_and_what_to_do() {
    let nobody = format!("ws://{NOBODY}/");
    for (arguments, code, said) in [
        (&[][..], 2, "ws: there is no URL, such as ws://"),
        (&["--slow"], 2, "no option --slow"),
        (&["h:80"], 1, "h:80: the address begins neither with ws:// nor with wss://"),
        (&["ws://h/#x"], 1, "#"),
        (&["ws://h/", "--ca", "x"], 1, "only wss:// has certificates"),
        (&["ws://h/", "--send", "x", "--binary"], 1, "--send: \"x\": a byte has two hexadecimal digits"),
        (&[&nobody], 1, "is it running, and is this its port?"),
        (&["ws://no.such.host.invalid/"], 1, "look at the name"),
    ] {
        let ended = ws(arguments, "");
        assert!(
            ended.code == code && ended.output.contains(said),
            "{arguments:?}: {}: {}",
            ended.code,
            ended.output
        );
    }
    let help = ws(&["--help"], "");
    assert!(help.code == 0 && help.output.starts_with("usage: ws "), "{}", help.output);
}
