//! Certificates: the port's, renewed or useless, and those of clients.

use xous_api_websocket::error::{ControlError, ListenError};
use xous_api_websocket::{
    Code, Listen, Listener, ServerTls,
    tls::{Identity, Source},
};

use crate::authority::Authority;
use crate::client::Settings;
use crate::support::{PATIENCE, system};

use super::{VERSIONS, echo, listen, listener, tls};

#[test]
fn renewing_leaves_open_connections_alone() {
    system!().run(|| {
        let ca = Authority::new("root");
        let (old, new) = (ca.server(&["localhost", "old"]), ca.server(&["localhost", "new"]));
        for (version, _) in VERSIONS {
            let listener = listener(&listen(tls(&old)));
            let settings = Settings::new("hold", listener.port(), &ca.pem).only(version);
            let mut client = settings.start();
            let ws = listener.accept().unwrap().websocket;
            std::thread::scope(|scope| {
                scope.spawn(|| echo(&ws));
                assert_eq!(client.report(), "{\"opened\": true}");
                assert_eq!(client.ask("before"), "{\"text\": \"before\"}");
                listener.renew(&tls(&new)).unwrap();
                assert_eq!(client.ask("after"), "{\"text\": \"after\"}");
                Settings { mode: "get", ..settings }.start().expect("/", &["HTTP/1.1 200", "\"new\""]);
                assert_eq!(client.ask("and after"), "{\"text\": \"and after\"}");
                drop(client);
            });
        }
    });
}

#[test]
fn only_clients_with_a_certificate_are_let_in_where_one_is_asked_for() {
    system!().run(|| {
        let (ca, clients) = (Authority::new("root"), Authority::new("clients"));
        let leaf = ca.server(&["localhost"]);
        let (fine, strange, server) =
            (clients.client("client"), ca.client("client"), clients.server(&["client"]));
        let old = clients.client_valid("client", (2020, 2021));
        let listener = listener(&listen(tls(&leaf).clients(clients.pem.as_bytes())));
        for (version, _) in VERSIONS {
            let settings = Settings::new("get", listener.port(), &ca.pem).only(version);
            let mut client = settings.leaf(&fine).start();
            client.expect("/", &["HTTP/1.1 200", "\"resumed\": false"]);
            client.expect("/", &["HTTP/1.1 200", "\"resumed\": true"]);
            settings.start().expect("/", &["error", "certificate required"]);
            settings.leaf(&strange).start().expect("/", &["error", "unknown ca"]);
            settings.leaf(&server).start().expect("/", &["error", "certificate"]);
            settings.leaf(&old).start().expect("/", &["error", "certificate expired"]);
            // Nobody who was refused is in the way of others.
            client.expect("/", &["HTTP/1.1 200"]);

            let client = Settings { mode: "messages", ..settings }.leaf(&fine).start();
            let incoming = listener.accept().unwrap();
            assert_eq!(incoming.certificate_name(), Some("client"));
            echo(&incoming.websocket);
            assert!(client.report().contains("version"));
        }
    });
}

#[test]
fn what_is_of_no_use_is_refused_at_once() {
    system!().run(|| {
        let ca = Authority::new("root");
        let (leaf, other) = (ca.server(&["localhost"]), ca.server(&["localhost"]));
        let identity = |chain: &[&'static str], key: &'static str| {
            let chain = chain.iter().map(|part| Source::Bytes(part.as_bytes())).collect();
            ServerTls::new(Identity::from_sources(chain, Source::Bytes(key.as_bytes())))
        };
        let (chain, key): (&'static str, &'static str) = (leak(&leaf.chain), leak(&leaf.key));
        let cases = [
            ("no chain", identity(&[], key)),
            ("an empty certificate", identity(&[""], key)),
            ("no certificate", identity(&["certificate"], key)),
            ("a key for a certificate", identity(&[key], key)),
            ("half a certificate", identity(&[&chain[..chain.len() / 2]], key)),
            ("no key", identity(&[chain], "")),
            ("a certificate for a key", identity(&[chain], chain)),
            ("half a key", identity(&[chain], &key[..key.len() / 2])),
            ("another key", identity(&[chain], leak(&other.key))),
            ("no clients' roots", identity(&[chain], key).clients(b"roots")),
            ("an empty root", identity(&[chain], key).clients(b"")),
        ];
        let port = listener(&listen(tls(&leaf)));
        for (what, tls) in cases {
            match Listener::listen(&listen(tls.clone())) {
                Err(ListenError::Failed { code: Code::BadRequest, text }) => assert_ne!(text, "", "{what}"),
                Err(other) => panic!("{what}: {other:?}"),
                Ok(_) => panic!("{what} is listened with"),
            }
            let refused = port.renew(&tls);
            assert!(matches!(refused, Err(ControlError::Refused(Code::BadRequest))), "{what}: {refused:?}");
        }
        // What was there before still is.
        Settings::new("get", port.port(), &ca.pem).start().expect("/", &["HTTP/1.1 200"]);
    });
}

fn leak(text: &str) -> &'static str {
    text.to_owned().leak()
}

#[test]
fn a_port_is_secure_or_plain_for_all_and_its_opener_alone_renews() {
    system!()
        .role("opener", || {
            let ca = Authority::new("root");
            let leaf = ca.server(&["localhost"]);
            let plain = Listener::listen(&Listen::new("127.0.0.1", 0)).unwrap();
            let refused = plain.renew(&tls(&leaf));
            assert!(matches!(refused, Err(ControlError::Refused(Code::NotPermitted))), "{refused:?}");

            let secure = listener(&listen(tls(&leaf)));
            for (port, listen) in [
                (secure.port(), Listen::new("127.0.0.1", secure.port())),
                (plain.port(), at(plain.port(), listen(tls(&leaf)))),
            ] {
                let refused = Listener::listen(&listen).err();
                assert!(
                    matches!(refused, Some(ListenError::Failed { code: Code::BadRequest, .. })),
                    "{port}: {refused:?}"
                );
            }
            hosted::tell("guest", &format!("{}", secure.port()));
            assert_eq!(hosted::hear(), "done");
            let mut client = Settings::new("get", secure.port(), &ca.pem).start();
            client.expect("/", &["HTTP/1.1 200"]);
        })
        .role("guest", || {
            let port = hosted::hear().parse().unwrap();
            let own = Authority::new("guest");
            let leaf = own.server(&["localhost"]);
            let wanted = at(port, listen(tls(&leaf)));
            match Listener::listen(&wanted).err() {
                Some(ListenError::Failed { code: Code::BadRequest, text }) => {
                    assert!(text.contains("another certificate"), "{text}")
                }
                other => panic!("{other:?}"),
            }
            let guest = Listener::listen(&wanted.as_it_is()).unwrap();
            let refused = guest.renew(&tls(&leaf));
            assert!(matches!(refused, Err(ControlError::Refused(Code::NotPermitted))), "{refused:?}");
            hosted::tell("opener", "done");
        })
        .time_limit(PATIENCE * 2)
        .run_roles();
}

#[test]
fn whose_clients_are_let_in_is_for_the_first_program_on_a_port_to_say() {
    system!().run(|| {
        let (ca, clients) = (Authority::new("root"), Authority::new("clients"));
        let leaf = ca.server(&["localhost"]);
        let first = listener(&listen(tls(&leaf)));
        let mut second = listen(tls(&leaf).clients(clients.pem.as_bytes()));
        second.port = first.port();
        match Listener::listen(&second) {
            Err(ListenError::Failed { code: Code::BadRequest, text }) => {
                assert!(text.contains("clients"), "{text}")
            }
            other => panic!("{:?}", other.err()),
        }
        second.tls = Some(tls(&leaf));
        assert_eq!(Listener::listen(&second).unwrap().port(), first.port());
    });
}

fn at(port: u16, mut listen: Listen<'_>) -> Listen<'_> {
    listen.port = port;
    listen
}

/// Not the listener that came first alone.
#[test]
fn whoever_opened_a_port_renews_its_certificate_by_any_listener() {
    system!().run(|| {
        let ca = Authority::new("root");
        let (old, new) = (ca.server(&["localhost", "old"]), ca.server(&["localhost", "new"]));
        let first = listener(&listen(tls(&old)));
        let mut again = listen(tls(&old));
        again.port = first.port();
        let second = Listener::listen(&again).unwrap();
        drop(first);
        second.renew(&tls(&new)).unwrap();
    });
}
