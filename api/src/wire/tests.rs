//! Holds the layout of every page against bytes that the first version has written. They never change: a service and a
//! program of different versions meet.

use std::time::Duration;

use crate::certificate::{Fingerprint, Shown, ShownCertificate, Subject};
use crate::error::Closed;
use crate::state::{Phase, PortStatistics, Refused, RoundTrip, Statistics, Stats, Traffic};
use crate::wire::{Accepted, Handle, Refusal, Reply};
use crate::{
    Code, ConnectionOptions, Deadlines, Lease, Limits, Listen, Request, Route, ServerTls, Tls, Upload,
    files::{FileChange, FileEvent},
    open::CredentialsForm,
    serve::{Decision, ListenLimits, Login, SlowMember},
    tls::{Identity, Pin, Source},
};

fn expect(name: &str, page: &[u8]) {
    let mut lines = include_str!("../../testdata/pages.txt").lines().filter_map(|line| line.split_once(' '));
    let (_, recorded) = lines.find(|(known, _)| *known == name).unwrap();
    let written: String = page.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(written, recorded, "{name}");
}

/// What `write` writes into a page of the length that it takes.
macro_rules! expect_page {
    ($name:literal, $page:expr) => {{
        let page = $page;
        let mut bytes = vec![0; page.encoded_len()];
        assert_eq!(page.write(&mut bytes), Ok(bytes.len()));
        expect($name, &bytes);
    }};
}

fn identity() -> Identity<'static> {
    let chain = vec![Source::Bytes(b"certificate"), Source::Pddb { dict: "tls", key: "issuer" }];
    Identity::from_sources(chain, Source::Bytes(b"key"))
}

fn options() -> ConnectionOptions {
    let [open, write, close, stall, keepalive, pong] = [1, 2, 3, 4, 5, 6].map(Duration::from_millis);
    let deadlines = Deadlines::new().open(open).write(write).close(close).stall(stall);
    ConnectionOptions::new()
        .limits(Limits::new().frame(1).message(2).fragments(3))
        .deadlines(deadlines.keepalive(keepalive).pong(pong))
        .fragment_size(4096)
}

#[test]
fn requests_are_laid_out_as_ever() {
    let tls = Tls::only(b"one")
        .and(b"two")
        .and_in("a", "b")
        .and_all_in("c")
        .and_device_store()
        .server_name("example.org")
        .identity(identity())
        .pinned(Pin::Key(Fingerprint([7; 32])));
    let request = Request::new("example.com", 8080)
        .path("/a?b=c")
        .tls(tls)
        .credentials("me", "secret", CredentialsForm::Query)
        .origin("https://example.com")
        .sub_protocol("chat")
        .sub_protocol("superchat")
        .header("X-One", "1")
        .options(options())
        .redirects(7)
        .connect_to("192.0.2.1", 81)
        .proxy("proxy.example", 3128)
        .proxy_credentials("her", "word")
        .lease(Lease::new().silence(Duration::from_secs(77)));
    expect_page!("request", request);
    expect_page!("plain", Request::new("h", 1));
}

#[test]
fn ports_and_routes_are_laid_out_as_ever() {
    let limits = ListenLimits::new().connections(1).per_peer(2).head_bytes(3).head_lines(4);
    let listen = Listen::new("127.0.0.1", 8080)
        .origin("https://a")
        .tls(ServerTls::new(identity()).clients(b"roots"))
        .slow_members(SlowMember::Closed)
        .exposed()
        .as_it_is()
        .alone()
        .programs()
        .pairing()
        .limits(limits.head_time(Duration::from_millis(5)).accept_time(Duration::from_millis(6)))
        .options(options())
        .lease(Lease::new().silence(Duration::from_secs(77)));
    expect_page!("listen", listen);
    let receiver = Route::receiver("/chat").shared_prefix().decides().sub_protocol("a").sub_protocol("b");
    expect_page!("receiver", receiver.credentials(Login::basic("a", "b")).credentials(Login::bearer("c")));
    let upload = Upload::new("a/b").allow("*.txt").allow("b").replace(true).write_batch(9).largest(7);
    expect_page!("upload", Route::upload("/u", upload.transfers(3).resume(Duration::from_secs(1))));
    let told = Upload::new("a").asks().patience(Duration::from_millis(9));
    expect_page!("told", Route::upload("/u", told));
    expect_page!("page", Route::page("/", "text/html", b"<p>"));
    expect_page!("files", Route::files("/f/", "a"));
    expect_page!("decision", Decision::accept().sub_protocol("chat").header("Set-Cookie", "a=b"));
}

#[test]
fn answers_are_laid_out_as_ever() {
    let mut page = [0; 256];
    let mut accepted = Accepted::new(Handle::new(2, 7), 3, "127.0.0.1:9", "/a");
    (accepted.query, accepted.origin, accepted.head) = (Some(""), Some("null"), b"GET");
    (accepted.undecided, accepted.subject) = (true, Some(Subject(b"name")));
    let len = accepted.write(&mut page).unwrap();
    expect("accepted", &page[..len]);
    let mut reply = Reply::new(Handle::new(3, 9), 101);
    (reply.sub_protocol, reply.head) = (Some("chat"), b"HTTP");
    let len = reply.write(&mut page).unwrap();
    expect("reply", &page[..len]);
    let len = Refusal::new(404, "gone").answer(b"HTTP", b"body").write(&mut page);
    let shown = ShownCertificate::new(b"der".to_vec(), Fingerprint([7; 32]), None);
    let len = Shown::new(3, vec![shown]).write_behind(&mut page, len);
    expect("refusal", &page[..len]);
    let mut event = FileEvent::new(FileChange::Stored, "dict", "a/b");
    (event.missed, event.number, event.length, event.bytes) = (1, 2, 3, 4);
    (event.sha256, event.sender, event.code) = (Some([7; 32]), "127.0.0.1:9", "full");
    let len = event.write(&mut page).unwrap();
    expect("event", &page[..len]);
    let stats = Stats {
        connections: 1,
        workers_busy: 2,
        workers: 3,
        open_messages: 4,
        timers: 5,
        opened: 6,
        busy: 7,
        certificate_expires: 8,
        threads: 9,
        heap: 10,
        busy_messages: 11,
        busy_service: 12,
        busy_queue: 13,
        no_worker: 14,
    };
    let len = stats.write(&mut page).unwrap();
    expect("stats", &page[..32]);
    expect("stats-2", &page[..len]);
    let [last, least, mean] = [9, 10, 11].map(Duration::from_micros);
    let mut of_connection = Statistics::new(Handle::new(3, 9));
    (of_connection.phase, of_connection.is_server) = (Phase::Open, true);
    (of_connection.sent, of_connection.received) = (Traffic::new(1, 2), Traffic::new(3, 4));
    (of_connection.queued_sends, of_connection.queued_bytes, of_connection.failed_sends) = (5, 6, 7);
    of_connection.round_trip = Some(RoundTrip::new(last, least, mean));
    (of_connection.stalls, of_connection.reconnects) = (12, 13);
    of_connection.open_for = Duration::from_millis(14);
    (of_connection.peer, of_connection.path) = ("127.0.0.1:9".into(), "/a".into());
    of_connection.last_end = Some(Closed::new(1006, "lost"));
    of_connection.why = Some(Code::NoPong);
    let len = of_connection.write(&mut page).unwrap();
    expect("statistics", &page[..len]);
    let mut of_port = PortStatistics::default();
    (of_port.port, of_port.clients, of_port.connections, of_port.accepted) = (1, 2, 3, 4);
    (of_port.stalls, of_port.queued_sends) = (5, 6);
    (of_port.sent, of_port.received) = (Traffic::new(7, 8), Traffic::new(9, 10));
    of_port.open_for = Duration::from_millis(11);
    of_port.last_end = Some(Closed::new(1000, "bye"));
    of_port.refusals = vec![Refused::new(404, 12, "no")];
    let len = of_port.write(&mut page).unwrap();
    expect("port-statistics", &page[..len]);
}
