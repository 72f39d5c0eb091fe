//! Ways to a WebSocket, and answers that open none, of servers that are not ours: Python's `websockets` and `http.server`,
//! node's `http` and npm's `ws`.

use std::process::Command;
use std::time::{Duration, Instant};

use hosted::packages::{node_modules_with_ws, python_with_websockets};
use hosted::tools::command;
use xous_api_websocket::error::OpenError;
use xous_api_websocket::{Code, Deadlines, Request, Websocket, open::CredentialsForm};

use super::foreign_peers::{Server, script};
use crate::common::{PATIENCE, nothing_is_left, refusal, system};

/// The login that both servers want, in letters that need UTF-8.
const LOGIN: (&str, &str) = ("m\u{fc}ller", "p\u{e4}ssword");

/// Python's, and the port of its `http.server`.
fn in_python() -> (Server, u16) {
    let (server, rest) = Server::start_with(
        Command::new(python_with_websockets()).arg(script("ways.py")).args(["127.0.0.1", "0"]),
    );
    (server, rest.trim().parse().unwrap())
}

fn in_node() -> Server {
    Server::start(command("node").arg(script("ways.cjs")).env("NODE_PATH", node_modules_with_ws()))
}

fn echoes(request: &Request<'_>) {
    let ws = Websocket::open(request).unwrap();
    ws.send_text("hello").unwrap();
    assert_eq!(ws.receive_text(5).unwrap(), "hello");
    ws.close(1000, "").unwrap();
}

/// The answer of a server that refuses with this status.
fn refused(request: &Request<'_>, status: u16) -> OpenError {
    let error = Websocket::open(request).err().unwrap();
    assert!(matches!(error, OpenError::Refused { status: other, .. } if other == status), "{error:?}");
    error
}

/// Everything that the server at this port does instead of opening a WebSocket at once.
fn all_ways(port: u16) {
    let at = |path| Request::new("127.0.0.1", port).path(path);
    echoes(&at("/echo"));

    let error = refused(&at("/busy"), 503);
    assert_eq!((error.header("Retry-After"), error.is_transient()), (Some("7"), true));
    assert!(error.body().starts_with(b"come back later"), "{error:?}");

    assert_eq!(refused(&at("/there"), 302).header("Location"), Some("echo"));
    echoes(&at("/there").redirects(1));

    let error = refused(&at("/login"), 401);
    assert_eq!(error.header("WWW-Authenticate"), Some("Basic realm=\"ways\""));
    echoes(&at("/login").credentials(LOGIN.0, LOGIN.1, CredentialsForm::Basic));

    let (code, text) = refusal(&at("/lost"));
    assert_eq!((code, code.is_transient()), (Code::Lost, true), "{text}");

    let silent = at("/silent").options(Deadlines::new().open(Duration::from_millis(300)));
    assert_eq!(refusal(&silent).0, Code::Timeout);
    let start = Instant::now();
    drop(Websocket::opening(&at("/silent")).unwrap());
    assert!(start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());
    nothing_is_left();
}

#[test]
fn python_refuses_leads_on_and_asks_who_is_there() {
    python_with_websockets();
    system!().run(|| {
        let (server, old) = in_python();
        all_ways(server.port);
        let error = refused(&Request::new("127.0.0.1", old), 503);
        assert!(error.head().starts_with(b"HTTP/1.0 503 too old\r\n"), "{error:?}");
        assert!(error.body().starts_with(b"<!DOCTYPE"), "{error:?}");
        nothing_is_left();
    });
}

#[test]
fn node_refuses_leads_on_and_asks_who_is_there() {
    node_modules_with_ws();
    system!().run(|| all_ways(in_node().port));
}

#[test]
fn node_is_a_proxy_on_the_way_to_python() {
    node_modules_with_ws();
    python_with_websockets();
    system!().run(|| {
        let (proxy, (server, _)) = (in_node(), in_python());
        let request = Request::new("127.0.0.1", server.port).path("/there").redirects(1);
        let through = request.proxy("127.0.0.1", proxy.port);
        let error = refused(&through, 407);
        assert_eq!(error.header("Proxy-Authenticate"), Some("Basic realm=\"proxy\""));
        let through = through.proxy_credentials(LOGIN.0, LOGIN.1);
        echoes(&through);
        assert_eq!(refused(&through.path("/busy"), 503).header("Retry-After"), Some("7"));
        nothing_is_left();
    });
}
