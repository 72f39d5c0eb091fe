//! Whom to trust, and as whom, from keys of the PDDB. What cannot be read is refused; nothing takes its place.

use std::time::{Duration, Instant};

use hosted::Pddb as StandIn;
use websocket::pddb::{Create, DictPath, Pddb, PddbError};
use xous_api_websocket::state::Stats;
use xous_api_websocket::{
    Code, Deadlines, Event, Reconnect, Request, Tls, Websocket,
    tls::{Identity, Source},
};

use crate::authority::Authority;
use crate::keys::{mount, pddb, store};
use crate::openssl::{Peer, Settings};
use crate::recorder::Recorder;
use crate::support::{PATIENCE, refusal, request, system};

fn echoes(request: &Request<'_>) {
    let ws = Websocket::open(request).unwrap();
    ws.send_text("hello").unwrap();
    assert_eq!(ws.receive_text(5).unwrap(), "hello");
}

#[test]
fn roots_in_the_pddb_are_trusted_alone_or_beside_others() {
    system!().run(|| {
        pddb();
        let (ca, other) = (Authority::new("root"), Authority::new("other"));
        let leaf = ca.server(&["localhost"]);
        store("tls", "ca", &ca.der);
        store("tls", "other", &other.der);
        store("roots/of mine", "bundle", format!("a comment\n{}{}", other.pem, ca.pem));
        let peer = Peer::start(&Settings::new("websocket", &leaf));
        for tls in [
            Tls::only_in("tls", "ca"),
            Tls::only_in("roots/of mine", "bundle"),
            Tls::only_in("tls", "other").and_in("tls", "ca"),
            Tls::only(&other.der).and_in("tls", "ca"),
            Tls::default().and_in("tls", "ca"),
        ] {
            echoes(&request(peer.port, "/echo", tls));
        }
        let relay = Recorder::relay(peer.port, usize::MAX);
        let (code, text) = refusal(&request(relay.port(), "/secret", Tls::only_in("tls", "other")));
        assert_eq!(code, Code::UnknownIssuer, "{text}");
        relay.seen().assert_nothing_told();
    });
}

#[test]
fn what_was_stored_last_counts() {
    system!().run(|| {
        pddb();
        let (ca, other) = (Authority::new("root"), Authority::new("other"));
        let leaf = ca.server(&["localhost"]);
        let peer = Peer::start(&Settings::new("websocket", &leaf));
        let request = request(peer.port, "/echo", Tls::only_in("tls", "ca"));
        store("tls", "ca", &ca.pem);
        echoes(&request);
        store("tls", "ca", &other.pem);
        let (code, text) = refusal(&request);
        assert_eq!(code, Code::UnknownIssuer, "{text}");
        store("tls", "ca", &ca.pem);
        echoes(&request);
    });
}

/// A connection that is opened again is trusted by, and shows, what is stored by then.
#[test]
fn what_is_stored_is_read_anew_for_each_attempt() {
    system!().run(|| {
        pddb();
        let hour = Duration::from_secs(3600);
        let (before, after) = (Authority::new("before"), Authority::new("after"));
        let begin = |ca: &Authority| {
            let client = ca.client("client");
            store("tls", "ca", &ca.pem);
            store("tls", "chain", &client.chain);
            store("tls", "key", &client.key);
            Peer::start(&Settings::new("websocket", &ca.server(&["localhost"])).client_ca(&ca.pem))
        };
        let asks = |peer: &Peer| {
            let tls = Tls::only_in("tls", "ca").identity(Identity::in_pddb("tls", "chain", "key"));
            request(peer.port, "/info", tls).reconnect(Reconnect::new().first(hour).largest(hour))
        };
        let shows_itself = |ws: &Websocket| {
            assert!(ws.receive_text(4096).unwrap().contains("\"client\": true"));
        };
        let peer = begin(&before);
        let ws = Websocket::open(&asks(&peer)).unwrap();
        shows_itself(&ws);
        drop(peer);
        assert!(matches!(ws.receive_event(), Ok(Event::Reconnecting { .. })));
        let peer = begin(&after);
        ws.reconnect_with(&asks(&peer)).unwrap();
        ws.reconnect_now().unwrap();
        assert!(matches!(ws.receive_event(), Ok(Event::Reopened { .. })));
        shows_itself(&ws);
    });
}

#[test]
fn a_client_s_certificate_and_key_are_in_the_pddb() {
    system!().run(|| {
        pddb();
        let ca = Authority::new("root");
        let (leaf, client) = (ca.server(&["localhost"]), ca.client("client"));
        store("tls", "client chain", &client.chain);
        store("tls", "client key", &client.key);
        let given = Source::Bytes(client.chain.as_bytes());
        let stored = Identity::in_pddb("tls", "client chain", "client key");
        for version in ["TLSv1_2", "TLSv1_3"] {
            let peer = Peer::start(&Settings::new("websocket", &leaf).only(version).client_ca(&ca.pem));
            for identity in [stored.clone(), Identity::from_sources(vec![given], stored.key)] {
                let tls = Tls::only(&ca.der).identity(identity);
                let ws = Websocket::open(&request(peer.port, "/info", tls)).unwrap();
                assert!(ws.receive_text(4096).unwrap().contains("\"client\": true"));
            }
        }
    });
}

#[test]
fn what_is_not_there_or_of_no_use_is_refused_and_named_before_anybody_is_asked() {
    system!().run(|| {
        pddb();
        let ca = Authority::new("root");
        let (client, other) = (ca.client("client"), ca.client("client"));
        store("tls", "ca", &ca.der);
        store("tls", "empty", "");
        store("tls", "garbage", "garbage");
        store("tls", "half", &ca.der[..ca.der.len() / 2]);
        store("tls", "half pem", &ca.pem[..ca.pem.len() / 2]);
        store("tls", "chain", &client.chain);
        store("tls", "key", &client.key);
        store("tls", "other", &other.key);
        store("tls", "long", [&ca.der[..], &vec![b' '; 65_537 - ca.der.len()]].concat());
        store("tls", "first", vec![b' '; 40_000]);
        let identity = |chain, key| Tls::only(&ca.der).identity(Identity::in_pddb("tls", chain, key));
        let long = "k".repeat(95);
        let peer = Peer::start(&Settings::new("record", &ca.server(&["localhost"])));
        let relay = Recorder::relay(peer.port, usize::MAX);
        for (tls, code, texts) in [
            (Tls::only_in("nowhere", "ca"), Code::NoPddbKey, ["nowhere/ca", "no such key"]),
            (Tls::only_in("tls", "nothing"), Code::NoPddbKey, ["tls/nothing", "store it there"]),
            (Tls::default().and_in("tls", "nothing"), Code::NoPddbKey, ["tls/nothing", "no such key"]),
            (Tls::only(&ca.der).and_in("tls", "nothing"), Code::NoPddbKey, ["tls/nothing", "no such key"]),
            (Tls::only_in("tls", "empty"), Code::BadPddbKey, ["tls/empty", "not a CA certificate"]),
            (Tls::default().and_in("tls", "garbage"), Code::BadPddbKey, ["tls/garbage", "store it anew"]),
            (Tls::only_in("tls", "half"), Code::BadPddbKey, ["tls/half", "not a CA certificate"]),
            (Tls::only_in("tls", "half pem"), Code::BadPddbKey, ["tls/half pem", "damaged"]),
            (Tls::only_in("tls", "key"), Code::BadPddbKey, ["tls/key", "PEM without a certificate"]),
            (Tls::only_in("tls", "long"), Code::BadPddbKey, ["tls/long", "at most 65536 bytes"]),
            (Tls::only_in("tls", "first").and_in("tls", "first"), Code::BadPddbKey, ["tls/first", "65536"]),
            (identity("nothing", "key"), Code::NoPddbKey, ["tls/nothing", "no such key"]),
            (identity("chain", "nothing"), Code::NoPddbKey, ["tls/nothing", "no such key"]),
            (identity("chain", "garbage"), Code::BadPddbKey, ["tls/garbage", "the private key"]),
            (
                identity("chain", "other"),
                Code::BadPddbKey,
                ["tls/chain and tls/other", "not that of the certificate"],
            ),
            (Tls::only_in("tls", ""), Code::BadRequest, ["\"tls/\"", "is empty"]),
            (Tls::only_in("tls", "a:b"), Code::BadRequest, ["tls/a:b", "a separator"]),
            (Tls::only_in("tls", "a/b"), Code::BadRequest, ["tls/a/b", "a separator"]),
            (Tls::only_in("tls", &long), Code::BadRequest, [&long, "too long"]),
        ] {
            let (actual, text) = refusal(&request(relay.port(), "/secret", tls));
            assert_eq!(actual, code, "{text}");
            assert!(texts.iter().all(|part| text.contains(part)), "{text:?} lacks one of {texts:?}");
        }
        assert!(relay.saw_nothing());
    });
}

#[test]
fn a_pddb_that_has_not_started_yet_is_waited_for() {
    system!().pddb(StandIn::new().late(Duration::from_millis(500))).run(|| {
        let (code, text) = refusal(&request(1, "/echo", Tls::default().and_in("tls", "ca")));
        assert_eq!(code, Code::NoPddbKey, "{text}");
    });
}

/// A system may be without one.
#[test]
fn a_pddb_that_never_starts_is_waited_for_once() {
    system!().pddb(StandIn::new().late(Duration::from_secs(3600))).run(|| {
        let stored = request(1, "/echo", Tls::default().and_in("tls", "ca"));
        let [first, second] = [(); 2].map(|()| {
            let start = Instant::now();
            let (code, text) = refusal(&stored);
            assert!(code == Code::NoPddb && text.contains("when it has started"), "{code:?}: {text}");
            start.elapsed()
        });
        assert!(second < first, "{second:?} is not less than {first:?}");
    });
}

#[test]
fn an_unmounted_pddb_is_told_from_a_missing_key() {
    system!().pddb(StandIn::new().unmounted()).run(|| {
        pddb();
        let ca = Authority::new("root");
        store("tls", "ca", &ca.der);
        let peer = Peer::start(&Settings::new("websocket", &ca.server(&["localhost"])));
        let relay = Recorder::relay(peer.port, usize::MAX);
        let stored = request(relay.port(), "/echo", Tls::default().and_in("tls", "ca"));
        let (code, text) = refusal(&stored);
        assert_eq!(code, Code::NoPddb, "{text}");
        assert!(text.contains("tls/ca") && text.contains("unlock it"), "{text}");
        assert!(relay.saw_nothing());
        mount();
        echoes(&stored);
    });
}

#[test]
fn the_open_deadline_holds_while_the_pddb_takes_its_time() {
    const SLOW: Duration = Duration::from_secs(2);
    system!().pddb(StandIn::new().slow(SLOW)).run(|| {
        pddb();
        let ca = Authority::new("root");
        store("tls", "ca", &ca.der);
        let peer = Peer::start(&Settings::new("websocket", &ca.server(&["localhost"])));
        let relay = Recorder::relay(peer.port, usize::MAX);
        let stored = request(relay.port(), "/echo", Tls::only_in("tls", "ca"));
        let deadlines = Deadlines::new().open(Duration::from_millis(300));
        let start = Instant::now();
        let (code, text) = refusal(&stored.clone().options(deadlines));
        assert_eq!(code, Code::Timeout, "{text}");
        assert!(start.elapsed() < SLOW, "{:?}", start.elapsed());
        // What was under way comes to nothing, and is in nobody's way.
        let start = Instant::now();
        while Stats::now().unwrap().workers_busy > 0 {
            assert!(start.elapsed() < PATIENCE);
        }
        assert!(relay.saw_nothing());
        echoes(&stored);
    });
}

#[test]
fn a_pddb_that_hangs_is_an_error_and_costs_one_wait() {
    system!().pddb(StandIn::new().hangs_at(1)).run(|| {
        pddb();
        let ca = Authority::new("root");
        store("tls", "ca", &ca.der);
        // The first change of a key is what it hangs at. What is asked before that is answered, however busy the PC is.
        let other = Pddb::new(Duration::from_secs(3));
        let key = DictPath::new(".System", "other").unwrap().key("key").unwrap();
        assert_eq!(other.create(&key, Create::default()).err(), Some(PddbError::NoAnswer));
        let peer = Peer::start(&Settings::new("record", &ca.server(&["localhost"])));
        let relay = Recorder::relay(peer.port, usize::MAX);
        let mut took = Vec::new();
        for _ in 0..2 {
            let start = Instant::now();
            let (code, text) = refusal(&request(relay.port(), "/secret", Tls::only_in("tls", "ca")));
            assert_eq!(code, Code::PddbFailed, "{text}");
            assert!(text.contains("tls/ca") && text.contains("does not answer"), "{text}");
            took.push(start.elapsed());
        }
        assert!(took[1] < took[0] / 2, "{took:?}");
        assert!(relay.saw_nothing());
    });
}
