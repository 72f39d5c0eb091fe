//! Peers that break off, fall silent or talk nonsense while a connection is being secured: `open` fails in time and
//! says why, nothing is told to them, and another connection of the same service is served all the while.

use std::time::{Duration, Instant};

use xous_api_websocket::{Code, Deadlines, Tls, Websocket};

use crate::authority::Authority;
use crate::openssl::{Peer, Settings};
use crate::recorder::{ALERT, HANDSHAKE, Recorder};
use crate::support::{PATIENCE, refusal, request, system};

/// How long a peer may keep an opening waiting.
const OPEN: Duration = Duration::from_millis(1500);

/// A connection that has nothing to do with the peer under test.
struct Bystander {
    ws: Websocket,
    _peer: Peer,
}

impl Bystander {
    fn new() -> Self {
        let ca = Authority::new("root");
        let peer = Peer::start(&Settings::new("websocket", &ca.server(&["localhost"])));
        let ws = Websocket::open(&request(peer.port, "/echo", Tls::only(&ca.der))).unwrap();
        Bystander { ws, _peer: peer }
    }

    fn is_served(&self) {
        self.ws.send_text("still there").unwrap();
        assert_eq!(self.ws.receive_text(20).unwrap(), "still there");
    }
}

/// Opens to the peer, which must be refused with this code before the open deadline, and must not learn anything.
fn refused(peer: &Recorder, code: Code, what: &str) {
    // Short only where it is waited for: a busy machine's other peers take their time.
    let open = if code == Code::Timeout { OPEN } else { PATIENCE };
    let deadlines = Deadlines::new().open(open);
    let start = Instant::now();
    let (actual, text) = refusal(&request(peer.port(), "/secret", Tls::default()).options(deadlines));
    let time = start.elapsed();
    assert_eq!(actual, code, "{what}: {text}");
    assert!(code == Code::Timeout || time < open, "{what}: the deadline was needed: {text}");
    assert!(time < open * 3, "{what}: {time:?}");
    peer.seen().assert_nothing_told();
}

/// A record.
fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3], &(content.len() as u16).to_be_bytes()[..], content].concat()
}

/// A ServerHello of an older version, with a suite that the client offers.
fn server_hello(version: u8) -> Vec<u8> {
    let mut body = vec![3, version];
    body.extend([7; 32]);
    // No session, ECDHE-ECDSA-AES128-GCM, no compression, a secure renegotiation that has not been.
    body.extend([0, 0xc0, 0x2b, 0, 0, 5, 0xff, 0x01, 0, 1, 0]);
    handshake(2, &body)
}

/// A handshake message.
fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind], &(body.len() as u32).to_be_bytes()[1..], body].concat()
}

#[test]
fn what_is_not_tls() {
    system!().run(|| {
        let bystander = Bystander::new();
        let http = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nThis is a plain HTTP port.";
        for hang_up in [true, false] {
            refused(&Recorder::answering(move |_| http.into(), hang_up), Code::NotTls, "HTTP");
            refused(
                &Recorder::answering(|_| b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(), hang_up),
                Code::NotTls,
                "SSH",
            );
            refused(&Recorder::answering(|_| vec![0; 70_000], hang_up), Code::NotTls, "zeros");
            let echo = Recorder::answering(<[u8]>::to_vec, hang_up);
            refused(&echo, Code::TlsFailed, "an echo of the hello");
            bystander.is_served();
        }
    });
}

#[test]
fn ends_and_alerts_during_the_handshake() {
    system!().run(|| {
        let bystander = Bystander::new();
        let close_notify = record(ALERT, &[1, 0]);
        let [failure, internal_error] = [40, 80].map(|why| record(ALERT, &[2, why]));
        let cases = [
            ("an end", vec![], true, Code::TlsClosed),
            ("silence", vec![], false, Code::Timeout),
            ("close_notify and the end", close_notify.clone(), true, Code::TlsClosed),
            ("close_notify and silence", close_notify.clone(), false, Code::Timeout),
            ("many close_notify", close_notify.repeat(100), false, Code::TlsFailed),
            ("a fatal alert", failure, false, Code::TlsFailed),
            // That of a server without room, as this one is at times: trying again helps.
            ("an alert of a server in trouble", internal_error, false, Code::TlsClosed),
            ("half a record's header", vec![HANDSHAKE, 3], false, Code::Timeout),
            ("half a record", record(HANDSHAKE, &server_hello(3))[..40].to_vec(), false, Code::Timeout),
            (
                "half a record and the end",
                record(HANDSHAKE, &server_hello(3))[..40].to_vec(),
                true,
                Code::TlsClosed,
            ),
            ("a whole hello and silence", record(HANDSHAKE, &server_hello(3)), false, Code::Timeout),
            ("TLS 1.1", record(HANDSHAKE, &server_hello(2)), false, Code::TlsFailed),
        ];
        for (what, answer, hang_up, code) in cases {
            refused(&Recorder::answering(move |_| answer.clone(), hang_up), code, what);
            bystander.is_served();
        }
    });
}

#[test]
fn a_certificate_of_16_mib_is_refused_when_it_is_announced() {
    system!().run(|| {
        let bystander = Bystander::new();
        let mut flight = record(HANDSHAKE, &server_hello(3));
        // A Certificate message with one certificate that fills it, in records of 16 KiB.
        let len = (1 << 24) - 1;
        let mut message = vec![11];
        for len in [len, len - 3, len - 6] {
            message.extend(&u32::to_be_bytes(len)[1..]);
        }
        message.resize(4 + len as usize, 0x30);
        message.chunks(1 << 14).for_each(|chunk| flight.extend(record(HANDSHAKE, chunk)));
        let flood = Recorder::answering(move |_| flight.clone(), false);
        refused(&flood, Code::TlsFailed, "a certificate of 16 MiB");
        bystander.is_served();
    });
}

#[test]
fn a_server_that_is_cut_off_anywhere_in_its_handshake() {
    system!().time_limit(Duration::from_secs(180)).run(|| {
        let bystander = Bystander::new();
        let ca = Authority::new("root");
        // With another kind of key, handshakes would differ in length.
        let leaf = ca.server_ed25519(&["localhost"]);
        for version in ["TLSv1_2", "TLSv1_3"] {
            let peer = Peer::start(&Settings::new("record", &leaf).only(version));
            for limit in cuts(&peer, &ca, version) {
                let relay = Recorder::relay(peer.port, limit);
                // With another trust, in its form, than the session that `cuts` has left.
                let (code, text) = refusal(&request(relay.port(), "/secret", Tls::only(ca.pem.as_bytes())));
                assert_eq!(code, Code::TlsClosed, "{version} cut at {limit}: {text}");
                relay.seen().assert_nothing_told();
            }
            bystander.is_served();
        }
    });
}

/// Places to cut the bytes of the server at, all of them before the client has reason to trust it.
fn cuts(peer: &Peer, ca: &Authority, version: &str) -> Vec<usize> {
    let relay = Recorder::relay(peer.port, usize::MAX);
    let deadlines = Deadlines::new().open(OPEN);
    // The peer takes the request and does not answer.
    let (code, _) = refusal(&request(relay.port(), "/", Tls::only(&ca.der)).options(deadlines));
    assert_eq!(code, Code::Timeout, "{version}");
    let seen = relay.seen();
    let request = seen.sent.len() - 1;
    let whole = seen.after[request];
    assert!(whole > 500, "{version}: a handshake of {whole} bytes");
    (0..whole).filter(|at| *at < 20 || at % 23 == 0 || *at + 20 > whole).collect()
}
