//! The route that shows what passes: as JSON, as a page, as a WebSocket, and to whom.

use serde_json::Value;
use xous_api_websocket::{Listen, Listener, Route, serve::Login};

use crate::by_hand::{Client, upgrade_request};
use crate::common::browser::Browser;
use crate::common::example::Example;
use crate::common::raw::CLOSE;
use crate::common::{nothing_is_left, system};
use crate::serve::{listen, listener, pair, roomy};

fn get(port: u16, target: &str, lines: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}Connection: close\r\n\r\n")
}

fn with_status(listen: &Listen<'_>) -> Listener {
    let listener = listener(listen);
    listener.add_route(&Route::status("/status")).unwrap();
    listener
}

#[test]
fn programs_get_json_and_people_a_page() {
    system!().run(|| {
        let listener = with_status(&listen());
        let port = listener.port();
        let (mut client, incoming) = pair(&listener);
        client.send_text("hello");
        assert_eq!(incoming.websocket.receive_text(5).unwrap(), "hello");
        assert_eq!(Client::with(port, get(port, "/no\"where", "")).answer().status, 404);
        for (target, lines) in [("/status?json", ""), ("/status", "Accept: application/json\r\n")] {
            let answer = Client::with(port, get(port, target, lines)).answer();
            assert_eq!((answer.status, answer.field("Content-Type")), (200, Some("application/json")));
            let all: Value = serde_json::from_slice(&answer.body).unwrap();
            assert!(
                all["service"]["threads"].as_u64() > Some(4) && all["service"]["heap"].as_u64() > Some(1)
            );
            assert_eq!((&all["port"]["port"], &all["port"]["clients"]), (&port.into(), &1.into()));
            assert_eq!((&all["port"]["messages_in"], &all["port"]["bytes_in"]), (&1.into(), &5.into()));
            assert_eq!(all["port"]["last_end"], "");
            assert_eq!((&all["port"]["refusals"][0]["status"]), &Value::from(404));
            let one = &all["clients"][0];
            assert_eq!((&one["peer"], &one["path"]), (&client.address().to_string().into(), &"/ws".into()));
            assert_eq!(
                (&one["bytes_in"], &one["bytes_out"], &one["queued"]),
                (&5.into(), &0.into(), &0.into())
            );
        }
        let page = Client::with(port, get(port, "/status", "Accept: text/html\r\n")).answer();
        assert_eq!((page.status, page.field("Content-Type")), (200, Some("text/html; charset=utf-8")));
        assert!(String::from_utf8(page.body).unwrap().contains("<title>Status"));
        let mut head = Client::with(port, get(port, "/status", "").replace("GET", "HEAD"));
        assert_eq!(head.answer_to_head().status, 200);
        let post = Client::with(port, get(port, "/status", "").replace("GET", "POST")).answer();
        assert_eq!((post.status, post.field("Allow")), (405, Some("GET, HEAD, OPTIONS")));
    });
}

#[test]
fn a_websocket_is_told_every_second_and_goes_with_the_listener() {
    system!().run(|| {
        let listener = with_status(&listen());
        let (client, incoming) = pair(&listener);
        let mut watcher = Client::asks(listener.port(), "/status");
        watcher.opened();
        let told = |watcher: &mut Client| serde_json::from_str::<Value>(&watcher.text()).unwrap();
        assert_eq!(told(&mut watcher)["clients"].as_array().unwrap().len(), 2);
        watcher.send_text("what it says is nothing to anybody");
        client.close();
        drop(incoming);
        while told(&mut watcher)["port"]["clients"] != 1 {}
        let peer = watcher.address().to_string();
        let last = told(&mut watcher);
        assert_eq!(
            (&last["clients"][0]["peer"], &last["clients"][0]["path"]),
            (&peer.into(), &"/status".into())
        );
        assert!(last["port"]["messages_out"].as_u64() >= Some(2));
        drop(listener);
        while watcher.frame().first != CLOSE {}
        drop(watcher);
        nothing_is_left();
    });
}

#[test]
fn who_watches_gives_way_to_who_has_business() {
    system!().run(|| {
        let listener = with_status(&listen().limits(roomy().connections(1)));
        let mut watcher = Client::asks(listener.port(), "/status");
        watcher.opened();
        std::thread::scope(|scope| {
            // One that does not answer the Close frame and end keeps its place until it is cut off.
            scope.spawn(move || {
                let mut frame = watcher.frame();
                while frame.first != CLOSE {
                    frame = watcher.frame();
                }
                assert_eq!(frame.close().0, 1013);
                watcher.send_frame(CLOSE, &frame.payload);
            });
            let (client, _incoming) = pair(&listener);
            client.close();
        });
    });
}

#[test]
fn the_port_s_rules_hold_for_its_status() {
    system!().run(|| {
        let listener = with_status(&listen());
        let own = Route::status("/own").credentials(Login::bearer("secret"));
        listener.add_route(&own).unwrap();
        let port = listener.port();
        // Another site's page, and one that has this machine's address under a name of its own.
        let foreign = upgrade_request("/status", "Origin: https://evil.example\r\n");
        assert_eq!(Client::with(port, foreign).answer().status, 403);
        let rebound = get(port, "/status?json", "").replace("127.0.0.1", "evil.example");
        assert_eq!(Client::with(port, rebound).answer().status, 403);
        for request in [get(port, "/own?json", ""), upgrade_request("/own", "")] {
            assert_eq!(Client::with(port, request).answer().status, 401);
        }
        let login = "Authorization: Bearer secret\r\n";
        assert_eq!(Client::with(port, get(port, "/own?json", login)).answer().status, 200);
        // Unpaired strangers learn nothing.
        let paired = with_status(&listen().pairing());
        let port = paired.port();
        for request in [get(port, "/status?json", ""), upgrade_request("/status", "")] {
            let answer = Client::with(port, request).answer();
            assert_eq!(answer.status, 401);
            assert!(!String::from_utf8_lossy(&answer.body).contains("\"service\""));
        }
    });
}

#[test]
fn the_page_updates_itself_in_a_browser() {
    let server = Example::start("echo_server");
    let browser = Browser::start();
    browser.go(&server.url("http", "/status"));
    let shows = |what: &str| {
        browser.wait_for(&format!("document.getElementById('all').textContent.includes('{what}')"));
    };
    browser.wait_for("document.getElementById('state').textContent === 'live'");
    shows("/status");
    let mut client = Client::asks(server.port, "/echo");
    client.opened();
    shows("/echo");
    client.close();
    browser.wait_for("!document.getElementById('all').textContent.includes('/echo')");
    assert_eq!(browser.value("performance.getEntriesByType('resource').length"), 0);
    drop(server);
    browser.wait_for("document.getElementById('state').textContent === 'not connected'");
}
