//! A port for those who have shown its code.

use xous_api_websocket::error::ControlError;
use xous_api_websocket::{
    Code, Listen, Listener, Route, Upload,
    serve::{Decision, Login},
};

use crate::by_hand::{Answer, Client, upgrade_request};
use crate::common::browser::Browser;
use crate::common::{nothing_is_left, system};
use crate::serve::{PAGE, listen, listener, roomy};

fn ask(listener: &Listener, method: &str, path: &str, lines: &str) -> Answer {
    let head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n");
    Client::with(listener.port(), head).answer()
}

fn try_code(listener: &Listener, code: &str) -> Answer {
    ask(listener, "POST", "/.pair", &format!("Pairing-Code: {code}\r\nContent-Length: 0\r\n"))
}

/// The line with the cookie that the answer sets.
fn cookie(answer: &Answer) -> String {
    let cookie = answer.field("Set-Cookie").unwrap();
    assert!(cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"), "{cookie}");
    format!("Cookie: {}\r\n", cookie.split(';').next().unwrap())
}

#[test]
fn whoever_shows_the_code_comes_in_and_nobody_else() {
    system!().run(|| {
        let listener = listener(&listen().pairing());
        let code = listener.pairing_code().unwrap();
        assert_eq!(code.len(), 8, "{code}");
        for path in ["/", "/nothing", "/ws"] {
            let answer = ask(&listener, "GET", path, "");
            assert_eq!(answer.status, 401, "{path}");
            assert!(String::from_utf8(answer.body).unwrap().contains("<title>Pairing</title>"));
        }
        assert_eq!(Client::asks(listener.port(), "/ws").answer().status, 401);
        assert_eq!(try_code(&listener, "00000000").status, 403);
        assert_eq!(ask(&listener, "POST", "/.pair", "").status, 403);
        let answer = try_code(&listener, &code.to_lowercase());
        assert_eq!(answer.status, 200);
        let cookie = cookie(&answer);
        assert_eq!(try_code(&listener, &code).status, 403, "it was used");
        assert_eq!(ask(&listener, "GET", "/", &cookie).body, PAGE.as_bytes());
        assert_eq!(ask(&listener, "GET", "/nothing", &cookie).status, 404);
        let mut client = Client::with(listener.port(), upgrade_request("/ws", &cookie));
        let incoming = listener.accept().unwrap();
        client.opened();
        client.close();
        drop(incoming);
        for wrong in ["Cookie: pairing=1\r\n", &cookie.replace("pairing-", "pairing-1")] {
            assert_eq!(ask(&listener, "GET", "/", wrong).status, 401, "{wrong}");
        }
        nothing_is_left();
    });
}

#[test]
fn codes_cannot_be_guessed_for_long() {
    system!().run(|| {
        let listener = listener(&listen().pairing().limits(roomy()));
        let code = listener.pairing_code().unwrap();
        for _ in 0..5 {
            assert_eq!(try_code(&listener, "11111111").status, 403);
        }
        let answer = try_code(&listener, &code);
        assert_eq!((answer.status, answer.field("Set-Cookie")), (429, None));
        assert_eq!(answer.field("Retry-After"), None, "no wait helps, a new code does");
        let code = listener.pairing_code().unwrap();
        assert_eq!(try_code(&listener, &code).status, 200);
    });
}

/// What any page can make its visitor's browser send, without asking first.
#[test]
fn what_shows_no_code_costs_no_try() {
    system!().run(|| {
        let listener = listener(&listen().pairing().limits(roomy()));
        let code = listener.pairing_code().unwrap();
        let twice = format!("Pairing-Code: {code}\r\nPairing-Code: {code}\r\n");
        for lines in
            ["", "Pairing-Code: \r\n", "Pairing-Code: 1111111\r\n", "Pairing-Code: 111111111\r\n", &twice]
        {
            for _ in 0..2 {
                let answer = ask(&listener, "POST", "/.pair", &format!("{lines}Content-Length: 0\r\n"));
                assert_eq!(answer.status, 403, "{lines}");
            }
        }
        assert_eq!(try_code(&listener, &code).status, 200);
    });
}

#[test]
fn a_page_of_another_origin_tries_no_code() {
    system!().run(|| {
        let from = |listener: &Listener, origin: &str, code: &str| {
            let lines = format!("Origin: {origin}\r\nPairing-Code: {code}\r\nContent-Length: 0\r\n");
            ask(listener, "POST", "/.pair", &lines).status
        };
        let own = "http://127.0.0.1";
        let closed = listener(&listen().pairing().limits(roomy()));
        let code = closed.pairing_code().unwrap();
        for wrong in [&code, "11111111", "22222222", "33333333", "44444444", "55555555"] {
            assert_eq!(from(&closed, "https://evil.example", wrong), 403);
        }
        assert_eq!(from(&closed, own, &code), 200);
        // A list says who may besides: the port's own page is none of others, and who sends no origin is no page.
        let listed = listener(&listen().pairing().limits(roomy()).origin("https://a.example"));
        for (origin, status) in [("https://a.example", 200), (own, 200), ("https://evil.example", 403)] {
            let code = listed.pairing_code().unwrap();
            assert_eq!(from(&listed, origin, &code), status, "{origin}");
        }
        let code = listed.pairing_code().unwrap();
        assert_eq!(try_code(&listed, &code).status, 200);
    });
}

#[test]
fn programs_show_a_login_where_people_are_paired() {
    system!().run(|| {
        let listener = listener(&listen().pairing());
        let page = Route::page("/own", "text/plain", b"own").credentials(Login::bearer("right"));
        listener.add_route(&page).unwrap();
        assert_eq!(ask(&listener, "GET", "/own", "Authorization: Bearer right\r\n").body, b"own");
        assert_eq!(ask(&listener, "GET", "/own", "").status, 401);
    });
}

/// A cookie is good for all that the port has, also of others. Browsers send it to every port of the device.
#[test]
fn a_program_sees_no_cookie_of_a_pairing() {
    system!().run(|| {
        let owner = listener(&listen().pairing().limits(roomy()));
        let code = owner.pairing_code().unwrap();
        let cookie = cookie(&try_code(&owner, &code));
        let (_, token) = cookie.trim_end().split_once('=').unwrap();
        let lines = cookie.replace("Cookie: ", "cookie: a=b; ").replace("\r\n", ";c=d\r\n");
        let shown = lines.replace(token, &"x".repeat(token.len()));
        let guest = Listener::listen(&Listen::new("127.0.0.1", owner.port()).as_it_is()).unwrap();
        guest.add_route(&Route::receiver("/guest")).unwrap();
        let elsewhere = listener(&listen());
        for (program, path) in [(&guest, "/guest"), (&owner, "/ws"), (&elsewhere, "/ws")] {
            let mut client = Client::with(program.port(), upgrade_request(path, &lines));
            let incoming = program.accept().unwrap();
            client.opened();
            let head = String::from_utf8(incoming.websocket.peer_head().to_vec()).unwrap();
            assert_eq!(head, upgrade_request(path, &shown));
        }
        let decides = guest.add_route(&Route::receiver("/decides").decides()).unwrap();
        let mut client = Client::with(owner.port(), upgrade_request("/decides", &lines));
        let incoming = guest.accept_if(decides, |client| {
            assert_eq!(client.head, upgrade_request("/decides", &shown).as_bytes());
            Decision::accept()
        });
        client.opened();
        drop(incoming);
    });
}

#[test]
fn a_port_that_does_not_pair_has_no_code() {
    system!().run(|| {
        let listener = listener(&listen());
        assert_eq!(listener.pairing_code(), Err(ControlError::Refused(Code::NotPermitted)));
        assert_eq!(try_code(&listener, "00000000").status, 404);
        let other = Listener::listen(&Listen::new("127.0.0.1", listener.port())).unwrap();
        assert_eq!(other.pairing_code(), Err(ControlError::Refused(Code::NotPermitted)));
    });
}

/// Sends the file `a` with what is in it; what the service answers last, or the code of the close (1006).
const SEND: &str = "
    const ws = new WebSocket(`ws://${location.host}/upload`);
    ws.onopen = () => ws.send(new Uint8Array([1, 0, 0, 0, 97, 0, 2, 0, 0, 0, 104, 105]));
    ws.onmessage = event => event.data.includes('accepted') || done(event.data);
    ws.onclose = event => done(event.code);";
/// The status and the text of the answer for that file.
const FETCH: &str = "fetch('/files/a').then(async answer => done([answer.status, await answer.text()]));";

/// As the person sees it: nothing without the code, everything with its cookie, and nothing again when that has ended.
#[test]
fn a_browser_sends_files_with_a_cookie_until_that_has_ended() {
    system!().run(|| {
        let listener = listener(&listen().pairing().limits(roomy()));
        listener.add_route(&Route::upload("/upload", Upload::new("paired"))).unwrap();
        listener.add_route(&Route::files("/files/", "paired")).unwrap();
        let browser = Browser::start();
        let url = |path: &str| format!("http://127.0.0.1:{}{path}", listener.port());
        let title = || browser.value("document.title");
        browser.go(&url("/"));
        assert_eq!(title(), "Pairing");
        assert_eq!(browser.result_of(SEND), 1006, "without a cookie");
        assert_eq!(browser.result_of(FETCH)[0], 401);

        let code = listener.pairing_code().unwrap();
        browser.go(&url(&format!("/?scanned#{code}")));
        browser.wait_for_after_leaving("document.title === 'Page' && document.readyState === 'complete'");
        let stored = browser.result_of(SEND);
        assert!(stored.as_str().is_some_and(|text| text.contains("stored")), "{stored}");
        assert_eq!(browser.result_of(FETCH), serde_json::json!([200, "hi"]));

        // As many others as a port remembers: the oldest cookie ends.
        for _ in 0..8 {
            let code = listener.pairing_code().unwrap();
            assert_eq!(try_code(&listener, &code).status, 200);
        }
        assert_eq!(browser.result_of(SEND), 1006, "the cookie has ended");
        assert_eq!(browser.result_of(FETCH)[0], 401);
        browser.go(&url("/"));
        assert_eq!(title(), "Pairing");
        let code = listener.pairing_code().unwrap();
        browser.go(&url(&format!("/?again#{code}")));
        browser.wait_for_after_leaving("document.title === 'Page' && document.readyState === 'complete'");
        assert_eq!(browser.result_of(FETCH), serde_json::json!([200, "hi"]));
    });
}
