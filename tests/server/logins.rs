//! Routes for those who show a login.

use xous_api_websocket::error::ControlError;
use xous_api_websocket::{Code, Listener, Route, serve::Login};

use crate::by_hand::{Client, upgrade_request};
use crate::common::{nothing_is_left, system};
use crate::serve::{PAGE, listen, listener};

const RIGHT: &str = "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n";
const TOKEN: &str = "Authorization: Bearer right\r\n";
const WRONG: &str = "Authorization: Basic QWxhZGRpbjpjbG9zZSBzZXNhbWU=\r\n";

fn get(listener: &Listener, path: &str, lines: &str) -> Client {
    Client::with(listener.port(), format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n"))
}

#[test]
fn pages_and_websockets_are_for_those_who_show_a_login() {
    system!().run(|| {
        let listener = listener(&listen());
        let guard = |route: Route<'static>| {
            route.credentials(Login::basic("Aladdin", "open sesame")).credentials(Login::bearer("right"))
        };
        listener.add_route(&guard(Route::page("/own", "text/html", PAGE.as_bytes()))).unwrap();
        listener.add_route(&guard(Route::receiver("/own/ws"))).unwrap();
        for lines in ["", WRONG, "Authorization: Bearer wrong\r\n"] {
            let upgrade = upgrade_request("/own/ws", lines);
            for mut client in [get(&listener, "/own", lines), Client::with(listener.port(), upgrade)] {
                let answer = client.answer_to_head();
                let asked = answer.head.matches("WWW-Authenticate: ").count();
                assert_eq!((answer.status, asked), (401, 2), "{lines}{}", answer.head);
            }
            let head = format!("HEAD /own HTTP/1.1\r\nHost: h\r\n{lines}\r\n");
            assert_eq!(Client::with(listener.port(), head).answer_to_head().status, 401);
        }
        for lines in [RIGHT, TOKEN] {
            assert_eq!(get(&listener, "/own", lines).answer().body, PAGE.as_bytes());
            let mut client = Client::with(listener.port(), upgrade_request("/own/ws", lines));
            let incoming = listener.accept().unwrap();
            client.opened();
            client.close();
            drop(incoming);
        }
        // Others have what they had.
        assert_eq!(get(&listener, "/", "").answer().body, PAGE.as_bytes());
        nothing_is_left();
    });
}

/// Who has a login of the service's comes in with it, also elsewhere. What the service does not know is the program's.
#[test]
fn a_login_that_the_service_checks_is_not_shown_to_the_program() {
    system!().run(|| {
        let listener = listener(&listen());
        let own = Route::receiver("/own").credentials(Login::bearer("right"));
        listener.add_route(&own).unwrap();
        for (path, lines, shown) in [
            ("/own", format!("X: 1\r\n{TOKEN}Y: 2\r\n"), "X: 1\r\nY: 2\r\n"),
            ("/ws", format!("X: 1\r\n{TOKEN}Y: 2\r\n"), "X: 1\r\nAuthorization: Bearer right\r\nY: 2\r\n"),
        ] {
            let mut client = Client::with(listener.port(), upgrade_request(path, &lines));
            let incoming = listener.accept().unwrap();
            client.opened();
            let head = String::from_utf8(incoming.websocket.peer_head().to_vec()).unwrap();
            assert_eq!(head, upgrade_request(path, shown));
        }
    });
}

#[test]
fn a_browser_is_asked_for_what_it_can_show() {
    system!().run(|| {
        let listener = Listener::listen(&listen()).unwrap();
        let page = Route::page("/a", "text/plain", b"a").credentials(Login::basic("me", "secret"));
        listener.add_route(&page).unwrap();
        let answer = get(&listener, "/a", "").answer();
        assert_eq!(answer.field("WWW-Authenticate"), Some("Basic realm=\"device\", charset=\"UTF-8\""));
    });
}

#[test]
fn logins_that_nobody_could_show_are_refused() {
    system!().run(|| {
        let listener = Listener::listen(&listen()).unwrap();
        for login in
            [Login::basic("", "x"), Login::basic("a:b", "x"), Login::bearer("a b"), Login::bearer("")]
        {
            let refused = listener.add_route(&Route::receiver("/ws").credentials(login)).unwrap_err();
            assert_eq!(refused, ControlError::Refused(Code::BadRequest), "{login:?}");
        }
        let many = (0..17).fold(Route::receiver("/ws"), |route, _| route.credentials(Login::bearer("x")));
        assert!(listener.add_route(&many).is_err());
    });
}
