//! Chromium on the demonstration's page, over https and wss.

use std::time::Duration;

use xous_api_websocket::{Listener, Route};

use crate::authority::Authority;
use crate::openssl::Script;
use crate::support::{Scratch, system};

use super::{echo, listen, tls};

/// For a browser on a slow machine.
const LIMIT: Duration = Duration::from_secs(180);

/// What becomes of the page in a browser that trusts this authority, if any.
fn visit(port: u16, ca: Option<&str>) -> String {
    hosted::tools::require("chromedriver");
    hosted::tools::require("certutil");
    let home = Scratch::new();
    let ca = ca.map(|ca| home.write("ca.pem", ca)).unwrap_or_default();
    let (url, directory) = (format!("https://localhost:{port}/"), home.path(""));
    Script::start("browser.py", format!(r#"{{"url": {url:?}, "home": {directory:?}, "ca": {ca:?}}}"#))
        .report_within(LIMIT)
}

#[test]
fn chromium_opens_the_page_and_its_websocket_if_it_trusts_the_authority() {
    system!().time_limit(2 * LIMIT).run(|| {
        let ca = Authority::new("root");
        let leaf = ca.server(&["localhost"]);
        let listener = Listener::listen(&listen(tls(&leaf))).unwrap();
        // As the example serves it, without its style.
        let script = concat!("<script>", include_str!("../../../examples/shared/link.js"), "</script>");
        let page = include_str!("../../../examples/echo_server.html");
        let page = page.replace("<script src=\"shared/link.js\"></script>", script);
        listener.add_route(&Route::page("/", "text/html; charset=utf-8", page.as_bytes())).unwrap();
        listener.add_route(&Route::receiver("/echo").sub_protocol("echo")).unwrap();
        let port = listener.port();

        let refused = visit(port, None);
        assert!(refused.contains("ERR_CERT_AUTHORITY_INVALID"), "{refused}");

        std::thread::spawn(move || {
            while let Ok(client) = listener.accept() {
                echo(&client.websocket);
            }
        });
        let expected = format!(
            r#"["https:", true, "connected to localhost:{port}/echo", "received: hello", "wss://localhost:{port}/echo"]"#
        );
        assert_eq!(visit(port, Some(&ca.pem)), expected);
    });
}
