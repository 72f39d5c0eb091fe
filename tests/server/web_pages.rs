//! The pages of the examples in a real browser.

use crate::by_hand::Client;
use crate::common::browser::{Browser, ENTER};
use crate::common::example::Example;
use crate::common::unused_port;

/// The lines of the log, the last one first.
fn lines(browser: &Browser) -> Vec<String> {
    let lines = browser.value("[...document.querySelectorAll('#log li')].map(line => line.textContent)");
    lines.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}

fn wait_for_line(browser: &Browser, line: &str) {
    let line = serde_json::Value::from(line);
    browser.wait_for(&format!(
        "[...document.querySelectorAll('#log li')].some(line => line.textContent === {line})"
    ));
}

fn wait_for_text(browser: &Browser, id: &str, text: &str) {
    browser.wait_for(&format!("document.getElementById('{id}').textContent === '{text}'"));
}

fn wait_until_open(browser: &Browser, id: &str) {
    browser.wait_for(&format!("document.getElementById('{id}').classList.contains('open')"));
}

/// The demonstration, where others reach it: with the code in the address, as from a QR code, and typed.
#[test]
fn a_browser_is_paired_by_the_code_that_the_demonstration_shows() {
    let mut server = Example::start_exposed("echo_server");
    let code = server.line_after("pairing code, good once and for five minutes: ");
    let browser = Browser::start();
    browser.go(&server.url("http", "/"));
    assert_eq!(browser.value("document.title"), "Pairing");
    browser.type_text(&format!("wrong{ENTER}"));
    browser.wait_for("document.getElementById('told').textContent.includes('not the code')");
    browser.go(&server.url("http", &format!("/upload.html#{}", code.replace('-', ""))));
    browser.wait_for_after_leaving("document.title !== 'Pairing' && document.readyState === 'complete'");
    assert_eq!(browser.value("document.cookie"), "", "no script sees the cookie");
    assert_eq!(browser.value("location.hash"), "", "nor the code");
    browser.go(&server.url("http", "/"));
    assert_eq!(browser.value("document.title"), "Echo");
    wait_until_open(&browser, "state");
    // Another browser has no cookie, and the code was used.
    let other = Browser::start();
    other.go(&server.url("http", "/"));
    other.wait_for("document.getElementById('code') !== null");
    other.type_text(&format!("{code}{ENTER}"));
    other.wait_for("document.getElementById('told').textContent.includes('not the code')");
}

#[test]
fn the_echo_page_echoes_and_reconnects() {
    // One that nobody else takes while it is free.
    let server = Example::start_on("echo_server", unused_port());
    let browser = Browser::start();
    browser.go(&server.url("http", "/"));
    assert_eq!(browser.value("document.title"), "Echo");
    wait_until_open(&browser, "state");
    let state = browser.value("document.getElementById('state').textContent");
    assert_eq!(state, format!("connected to 127.0.0.1:{}/echo", server.port));
    // With the keyboard alone: the field has the focus, and keeps it.
    browser.type_text(ENTER);
    wait_for_line(&browser, "received: hello");
    browser.type_text(&format!("h\u{e9}\u{20ac}{ENTER}"));
    wait_for_line(&browser, "received: h\u{e9}\u{20ac}");
    browser.type_text(&format!("Trigger async{ENTER}"));
    wait_for_line(&browser, "received: Async data");
    wait_for_line(&browser, "received: Trigger async");
    assert_eq!(lines(&browser).len(), 7);
    assert_eq!(
        browser.value("performance.getEntriesByType('resource').length"),
        0,
        "all of it is in the page"
    );

    let port = server.port;
    drop(server);
    browser.wait_for("document.getElementById('state').textContent.startsWith('not connected (1006)')");
    assert_eq!(browser.value("document.getElementById('send').disabled"), true);
    let _server = Example::start_on("echo_server", port);
    wait_until_open(&browser, "state");
    browser.type_text(&format!("back again{ENTER}"));
    wait_for_line(&browser, "received: back again");
}

#[test]
fn the_meeting_page_shows_meeting_and_hub() {
    let server = Example::start("meeting");
    let browser = Browser::start();
    browser.go(&server.url("http", "/"));
    for id in ["meeting", "hub"] {
        wait_until_open(&browser, id);
    }
    wait_for_text(&browser, "members", "1");
    wait_for_line(&browser, "Guest 1 has come");
    let mut hub = Client::asks(server.port, "/hub");
    hub.opened();
    assert_eq!(hub.text(), r#"{"members":1,"messages":0}"#);

    let mut member = Client::asks(server.port, "/meeting");
    member.opened();
    assert_eq!(member.text(), "Guest 2 has come");
    wait_for_line(&browser, "Guest 2 has come");
    wait_for_text(&browser, "members", "2");
    assert_eq!(hub.text(), r#"{"members":2,"messages":0}"#);
    member.send_text("<b>hello</b><img src=x onerror=\"document.title = 'taken over'\">");
    let said = member.text();
    assert!(said.starts_with("Guest 2: <b>hello"), "a member hears itself: {said}");
    wait_for_line(&browser, &said);
    assert_eq!(browser.value("document.querySelector('#log b, #log img')"), serde_json::Value::Null);
    assert_eq!(browser.value("document.title"), "Meeting");

    browser.type_text(&format!("welcome{ENTER}"));
    assert_eq!(member.text(), "Guest 1: welcome");
    wait_for_line(&browser, "Guest 1: welcome");
    wait_for_text(&browser, "messages", "2");
    assert_eq!(browser.value("document.getElementById('text').value"), "");
    member.close();
    wait_for_line(&browser, "Guest 2 has gone");
    wait_for_text(&browser, "members", "1");
    hub.close();
}

#[test]
fn pages_are_light_or_dark_as_the_user_likes() {
    let server = Example::start("meeting");
    let browser = Browser::start();
    browser.go(&server.url("http", "/"));
    wait_until_open(&browser, "hub");
    let colours = || {
        let mark = browser.value("getComputedStyle(document.getElementById('hub'), '::before').color");
        (browser.value("getComputedStyle(document.body).color"), mark)
    };
    browser.prefer("light");
    let (text, mark) = colours();
    assert_eq!(text, "rgb(0, 0, 0)");
    browser.prefer("dark");
    let (dark_text, dark_mark) = colours();
    assert_eq!(dark_text, "rgb(255, 255, 255)");
    assert_ne!(mark, dark_mark);
}

/// CWE-1385, as it would happen: the browser of somebody who may connect shows the page of a stranger.
#[test]
fn cwe_1385_the_page_of_a_stranger_does_not_connect() {
    let server = Example::start("echo_server");
    let browser = Browser::start();
    let connect = format!(
        "const ws = new WebSocket('{}');
         ws.onopen = () => done('open'); ws.onclose = event => done(event.code);",
        server.url("ws", "/echo")
    );
    let stranger = Example::start("meeting");
    for page in ["about:blank".to_owned(), "data:text/html,x".to_owned(), stranger.url("http", "/")] {
        browser.go(&page);
        assert_eq!(browser.result_of(&connect), 1006, "{page}");
    }
    browser.go(&server.url("http", "/"));
    assert_eq!(browser.result_of(&connect), "open");
}
