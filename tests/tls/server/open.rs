//! Connections that are secure: messages, pages, origins.

use xous_api_websocket::CloseCode;
use xous_api_websocket::error::{Closed, ReceiveError};

use crate::authority::Authority;
use crate::client::Settings;
use crate::support::system;

use super::{PAGE, VERSIONS, echo, listen, listener, tls};

#[test]
fn messages_of_all_sizes_pass_over_either_version() {
    system!().run(|| {
        let ca = Authority::new("root");
        let leaf = ca.server(&["localhost"]);
        let listener = listener(&listen(tls(&leaf)));
        for (version, name) in VERSIONS {
            let client = Settings::new("messages", listener.port(), &ca.pem).only(version).start();
            let end = echo(&listener.accept().unwrap().websocket);
            assert!(matches!(end, ReceiveError::Closed(Closed { code: CloseCode::NORMAL, .. })), "{end:?}");
            let report = client.report();
            assert!(report.contains(&format!("\"version\": \"{name}\"")), "{report}");
            assert_eq!(client.report(), "{\"code\": 1000}");
        }
    });
}

#[test]
fn pages_come_over_https_and_end_with_a_close_notify() {
    system!().run(|| {
        let ca = Authority::new("root");
        let leaf = ca.server(&["localhost"]);
        let listener = listener(&listen(tls(&leaf)));
        for (version, name) in VERSIONS {
            let settings = Settings::new("get", listener.port(), &ca.pem).only(version);
            let mut client = settings.alpn("h2,http/1.1").start();
            let page = format!("\"body\": \"{PAGE}\", \"end\": \"close_notify\"");
            client.expect("/", &[name, "\"alpn\": \"http/1.1\"", "HTTP/1.1 200", &page]);
            client.expect("/nothing", &["HTTP/1.1 404", "close_notify"]);
            client.expect("/ws", &["HTTP/1.1 426", "close_notify"]);
            settings.start().expect("/", &["\"alpn\": null", &page]);
            settings.alpn("h2").start().expect("/", &["error", "no application protocol"]);
        }
    });
}

#[test]
fn sessions_are_resumed_until_the_certificate_is_another() {
    system!().run(|| {
        let ca = Authority::new("root");
        let (old, new) = (ca.server(&["localhost", "old"]), ca.server(&["localhost", "new"]));
        for (version, _) in VERSIONS {
            let listener = listener(&listen(tls(&old)));
            let mut client = Settings::new("get", listener.port(), &ca.pem).only(version).start();
            client.expect("/", &["\"resumed\": false", "\"old\""]);
            client.expect("/", &["\"resumed\": true", "HTTP/1.1 200"]);
            listener.renew(&tls(&new)).unwrap();
            client.expect("/", &["\"resumed\": false", "\"new\""]);
            client.expect("/", &["\"resumed\": true", "HTTP/1.1 200"]);
        }
    });
}

/// CWE-1385: the rule for plain ports, with the scheme that a page of this port has.
#[test]
fn cwe_1385_own_pages_are_those_over_https() {
    system!().run(|| {
        let ca = Authority::new("root");
        let leaf = ca.server(&["localhost"]);
        let listener = listener(&listen(tls(&leaf)));
        let settings = Settings::new("messages", listener.port(), &ca.pem);
        let port = listener.port();
        for origin in [
            format!("http://localhost:{port}"),
            format!("wss://localhost:{port}"),
            format!("https://127.0.0.1:{port}"),
            "https://localhost".to_owned(),
            "https://evil.example".to_owned(),
            "null".to_owned(),
        ] {
            let report = settings.origin(&origin).start().report();
            assert!(report.contains("HTTP 403"), "{origin}: {report}");
        }
        for origin in [format!("https://localhost:{port}"), String::new()] {
            let client = settings.origin(&origin).start();
            echo(&listener.accept().unwrap().websocket);
            assert!(client.report().contains("TLSv1.3"), "{origin}");
        }
    });
}

#[test]
fn a_client_that_breaks_off_is_no_clean_end() {
    system!().run(|| {
        let ca = Authority::new("root");
        let leaf = ca.server(&["localhost"]);
        let listener = listener(&listen(tls(&leaf)));
        for (version, _) in VERSIONS {
            let mut client = Settings::new("hold", listener.port(), &ca.pem).only(version).start();
            let ws = listener.accept().unwrap().websocket;
            assert_eq!(client.report(), "{\"opened\": true}");
            client.say("break off");
            match echo(&ws) {
                ReceiveError::Closed(closed) => {
                    assert_eq!(closed.code, 1006);
                    assert!(closed.reason.starts_with("truncated"), "{version}: {closed:?}");
                }
                other => panic!("{other:?}"),
            }
        }
    });
}
