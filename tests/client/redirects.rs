//! Redirections, which are followed where the caller asks for it (RFC 9110 section 15.4).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use xous_api_websocket::error::OpenError;
use xous_api_websocket::{Code, Deadlines, Request, Websocket, open::CredentialsForm};

use crate::common::raw::{acceptance, expect_close, field, read_head};
use crate::common::{PATIENCE, nothing_is_left, peers, refusal, request, seen, system};

/// A peer that reports the head of each request. It sends on whoever does not ask for `/end`.
fn guide(lead: impl Fn(&str) -> String + Send + Sync + 'static) -> (Peer, Receiver<String>) {
    peers::serve(move |mut stream, heads| {
        let head = read_head(&mut stream);
        heads.send(head.clone()).unwrap();
        let path = head.split(' ').nth(1).unwrap_or_default();
        if path.starts_with("/end") {
            stream.write_all(acceptance(&head, "").as_bytes()).unwrap();
            expect_close(&mut stream);
        } else {
            lead_on(&mut stream, 302, &lead(path));
        }
    })
}

fn lead_on(stream: &mut TcpStream, status: u16, location: &str) {
    let head = format!("HTTP/1.1 {status} Go\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
}

fn path_of(head: &str) -> &str {
    head.split(' ').nth(1).unwrap()
}

#[test]
fn redirections_are_followed_on_this_server_and_to_others() {
    system!().run(|| {
        let (last, last_heads) = guide(|_| unreachable!());
        let place = last.address();
        let (first, heads) = guide(move |path| match path {
            "/a/b?c" => "d".into(),
            "/a/d" => "/e/../f?g#h".into(),
            _ => format!("http://{place}/end?x"),
        });
        let ask = request(&first).path("/a/b?c").redirects(3).header("X-Mine", "y");
        let ws = Websocket::open(&ask).unwrap();
        let heads: Vec<_> = (0..3).map(|_| seen(&heads)).collect();
        assert_eq!(heads.iter().map(|head| path_of(head)).collect::<Vec<_>>(), ["/a/b?c", "/a/d", "/f?g"]);
        let end = seen(&last_heads);
        assert_eq!((path_of(&end), field(&end, "X-Mine")), ("/end?x", Some("y")));
        assert_eq!(field(&end, "Host"), Some(&*place.to_string()));
        let mut keys: Vec<_> =
            heads.iter().chain([&end]).map(|head| field(head, "Sec-WebSocket-Key").unwrap()).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 4, "each connection has a key of its own");
        ws.close(1000, "").unwrap();
        nothing_is_left();
    });
}

#[test]
fn only_the_first_server_learns_who_the_caller_is() {
    system!().run(|| {
        let (other, other_heads) = guide(|_| unreachable!());
        let place = other.address();
        let (first, heads) = guide(move |path| match path.starts_with("/here") {
            true => "/there".into(),
            false => format!("ws://{place}/end"),
        });
        let basic = |ask: Request<'static>| ask.credentials("me", "secret", CredentialsForm::Basic);
        let by_hand = |ask: Request<'static>| ask.header("AUTHORIZATION", "Bearer secret");
        let query = |ask: Request<'static>| ask.credentials("me", "secret", CredentialsForm::Query);
        type Shows = fn(Request<'static>) -> Request<'static>;
        for shows in [basic as Shows, by_hand, query] {
            let ask = shows(request(&first).path("/here").redirects(5).header("Cookie", "a=secret"));
            drop(Websocket::open(&ask).unwrap());
            for _ in 0..2 {
                let head = seen(&heads);
                assert_eq!(field(&head, "Cookie"), Some("a=secret"));
                assert!(
                    field(&head, "Authorization").is_some() || path_of(&head).contains("secret"),
                    "{head}"
                );
            }
            let head = seen(&other_heads);
            assert!(!head.contains("secret") && field(&head, "Authorization").is_none(), "{head}");
        }
        nothing_is_left();
    });
}

#[test]
fn what_is_not_followed_is_a_refusal_that_says_why() {
    system!().run(|| {
        let (circle, heads) = guide(|path| path.into());
        for most in [0, 1, 10, 255] {
            let error = Websocket::open(&request(&circle).path("/round").redirects(most)).err().unwrap();
            assert!(matches!(error, OpenError::Refused { status: 302, .. }), "{error:?}");
            assert_eq!(error.header("Location"), Some("/round"));
            let most = most.min(Request::MAX_REDIRECTS);
            let says = format!("after {most} redirections");
            assert_eq!(error.to_string().contains(&says), most > 0, "{error}");
            (0..=most).for_each(|_| drop(seen(&heads)));
            assert!(heads.try_recv().is_err());
        }
        for location in ["mailto:a@b", "ftp://127.0.0.1/", "ws://u:p@127.0.0.1/", "/a b", "ws://"] {
            let (peer, _) = peers::serve(move |mut stream, _: &Sender<()>| {
                read_head(&mut stream);
                lead_on(&mut stream, 307, location);
            });
            let error = Websocket::open(&request(&peer).redirects(1)).err().unwrap();
            assert!(matches!(error, OpenError::Refused { status: 307, .. }), "{error:?}");
            assert!(error.to_string().contains(location), "{error}");
            assert_eq!(error.header("Location"), Some(location));
        }
        nothing_is_left();
    });
}

#[test]
fn a_place_that_cannot_be_asked_is_a_refusal_that_says_why() {
    system!().run(|| {
        let locations = [
            "ws://b%C3%BCcher.example/".to_owned(),
            "ws://a~b/".to_owned(),
            format!("/{}", "x".repeat(9000)),
            format!("ws://{}/", "h".repeat(254)),
        ];
        for location in locations {
            let (peer, heads) = guide(move |_| location.clone());
            let error = Websocket::open(&request(&peer).redirects(1)).err().unwrap();
            let text = error.to_string();
            assert!(matches!(error, OpenError::Refused { status: 302, .. }), "{error:?}");
            assert!(error.header("Location").is_some(), "{error:?}");
            assert!(text.contains(&peer.address().to_string()) && text.contains("cannot be asked"), "{text}");
            seen(&heads);
            assert!(heads.try_recv().is_err());
        }
        nothing_is_left();
    });
}

#[test]
fn all_of_it_ends_with_one_open_deadline() {
    let open = Duration::from_millis(500);
    system!().run(move || {
        let (slow, _) = peers::serve(|mut stream, _: &Sender<()>| {
            let head = read_head(&mut stream);
            if path_of(&head) == "/silent" {
                return drop(stream.read(&mut [0]));
            }
            // The pace of this peer, not a wait for anything.
            std::thread::sleep(Duration::from_millis(300));
            lead_on(&mut stream, 308, "/silent");
        });
        let start = Instant::now();
        let deadlines = Deadlines::new().open(open);
        let (code, text) = refusal(&request(&slow).redirects(3).options(deadlines));
        assert_eq!(code, Code::Timeout, "{text}");
        assert!(start.elapsed() >= open && start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());
        nothing_is_left();
    });
}
