//! A server: what its clients send is printed, and lines go to all of them.

use std::sync::Arc;
use std::thread::JoinHandle;

use xous_api_websocket::error::{ListenError, SendError};
use xous_api_websocket::open::Record;
use xous_api_websocket::{
    Code, Incoming, Kind, Limits, Listen, Listener, Payload, Route, ServerTls, Websocket, serve::Login,
    tls::Identity,
};

use crate::arguments::Arguments;
use crate::clients::Clients;
use crate::input::Lines;
use crate::output::{Beside, Output};
use crate::{Failure, RECORDINGS, is_well};

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
    let clients = Arc::new(Clients::new(arguments.count, arguments.once));
    let threads = if arguments.once { 1 } else { CLIENTS };
    let mut serving = Vec::new();
    for _ in 0..threads {
        let server = Server {
            listener: listener.clone(),
            clients: clients.clone(),
            output: output.clone(),
            echo: arguments.echo,
        };
        serving.push(start("a client", move || {
            server.take_clients();
            server.clients.idle(threads);
        })?);
    }
    let (kind, channel) = (arguments.kind(), listener.clone());
    // It waits for the input when there has been enough, and ends with the process.
    start("the input", move || send_lines(kind, &channel, &output))?;
    let last = clients.wait();
    // Nobody may wait for an answer when the process ends: the hosted kernel does not survive that.
    listener.close();
    for thread in serving {
        thread.join().map_err(|_| "a thread for clients has ended".to_owned())?;
    }
    match last {
        Some(closed) if !is_well(&closed) => Err(Failure::Closed(closed)),
        _ => Ok(()),
    }
}

fn start(whom: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, String> {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(work);
    thread.map_err(|error| format!("no thread for {whom}: {error}"))
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
    if let Some(name) = &arguments.record {
        route = route.record(Record::new(RECORDINGS, name));
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

/// What a thread for clients has.
struct Server {
    listener: Arc<Listener>,
    clients: Arc<Clients>,
    output: Output,
    echo: bool,
}

impl Server {
    /// Serves one client after the other, until there has been enough.
    fn take_clients(&self) {
        while !self.clients.has_ended() {
            match self.listener.accept() {
                Ok(client) => self.serve(&client),
                Err(_) if self.clients.has_ended() => (),
                Err(error) => return self.output.error(&error.to_string()),
            }
        }
    }

    fn serve(&self, client: &Incoming) {
        if !self.clients.enter(&client.websocket) {
            return;
        }
        let closed = match self.talk(client) {
            Ok(()) => None,
            Err(Failure::Closed(closed)) => {
                self.output.closed(Some(&client.peer), &closed, false);
                Some(closed)
            }
            Err(Failure::Pipe) => None,
            Err(Failure::Other(text)) => {
                self.output.error(&format!("{}: {text}", client.peer));
                None
            }
        };
        self.clients.leave(&client.websocket, closed);
    }

    /// Prints what comes, until the connection has ended or there has been enough.
    fn talk(&self, client: &Incoming) -> Result<(), Failure> {
        let (ws, peer) = (&client.websocket, Some(client.peer.as_str()));
        self.output.opened(("path", &client.path), peer, ws.sub_protocol());
        // One that has gone meanwhile is told of below.
        self.listener.join(ws, ALL).ok();
        loop {
            let message = ws.receive_whole(MAX_MESSAGE).map_err(Failure::of_receive)?;
            if !self.clients.takes() {
                return Ok(());
            }
            let dealt_with = self.answer(ws, &message, peer);
            self.clients.done();
            dealt_with?;
        }
    }

    fn answer(&self, ws: &Websocket, message: &Payload, peer: Option<&str>) -> Result<(), Failure> {
        self.output.message(message.kind(), &mut message.as_bytes(), Beside { peer, time: None })?;
        match if self.echo { ws.send(message) } else { Ok(()) } {
            // How it ended is heard when more is received.
            Ok(()) | Err(SendError::Closed) => Ok(()),
            Err(error) => Err(Failure::Other(error.to_string())),
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
