//! Certificate, key and clients' roots from keys of the PDDB.

use std::time::{Duration, Instant};

use hosted::Pddb as StandIn;
use xous_api_websocket::error::{ControlError, ListenError};
use xous_api_websocket::state::Stats;
use xous_api_websocket::{Code, Listener, Route, ServerTls, tls::Identity};

use crate::authority::{Authority, Leaf};
use crate::client::Settings;
use crate::keys::{mount, pddb, store};
use crate::support::system;

use super::{VERSIONS, echo, listen, listener, tls};

/// Puts it where [`own`] looks for it.
fn store_own(leaf: &Leaf) {
    store("tls", "chain", &leaf.chain);
    store("tls", "key", &leaf.key);
}

fn own() -> ServerTls<'static> {
    ServerTls::new(Identity::in_pddb("tls", "chain", "key"))
}

/// The code and text with which a port is refused.
fn refusal(tls: &ServerTls<'_>) -> (Code, String) {
    match Listener::listen(&listen(tls.clone())) {
        Err(ListenError::Failed { code, text }) => (code, text),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("{tls:?} is listened with"),
    }
}

#[test]
fn a_port_shows_what_is_in_the_pddb_and_what_has_come_there_since() {
    system!().run(|| {
        pddb();
        let (ca, clients) = (Authority::new("root"), Authority::new("clients"));
        let (old, new) = (ca.server(&["localhost", "old"]), ca.server(&["localhost", "new"]));
        let client = clients.client("client");
        store("tls", "clients", &clients.der);
        for (version, _) in VERSIONS {
            store_own(&old);
            let listener = listener(&listen(own()));
            let settings = Settings::new("get", listener.port(), &ca.pem).only(version);
            settings.start().expect("/", &["HTTP/1.1 200", "\"old\""]);
            let mut open = Settings { mode: "hold", ..settings }.start();
            let ws = listener.accept().unwrap().websocket;
            std::thread::scope(|scope| {
                scope.spawn(|| echo(&ws));
                assert_eq!(open.report(), "{\"opened\": true}");
                store_own(&new);
                settings.start().expect("/", &["HTTP/1.1 200", "\"old\""]);
                listener.renew(&own()).unwrap();
                settings.start().expect("/", &["HTTP/1.1 200", "\"new\""]);
                listener.renew(&own().clients_in("tls", "clients")).unwrap();
                settings.start().expect("/", &["error", "certificate required"]);
                settings.leaf(&client).start().expect("/", &["HTTP/1.1 200", "\"new\""]);
                assert_eq!(open.ask("still there"), "{\"text\": \"still there\"}");
                drop(open);
            });
        }
    });
}

#[test]
fn what_is_not_there_or_of_no_use_is_refused_and_the_port_keeps_what_it_has() {
    system!().run(|| {
        pddb();
        let ca = Authority::new("root");
        let (leaf, other) = (ca.server(&["localhost"]), ca.server(&["localhost"]));
        store_own(&leaf);
        store("tls", "other", &other.key);
        store("tls", "garbage", "garbage");
        store("tls", "long", vec![b' '; 65_537]);
        let from = |chain, key| ServerTls::new(Identity::in_pddb("tls", chain, key));
        let port = listener(&listen(own()));
        for (tls, code, texts) in [
            (from("nothing", "key"), Code::NoPddbKey, ["tls/nothing", "no such key"]),
            (from("chain", "nothing"), Code::NoPddbKey, ["tls/nothing", "store it there"]),
            (from("garbage", "key"), Code::BadPddbKey, ["tls/garbage", ""]),
            (from("key", "key"), Code::BadPddbKey, ["tls/key", "PEM without a certificate"]),
            (from("chain", "chain"), Code::BadPddbKey, ["tls/chain", "the private key"]),
            (
                from("chain", "other"),
                Code::BadPddbKey,
                ["tls/chain and tls/other", "not that of the certificate"],
            ),
            (from("chain", "long"), Code::BadPddbKey, ["tls/long", "at most 65536 bytes"]),
            (own().clients_in("tls", "garbage"), Code::BadPddbKey, ["tls/garbage", "not a CA certificate"]),
            (own().clients_in("nowhere", "ca"), Code::NoPddbKey, ["nowhere/ca", "no such key"]),
            (from("a:b", "key"), Code::BadRequest, ["tls/a:b", "a separator"]),
        ] {
            let (actual, text) = refusal(&tls);
            assert_eq!(actual, code, "{text}");
            assert!(texts.iter().all(|part| text.contains(part)), "{text:?} lacks one of {texts:?}");
            assert_eq!(port.renew(&tls), Err(ControlError::Refused(code)), "{texts:?}");
        }
        Settings::new("get", port.port(), &ca.pem).start().expect("/", &["HTTP/1.1 200"]);
    });
}

#[test]
fn an_unmounted_pddb_is_told_from_a_missing_key_and_serves_when_it_is_mounted() {
    system!().pddb(StandIn::new().unmounted()).run(|| {
        pddb();
        let ca = Authority::new("root");
        let (given, stored) = (ca.server(&["localhost", "given"]), ca.server(&["localhost", "stored"]));
        store_own(&stored);
        let (code, text) = refusal(&own());
        assert_eq!(code, Code::NoPddb, "{text}");
        assert!(text.contains("tls/chain") && text.contains("unlock it"), "{text}");
        let port = listener(&listen(tls(&given)));
        assert_eq!(port.renew(&own()), Err(ControlError::Refused(Code::NoPddb)));
        let settings = Settings::new("get", port.port(), &ca.pem);
        settings.start().expect("/", &["HTTP/1.1 200", "\"given\""]);
        mount();
        port.renew(&own()).unwrap();
        settings.start().expect("/", &["HTTP/1.1 200", "\"stored\""]);
        let port = listener(&listen(own()));
        Settings::new("get", port.port(), &ca.pem).start().expect("/", &["HTTP/1.1 200", "\"stored\""]);
    });
}

#[test]
fn nobody_else_waits_while_the_pddb_takes_its_time() {
    const SLOW: Duration = Duration::from_secs(2);
    system!().pddb(StandIn::new().slow(SLOW)).run(|| {
        pddb();
        let ca = Authority::new("root");
        let leaf = ca.server(&["localhost"]);
        store_own(&leaf);
        let start = Instant::now();
        let others = std::thread::scope(|scope| {
            let listening = scope.spawn(|| (listener(&listen(own())), start.elapsed()));
            // A port of its own, with a certificate that is given, and a client on it.
            let port = listener(&listen(tls(&leaf)));
            let served = Settings::new("get", port.port(), &ca.pem);
            let served = scope.spawn(move || served.start().expect("/", &["HTTP/1.1 200"]));
            let mut rounds = 0;
            while !listening.is_finished() {
                let asked = Instant::now();
                Stats::now().unwrap();
                assert!(asked.elapsed() < SLOW, "{:?}", asked.elapsed());
                rounds += 1;
            }
            served.join().unwrap();
            let (stored, took) = listening.join().unwrap();
            assert!(took >= 2 * SLOW, "{took:?}");
            Settings::new("get", stored.port(), &ca.pem).start().expect("/", &["HTTP/1.1 200"]);
            rounds
        });
        assert!(others > 2, "{others}");
    });
}

/// The end of a body that is not whole must not look like one that is (RFC 8446 section 6.1).
#[test]
fn files_their_list_and_refusals_end_with_a_close_notify() {
    system!().run(|| {
        pddb();
        store("shown", "a.txt", "hello");
        let ca = Authority::new("root");
        let leaf = ca.server(&["localhost"]);
        let listener = listener(&listen(tls(&leaf)));
        listener.add_route(&Route::files("/files/", "shown")).unwrap();
        for (version, _) in VERSIONS {
            let mut client = Settings::new("get", listener.port(), &ca.pem).only(version).start();
            client
                .expect("/files/a.txt", &["HTTP/1.1 200", "\"body\": \"hello\", \"end\": \"close_notify\""]);
            client.expect("/files/none", &["HTTP/1.1 404", "close_notify"]);
            client.expect("/files/", &["HTTP/1.1 200", "a.txt", "close_notify"]);
        }
    });
}
