//! Plain requests: each gets the right answer and none hangs.

use xous_api_websocket::error::ControlError;
use xous_api_websocket::{Code, Route};

use crate::by_hand::{Answer, Client, upgrade_request};
use crate::common::{nothing_is_left, system};
use crate::serve::{PAGE, listen, listener};

/// A request with a `Host`, and these header lines besides.
fn request(line: &str, lines: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n")
}

fn is_page(answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.head);
    assert_eq!(answer.field("Content-Type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.field("Content-Length").unwrap(), PAGE.len().to_string());
}

#[test]
fn a_page_is_got_with_its_type_and_length() {
    system!().run(|| {
        let listener = listener(&listen());
        let mut client = Client::with(listener.port(), request("GET /?query", "Connection: close\r\n"));
        let answer = client.answer();
        is_page(&answer);
        assert_eq!(answer.body, PAGE.as_bytes());
        assert_eq!(answer.field("Connection"), Some("close"));
        client.ended();

        let mut client = Client::with(listener.port(), request("HEAD /", "Connection: close\r\n"));
        is_page(&client.answer_to_head());
        client.ended();
        nothing_is_left();
    });
}

#[test]
fn requests_share_a_connection_one_after_the_other() {
    system!().run(|| {
        let listener = listener(&listen());
        let mut client = Client::connect(listener.port());
        for _ in 0..5 {
            client.send(request("GET /", ""));
            let answer = client.answer();
            is_page(&answer);
            assert_eq!(answer.field("Connection"), Some("keep-alive"));
        }
        client.send(request("HEAD /", ""));
        is_page(&client.answer_to_head());
        client.send(request("GET /nothing", ""));
        assert_eq!(client.answer().status, 404);
        client.send(request("GET /", "Connection: close\r\n"));
        is_page(&client.answer());
        client.ended();
        nothing_is_left();
    });
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    system!().run(|| {
        let listener = listener(&listen());
        let requests = request("GET /", "") + &request("GET /1", "") + &request("HEAD /", "");
        let mut client =
            Client::with(listener.port(), requests.repeat(100) + &upgrade_request("/ws", "") + "\u{89}");
        for _ in 0..100 {
            is_page(&client.answer());
            assert_eq!(client.answer().status, 404);
            is_page(&client.answer_to_head());
        }
        let incoming = listener.accept().unwrap();
        client.opened();
        drop(incoming);
        drop(client);
        nothing_is_left();
    });
}

/// RFC 9112 section 2.2.
#[test]
fn empty_lines_before_a_request_are_skipped() {
    system!().run(|| {
        let listener = listener(&listen());
        let page = request("GET /", "");
        let mut client = Client::with(listener.port(), format!("\r\n{page}\r\n{page}"));
        is_page(&client.answer());
        is_page(&client.answer());
        client.send("\r\n");
        client.send(upgrade_request("/ws", ""));
        let incoming = listener.accept().unwrap();
        client.opened();
        drop((incoming, client));
        nothing_is_left();
    });
}

/// RFC 9112 section 3.2: the value decides about origins and names, so it must be one.
#[test]
fn a_host_that_is_none_is_refused() {
    system!().run(|| {
        let listener = listener(&listen());
        for host in
            ["a b", "x/y", "http://x/", "user@x", "x:abc", "x:99999", "[::1", "x,y", "\"x\"", "\u{e4}"]
        {
            for request in [request("GET /", ""), request("GET http://h/", ""), upgrade_request("/ws", "")] {
                let (before, after) = request.split_once("Host: ").unwrap();
                let (_, after) = after.split_once("\r\n").unwrap();
                let mut client = Client::with(listener.port(), format!("{before}Host: {host}\r\n{after}"));
                assert_eq!(client.answer().status, 400, "{host}");
            }
        }
        nothing_is_left();
    });
}

#[test]
fn who_expects_a_100_gets_it_before_the_101() {
    system!().run(|| {
        let listener = listener(&listen());
        let mut client = Client::with(listener.port(), upgrade_request("/ws", "Expect: 100-continue\r\n"));
        let incoming = listener.accept().unwrap();
        let answer = client.answer_to_head();
        assert_eq!((answer.status, answer.field("Upgrade")), (100, None));
        client.opened();
        drop((incoming, client));
        nothing_is_left();
    });
}

#[test]
fn http_1_0_gets_its_page_and_the_end() {
    system!().run(|| {
        let listener = listener(&listen());
        let mut client = Client::with(listener.port(), "GET / HTTP/1.0\r\n\r\n");
        is_page(&client.answer());
        client.ended();
        let mut client = Client::with(listener.port(), "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        for _ in 0..2 {
            is_page(&client.answer());
            client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        }
        let old = upgrade_request("/ws", "").replace("HTTP/1.1", "HTTP/1.0");
        assert_eq!(Client::with(listener.port(), old).answer().status, 426, "it knows no upgrades");
        let both = "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n";
        let mut client = Client::with(listener.port(), both);
        is_page(&client.answer());
        client.ended();
        // What comes after 1.1 is served as that.
        let mut client = Client::with(listener.port(), "GET / HTTP/1.2\r\nHost: h\r\n\r\n".repeat(2));
        is_page(&client.answer());
        is_page(&client.answer());
    });
}

#[test]
fn what_is_not_there_or_not_allowed_is_said_to_be() {
    const ALLOW: Option<(&str, &str)> = Some(("Allow", "GET, HEAD, OPTIONS"));
    const ALLOW_UPGRADE: Option<(&str, &str)> = Some(("Allow", "GET, OPTIONS"));
    const UPGRADE: Option<(&str, &str)> = Some(("Upgrade", "websocket"));
    const BODY: &str = "Content-Length: 5\r\n";
    system!().run(|| {
        let listener = listener(&listen());
        let upgrade = upgrade_request("/ws", "");
        let cases = [
            (request("GET /nothing", ""), 404, None),
            (request("GET //", ""), 404, None),
            (request("GET *", ""), 400, None),
            (request("OPTIONS *", ""), 200, ALLOW),
            (request("OPTIONS /", ""), 200, ALLOW),
            (request("OPTIONS /ws", ""), 200, ALLOW_UPGRADE),
            (request("OPTIONS /nothing", ""), 404, None),
            (request("GET http://127.0.0.1/nothing", ""), 404, None),
            (request("POST /nothing", BODY) + "12345", 404, None),
            (request("GET /../", ""), 400, None),
            (request("GET /a/%2e%2E/b", ""), 400, None),
            (request("GET /#x", ""), 400, None),
            (request("GET ws", ""), 400, None),
            (request("GET", ""), 400, None),
            (request("CONNECT 127.0.0.1:80", ""), 400, None),
            (request("DELETE /", ""), 405, ALLOW),
            (request("POST /", BODY) + "12345", 405, ALLOW),
            (request("POST /", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", 405, ALLOW),
            (request("POST /ws", ""), 405, ALLOW_UPGRADE),
            (upgrade.replace("GET", "POST"), 405, Some(("Allow", "GET"))),
            (request("GET /", BODY) + "12345", 413, None),
            (request("GET /", "Transfer-Encoding: chunked\r\n"), 413, None),
            (request("GET /", "Content-Length: 18446744073709551616\r\n"), 413, None),
            (request("GET /", "Content-Length: -1\r\n"), 400, None),
            (request("GET /", "Content-Length: 1\r\nContent-Length: 1\r\n"), 400, None),
            (request("GET /", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 400, None),
            (request("OPTIONS *", "Transfer-Encoding: chunked, gzip\r\n"), 400, None),
            (request("POST /", "Transfer-Encoding: gzip, chunked\r\n"), 501, None),
            (request("GET /ws", ""), 426, UPGRADE),
            (upgrade.replace(": 13", ": 12"), 426, Some(("Sec-WebSocket-Version", "13"))),
            (upgrade.replace(": 13", ": 12"), 426, UPGRADE),
            (upgrade.replace("/ws", "/"), 404, None),
            (upgrade.replace("/ws", "/nothing"), 404, None),
            (upgrade.replace("/ws", "/../ws"), 400, None),
            (upgrade.replace("Sec-WebSocket-Key", "Sec-WebSocket-Kex"), 400, None),
            (upgrade.replace("dGhl", "dGh"), 400, None),
            (upgrade.replace("Connection: Upgrade\r\n", ""), 400, None),
            (upgrade.replace("Host: 127.0.0.1\r\n", ""), 400, None),
        ];
        for (request, status, field) in cases {
            let mut client = Client::with(listener.port(), &request);
            let answer = client.answer();
            assert_eq!(answer.status, status, "{request}");
            if let Some((name, value)) = field {
                assert_eq!(answer.field(name), Some(value), "{request}");
            }
            if status == 426 {
                let options = answer.field("Connection").unwrap();
                assert!(options.split(", ").any(|option| option == "Upgrade"), "{}", answer.head);
            }
            if status == 200 {
                assert_eq!(answer.body, b"", "{request}");
                continue;
            }
            // One line that says why.
            let text = std::str::from_utf8(&answer.body).unwrap();
            assert!(text.ends_with(".\n") && text.lines().count() == 1, "{request}{text}");
            assert_eq!(answer.field("Content-Type"), Some("text/plain; charset=utf-8"));
        }
        nothing_is_left();
    });
}

#[test]
fn an_upgrade_where_a_page_is_is_told_that_there_is_no_websocket() {
    system!().run(|| {
        let listener = listener(&listen());
        let answer = Client::asks(listener.port(), "/").answer();
        assert_eq!((answer.status, answer.field("Upgrade")), (404, None));
        assert_eq!(answer.body, b"There is no WebSocket at this path, but something to read.\n");
    });
}

/// RFC 9110 section 6.6.1: the clock of this machine is set.
#[test]
fn answers_say_when_they_were_made() {
    system!().run(|| {
        let listener = listener(&listen());
        for (request, status) in [(request("GET /", ""), 200), (request("GET /nothing", ""), 404)] {
            let answer = Client::with(listener.port(), request).answer();
            let date = answer.field("Date").unwrap();
            assert!(date.len() == 29 && date.ends_with(" GMT"), "{date}");
            assert_eq!(answer.status, status);
        }
    });
}

#[test]
fn the_longest_page_goes_out_whole_and_no_longer_one_is_taken() {
    system!().run(|| {
        let listener = listener(&listen());
        let body: Vec<u8> = (0..=65536_u32).map(|at| at as u8).collect();
        for len in [65537, 300_000] {
            let body = vec![0; len];
            let refused =
                listener.add_route(&Route::page("/long", "application/octet-stream", &body)).unwrap_err();
            assert_eq!(
                refused.to_string(),
                "the service refused: something in the request is longer than the service takes: shorten it",
                "{len}"
            );
        }
        listener.add_route(&Route::page("/long", "application/octet-stream", &body[..65536])).unwrap();
        for _ in 0..3 {
            let mut client = Client::with(listener.port(), request("GET /long", ""));
            assert_eq!(client.answer().body, &body[..65536]);
        }
        // A client that goes away in the middle takes nothing with it.
        drop(Client::with(listener.port(), request("GET /long", "").repeat(50)));
        nothing_is_left();
    });
}

/// All pages of a port are kept in the service's memory.
#[test]
fn pages_take_a_bounded_room_together() {
    system!().run(|| {
        let listener = listener(&listen());
        let body = vec![b'x'; Route::MAX_BODY];
        let add = |path: &str| listener.add_route(&Route::page(path, "text/plain", &body));
        // Besides the page that is there already.
        let numbers = ["/a", "/b", "/c", "/d"].map(|path| add(path).unwrap());
        assert_eq!(add("/e"), Err(ControlError::Refused(Code::NoRoute)));
        listener.remove_route(numbers[0]).unwrap();
        add("/e").unwrap();
    });
}
