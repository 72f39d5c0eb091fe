//! Which version of a file is meant: digests, conditions, and downloads that go on.

use std::process::Command;

use serde_json::Value;
use xous_api_websocket::Upload;

use crate::by_hand::{Answer, Client};
use crate::common::{pattern, system};
use crate::scratch::Scratch;
use crate::sender::{DICT, Sender, get, listen, sha256};

/// Asks for the head of a file, with these header lines.
fn head(port: u16, path: &str, lines: &str) -> Answer {
    let request = format!("HEAD {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n");
    Client::with(port, request).answer_to_head()
}

fn store(port: u16, name: &str, data: &[u8]) {
    let mut sender = Sender::connect(port);
    sender.file(1, name, data);
    sender.accepted(1);
    sender.stored(1, data);
    sender.close();
}

/// The tag of a file, which is a strong one.
fn tag(port: u16, path: &str) -> String {
    let answer = head(port, path, "");
    let tag = answer.field("ETag").unwrap().to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "{tag}");
    tag
}

#[test]
fn a_head_has_the_digest_and_conditions_are_kept() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT).replace(true));
        let port = listener.port();
        store(port, "a", b"hello");
        let answer = head(port, "/files/a", "");
        // RFC 9530: base64 of the SHA-256 of "hello".
        let digest = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:";
        assert_eq!((answer.status, answer.field("Repr-Digest")), (200, Some(digest)));
        let first = tag(port, "/files/a");
        assert_eq!(first, format!("\"{}\"", sha256(b"hello")));

        let known = head(port, "/files/a", &format!("If-None-Match: \"x\", {first}\r\n"));
        assert_eq!((known.status, known.field("ETag")), (304, Some(&*first)));
        assert_eq!(known.field("Content-Length"), None);
        // Of what a 200 has, all that says how a cache may keep it (RFC 9110 section 15.4.5).
        for name in ["Cache-Control", "Content-Location", "ETag", "Expires", "Vary"] {
            assert_eq!(known.field(name), answer.field(name), "{name}");
        }
        assert_eq!(known.field("Cache-Control"), Some("no-cache"));
        assert!(known.field("Date").is_some(), "{}", known.head);
        assert_eq!(get(port, "/files/a", "If-None-Match: \"x\"\r\n").body, b"hello");
        let changed = get(port, "/files/a", "If-Match: \"x\"\r\n");
        assert!(changed.head.starts_with("HTTP/1.1 412 Precondition Failed\r\n"), "{}", changed.head);

        let range = |tag: &str| get(port, "/files/a", &format!("Range: bytes=2-\r\nIf-Range: {tag}\r\n"));
        let part = range(&first);
        assert_eq!((part.status, &part.body[..]), (206, &b"llo"[..]));
        assert_eq!(part.field("ETag"), Some(&*first));
        store(port, "a", b"world");
        let whole = range(&first);
        assert_eq!((whole.status, &whole.body[..]), (200, &b"world"[..]), "another version");
        assert_eq!(head(port, "/files/a", &format!("If-None-Match: {first}\r\n")).status, 200);
    });
}

#[test]
fn a_file_from_before_the_start_has_a_tag_and_no_digest() {
    system!().run(|| {
        let directory = hosted::pddb_directory().join(".System").join(DICT);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("a"), "before").unwrap();
        let listener = listen(Upload::new(DICT).replace(true));
        let port = listener.port();
        let before = tag(port, "/files/a");
        assert_eq!(head(port, "/files/a", "").field("Repr-Digest"), None);
        assert_eq!(tag(port, "/files/a"), before);
        let part = get(port, "/files/a", &format!("Range: bytes=3-\r\nIf-Range: {before}\r\n"));
        assert_eq!((part.status, &part.body[..]), (206, &b"ore"[..]));
        store(port, "a", b"behind");
        assert_ne!(tag(port, "/files/a"), before);
        assert_eq!(get(port, "/files/a", &format!("Range: bytes=3-\r\nIf-Range: {before}\r\n")).status, 200);
    });
}

/// curl asks for the rest of what it has.
#[test]
fn curl_goes_on_with_a_download_and_mixes_no_versions() {
    hosted::tools::require("curl");
    system!().run(|| {
        let listener = listen(Upload::new(DICT).replace(true));
        let port = listener.port();
        let (old, new) = (pattern(300_000), pattern(200_001));
        store(port, "a", &old);
        let version = tag(port, "/files/a");
        let files = Scratch::new();
        let download = || {
            let path = files.write("a", &old[..123_456]);
            let status = Command::new("curl")
                .args(["--silent", "--fail", "--max-time", "30", "--continue-at", "-", "--output", &path])
                .args(["--header", &format!("If-Range: {version}")])
                .args(["--write-out", "%{http_code} %{size_download}"])
                .arg(format!("http://127.0.0.1:{port}/files/a"))
                .output()
                .unwrap();
            (String::from_utf8(status.stdout).unwrap(), std::fs::read(path).unwrap())
        };
        let (said, got) = download();
        assert_eq!(said, format!("206 {}", 300_000 - 123_456));
        assert!(got == old);
        store(port, "a", &new);
        let (said, got) = download();
        assert!(said.starts_with("200 "), "{said}");
        assert!(got == old[..123_456], "nothing of the new one behind a part of the old one");
    });
}

#[test]
fn who_sends_what_is_there_is_told_so_and_may_choose() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT).replace(true));
        let mut sender = Sender::connect(listener.port());
        sender.file(1, "a", b"hello");
        sender.accepted(1);
        sender.stored(1, b"hello");
        sender.text(r#"{"keep":2}"#);
        sender.file(2, "a", b"other");
        let answer = sender.answer();
        let member = |name: &str| answer[name].clone();
        assert_eq!((member("refused"), member("code")), (2.into(), "exists".into()));
        assert_eq!((member("length"), member("sha256")), (5.into(), sha256(b"hello").into()));
        assert_eq!(member("replaceable"), Value::Bool(true));
        sender.file(3, "a", b"other");
        sender.accepted(3);
        sender.stored(3, b"other");
    });
}
