//! Several programs on one port: who comes second gets what it has asked for, or nothing.

use std::time::Duration;

use hosted::{hear, tell};
use xous_api_websocket::error::{ControlError, ListenError};
use xous_api_websocket::{
    Code, ConnectionOptions, Deadlines, Limits, Listen, Listener, Route,
    serve::{ListenLimits, SlowMember},
};

use crate::by_hand::{Client, upgrade_request};
use crate::common::{system, unused_port};
use crate::serve::listen;

const EXISTS: ControlError = ControlError::Refused(Code::RouteExists);
const FULL: ControlError = ControlError::Refused(Code::NoRoute);

/// The code and text with which listening is refused.
fn refusal(listen: &Listen<'_>) -> (Code, String) {
    match Listener::listen(listen) {
        Err(ListenError::Failed { code, text }) => (code, text),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it listens"),
    }
}

fn body(port: u16, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    String::from_utf8(Client::with(port, request).answer().body).unwrap()
}

/// The page of another origin gets nowhere through a port that somebody else has opened to all.
#[test]
fn who_comes_second_to_a_port_is_not_less_safe_than_it_asked_to_be() {
    system!()
        .role("opener", || {
            let listener = Listener::listen(&listen().origin("*")).unwrap();
            tell("second", &listener.port().to_string());
            assert_eq!(hear(), "done");
        })
        .role("second", || {
            let port = hear().parse().unwrap();
            let own = || Listen::new("127.0.0.1", port);
            for (listen, what) in [
                (own(), "origins"),
                (own().origin("https://mine.example"), "origins"),
                (own().origin("*").origin("https://mine.example"), "origins"),
                (own().origin("*").limits(ListenLimits::new().per_peer(3)), "limits"),
                (own().origin("*").options(Limits::new().message(9)), "messages"),
                (own().origin("*").options(Deadlines::new().keepalive(Duration::from_secs(1))), "deadlines"),
                (own().origin("*").options(ConnectionOptions::new().fragment_size(7)), "frame"),
                (own().origin("*").slow_members(SlowMember::Closed), "slow"),
            ] {
                let (code, text) = refusal(&listen);
                assert_eq!(code, Code::BadRequest, "{text}");
                assert!(text.contains(what), "{what}: {text}");
            }
            assert_eq!(refusal(&own().origin("*").alone()).0, Code::PortInUse);
            // What is the same, and whoever does not mind.
            for listen in [
                own().origin("*"),
                own().origin("*").origin("*"),
                own().origin("*").programs(),
                own().as_it_is(),
            ] {
                let joined = Listener::listen(&listen).unwrap();
                joined.add_route(&Route::receiver("/mine")).unwrap();
                let evil = upgrade_request("/mine", "Origin: https://evil.example\r\n");
                let mut client = Client::with(port, evil);
                let _client = joined.accept().unwrap();
                client.opened();
            }
            tell("opener", "done");
        })
        .run_roles();
}

/// A browser sends a login to all that the port has.
#[test]
fn who_comes_second_to_a_port_sees_no_login() {
    const LOGIN: &str = "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n";
    let head_on = |listener: &Listener, path: &str| {
        listener.add_route(&Route::receiver(path)).unwrap();
        let mut client = Client::with(listener.port(), upgrade_request(path, LOGIN));
        let incoming = listener.accept().unwrap();
        client.opened();
        String::from_utf8(incoming.websocket.peer_head().to_vec()).unwrap()
    };
    system!()
        .role("opener", move || {
            let listener = Listener::listen(&listen()).unwrap();
            assert_eq!(head_on(&listener, "/first"), upgrade_request("/first", LOGIN));
            tell("second", &listener.port().to_string());
            assert_eq!(hear(), "done");
        })
        .role("second", move || {
            let port = hear().parse().unwrap();
            let joined = Listener::listen(&Listen::new("127.0.0.1", port)).unwrap();
            assert_eq!(head_on(&joined, "/second"), upgrade_request("/second", ""));
            tell("opener", "done");
        })
        .run_roles();
}

/// Programs send no origin, so that a list of origins alone does not say whether they are let in.
#[test]
fn who_keeps_programs_out_does_not_join_a_port_that_lets_them_in() {
    system!()
        .role("opener", || {
            let lets_in = Listener::listen(&listen().origin("https://mine.example").programs()).unwrap();
            let keeps_out = Listener::listen(&listen().origin("https://mine.example")).unwrap();
            tell("second", &format!("{} {}", lets_in.port(), keeps_out.port()));
            assert_eq!(hear(), "done");
        })
        .role("second", || {
            let ports = hear();
            let (lets_in, keeps_out) = ports.split_once(' ').unwrap();
            let own =
                |port: &str| Listen::new("127.0.0.1", port.parse().unwrap()).origin("https://mine.example");
            for other in [own(lets_in), own(keeps_out).programs()] {
                let (code, text) = refusal(&other);
                assert_eq!(code, Code::BadRequest, "{text}");
                assert!(text.contains("programs"), "{text}");
            }
            for same in [own(lets_in).programs(), own(keeps_out)] {
                Listener::listen(&same).unwrap();
            }
            tell("opener", "done");
        })
        .run_roles();
}

#[test]
fn a_port_of_ones_own_is_nobody_else_s() {
    system!()
        .role("opener", || {
            let again = Listen::new("127.0.0.1", unused_port());
            let listener = Listener::listen(&again.clone().alone()).unwrap();
            drop(Listener::listen(&again).unwrap());
            tell("second", &listener.port().to_string());
            assert_eq!(hear(), "done");
            drop(listener);
            tell("second", "free");
        })
        .role("second", || {
            let port = hear().parse().unwrap();
            let own = Listen::new("127.0.0.1", port);
            for listen in [own.clone(), own.clone().as_it_is(), own.clone().alone()] {
                assert_eq!(refusal(&listen).0, Code::PortInUse);
            }
            tell("opener", "done");
            assert_eq!(hear(), "free");
            assert_eq!(Listener::listen(&own).unwrap().port(), port);
        })
        .run_roles();
}

#[test]
fn a_route_takes_no_part_of_another_program_s_prefix() {
    system!()
        .role("first", || {
            let listener = Listener::listen(&listen()).unwrap();
            let page = |path| Route::page(path, "text/plain", b"first");
            listener.add_route(&page("/files/").prefix()).unwrap();
            listener.add_route(&page("/open/").shared_prefix()).unwrap();
            listener.add_route(&page("/exact")).unwrap();
            tell("second", &listener.port().to_string());
            assert_eq!(hear(), "tried");
            for (path, wanted) in [
                ("/files/x", "first"),
                ("/files/secret/x", "first"),
                ("/open/x", "first"),
                ("/open/theirs", "second"),
                ("/exact", "first"),
                ("/exact/below", "second"),
            ] {
                assert_eq!(body(listener.port(), path), wanted, "{path}");
            }
            // One's own prefix can be divided.
            listener.add_route(&Route::page("/files/x", "text/plain", b"third")).unwrap();
            assert_eq!(body(listener.port(), "/files/x"), "third");
            assert_eq!(listener.add_route(&page("/theirs/x")), Err(EXISTS));
            tell("second", "done");
        })
        .role("second", || {
            let listener = Listener::listen(&Listen::new("127.0.0.1", hear().parse().unwrap())).unwrap();
            let page = |path| Route::page(path, "text/plain", b"second");
            for path in ["/files/", "/files/x", "/files/secret/", "/%66iles/x", "/f%69les/%78", "/open/"] {
                let prefix = listener.add_route(&page(path).prefix());
                let exact = listener.add_route(&page(path));
                match path {
                    "/open/" => assert_eq!((prefix, exact.is_ok()), (Err(EXISTS), true)),
                    _ => assert_eq!((prefix, exact), (Err(EXISTS), Err(EXISTS)), "{path}"),
                }
            }
            listener.add_route(&page("/open/theirs")).unwrap();
            listener.add_route(&page("/exact/below")).unwrap();
            listener.add_route(&page("/theirs/").prefix()).unwrap();
            tell("first", "tried");
            assert_eq!(hear(), "done");
            drop(listener);
        })
        .run_roles();
}

/// Who has opened a port is not shut out of it by those who join.
#[test]
fn guests_do_not_take_all_routes_of_a_port() {
    system!()
        .role("opener", || {
            let listener = Listener::listen(&listen()).unwrap();
            for guest in ["one", "two", "three"] {
                tell(guest, &listener.port().to_string());
                assert_eq!(hear(), "full");
            }
            for at in 0..16 {
                listener.add_route(&Route::receiver(&format!("/mine/{at}"))).unwrap();
            }
            assert_eq!(listener.add_route(&Route::receiver("/mine/too")), Err(FULL));
            ["one", "two", "three"].iter().for_each(|guest| tell(guest, "done"));
        })
        .role("one", || guest("one", 8))
        .role("two", || guest("two", 8))
        .role("three", || guest("three", 0))
        .run_roles();
}

fn guest(name: &str, routes: usize) {
    let listener = Listener::listen(&Listen::new("127.0.0.1", hear().parse().unwrap())).unwrap();
    let add = |at: usize| listener.add_route(&Route::receiver(&format!("/{name}/{at}")));
    let all = Err(ControlError::Refused(Code::NotPermitted));
    assert_eq!(listener.add_route(&Route::receiver("/").prefix()), all, "every path of the port");
    let added = (0..).map_while(|at| add(at).ok()).count();
    assert_eq!(added, routes);
    assert_eq!(add(99), Err(FULL));
    tell("opener", "full");
    assert_eq!(hear(), "done");
}

/// The opener goes, a guest stays: who comes then and asks for the same has the port as if it had opened it. A guest does not
/// become that, however often it listens: it was let in by another one.
#[test]
fn who_comes_when_the_opener_has_gone_has_the_port() {
    const NOT_PERMITTED: ControlError = ControlError::Refused(Code::NotPermitted);
    let wanted = |port| Listen::new("127.0.0.1", port).pairing();
    let has_port = |listener: &Listener| {
        let code = listener.pairing_code().map(drop);
        let all = listener.add_route(&Route::receiver("/").prefix());
        assert_eq!(code.is_ok(), all.is_ok());
        code
    };
    system!()
        .role("opener", move || {
            let first = Listener::listen(&wanted(0)).unwrap();
            let second = Listener::listen(&wanted(first.port())).unwrap();
            tell("guest", &first.port().to_string());
            assert_eq!(hear(), "joined");
            // Not a property of the listener that came first.
            drop(first);
            assert_eq!(has_port(&second), Ok(()));
            tell("guest", "there");
            assert_eq!(hear(), "refused");
            drop(second);
            tell("guest", "gone");
        })
        .role("guest", move || {
            let port = hear().parse().unwrap();
            let stays = Listener::listen(&wanted(port)).unwrap();
            tell("opener", "joined");
            assert_eq!(hear(), "there");
            for _ in 0..2 {
                let again = Listener::listen(&wanted(port)).unwrap();
                assert_eq!(has_port(&again), Err(NOT_PERMITTED));
            }
            tell("opener", "refused");
            assert_eq!(hear(), "gone");
            assert_eq!(has_port(&stays), Err(NOT_PERMITTED));
            assert_eq!(has_port(&Listener::listen(&wanted(port)).unwrap()), Err(NOT_PERMITTED));
            tell("successor", &port.to_string());
            assert_eq!(hear(), "done");
            assert_eq!(has_port(&Listener::listen(&wanted(port)).unwrap()), Err(NOT_PERMITTED));
            tell("successor", "over");
        })
        .role("successor", move || {
            let port = hear().parse().unwrap();
            let own = Listener::listen(&wanted(port)).unwrap();
            assert_eq!(has_port(&own), Ok(()));
            for at in 0..31 {
                own.add_route(&Route::receiver(&format!("/{at}"))).unwrap();
            }
            tell("guest", "done");
            assert_eq!(hear(), "over");
        })
        .run_roles();
}

/// Who takes a port as it is does not say what it is to be.
#[test]
fn who_takes_a_port_as_it_is_does_not_have_it() {
    system!()
        .role("opener", || {
            let listener = Listener::listen(&listen().pairing()).unwrap();
            tell("guest", &listener.port().to_string());
            assert_eq!(hear(), "joined");
            drop(listener);
            tell("guest", "gone");
        })
        .role("guest", || {
            let port = hear().parse().unwrap();
            let _stays = Listener::listen(&Listen::new("127.0.0.1", port).pairing()).unwrap();
            tell("opener", "joined");
            assert_eq!(hear(), "gone");
            tell("next", &port.to_string());
            assert_eq!(hear(), "done");
        })
        .role("next", || {
            let own =
                Listener::listen(&Listen::new("127.0.0.1", hear().parse().unwrap()).as_it_is()).unwrap();
            assert_eq!(own.pairing_code(), Err(ControlError::Refused(Code::NotPermitted)));
            tell("guest", "done");
        })
        .run_roles();
}
