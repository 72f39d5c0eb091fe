//! A server: what its clients send is printed, and lines go to all of them.

use std::sync::Arc;

use xous_api_websocket::error::{ListenError, ReceiveError, SendError};
use xous_api_websocket::{
    Code, Incoming, Kind, Limits, Listen, Listener, Route, ServerTls, serve::Login, tls::Identity,
};

use crate::Failure;
use crate::arguments::Arguments;
use crate::input::Lines;
use crate::output::{Beside, Output};

/// Clients at a time. The threads are started once: a process has about thirty in its life in hosted mode.
const CLIENTS: usize = 12;
const STACK: usize = 64 * 1024;
/// The longest message that is taken, bytes; more closes its connection with 1009.
const MAX_MESSAGE: usize = 1 << 20;
/// The channel of all clients.
const ALL: &str = "all";

pub(crate) fn run(port: u16, arguments: &Arguments, output: Output) -> Result<(), Failure> {
    let listener = Arc::new(listen(port, arguments)?);
    let scheme = if arguments.certificate.is_some() { "wss" } else { "ws" };
    output.ready(&format!("{scheme}://{}/", authority(arguments.address(), listener.port())));
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let (listener, output, echo) = (listener.clone(), output.clone(), arguments.echo);
        let serve = move || take_clients(&listener, &output, echo);
        let thread = std::thread::Builder::new().stack_size(STACK).spawn(serve);
        clients.push(thread.map_err(|error| format!("no thread for a client: {error}"))?);
    }
    send_lines(arguments.kind(), &listener, &output);
    for client in clients {
        client.join().map_err(|_| "a thread for clients has ended".to_owned())?;
    }
    Ok(())
}

fn listen(port: u16, arguments: &Arguments) -> Result<Listener, String> {
    let read = |(option, path): (&str, &Option<String>)| match path {
        None => Ok(Vec::new()),
        Some(path) => std::fs::read(path).map_err(|error| format!("{option} {path}: {error}")),
    };
    let certificate = read(("--certificate", &arguments.certificate))?;
    let key = read(("--key", &arguments.key))?;
    let mut listen =
        Listen::new(arguments.address(), port).exposed().options(Limits::new().message(MAX_MESSAGE as u64));
    for origin in &arguments.origins {
        listen = listen.origin(origin).programs();
    }
    if arguments.certificate.is_some() {
        listen = listen.tls(ServerTls::new(Identity::new(&certificate, &key)));
    }
    let listener =
        Listener::listen(&listen).map_err(|error| format!("listen {port}: {error}{}", advice(&error)))?;
    let mut route = Route::receiver("/").prefix();
    for protocol in &arguments.protocols {
        route = route.sub_protocol(protocol);
    }
    if let Some((user, password)) = &arguments.login {
        route = route.credentials(Login::basic(user, password));
    }
    listener.add_route(&route).map_err(|error| format!("listen {port}: {error}"))?;
    Ok(listener)
}

/// What can be done about it, where the error does not say so.
fn advice(error: &ListenError) -> &'static str {
    match error {
        ListenError::Failed { code: Code::PortInUse, .. } => "; take another, or 0 for any free one",
        _ => "",
    }
}

/// Host and port, as they stand in a URL.
fn authority(address: &str, port: u16) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

/// Serves one client after the other.
fn take_clients(listener: &Listener, output: &Output, echo: bool) {
    loop {
        match listener.accept() {
            Ok(client) => {
                if let Err(Failure::Other(text)) = serve(&client, listener, output, echo) {
                    output.error(&format!("{}: {text}", client.peer));
                }
            }
            Err(error) => return output.error(&error.to_string()),
        }
    }
}

fn serve(client: &Incoming, listener: &Listener, output: &Output, echo: bool) -> Result<(), Failure> {
    let (ws, peer) = (&client.websocket, Some(client.peer.as_str()));
    output.opened(("path", &client.path), peer, ws.sub_protocol());
    // One that has gone meanwhile is told of below.
    listener.join(ws, ALL).ok();
    loop {
        let message = match ws.receive_whole(MAX_MESSAGE) {
            Err(ReceiveError::Closed(closed)) => {
                output.closed(peer, &closed, false);
                return Ok(());
            }
            message => message.map_err(Failure::of_receive)?,
        };
        output.message(message.kind(), &mut message.as_bytes(), Beside { peer, time: None })?;
        if echo {
            match ws.send(&message) {
                Ok(()) | Err(SendError::Closed) => (),
                Err(error) => return Err(Failure::Other(error.to_string())),
            }
        }
    }
}

/// To all clients, until the input ends.
fn send_lines(kind: Kind, listener: &Listener, output: &Output) {
    for data in Lines::new(kind) {
        let sent =
            data.and_then(|data| listener.broadcast(ALL, kind, &data).map_err(|error| error.to_string()));
        if let Err(error) = sent {
            output.error(&error);
        }
    }
}
