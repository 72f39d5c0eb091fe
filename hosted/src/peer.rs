//! WebSocket peers that are not ours, for programs and tests to talk to.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tungstenite::handshake::server::{Request, Response};
use tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tungstenite::protocol::WebSocketConfig;

/// A TCP server on a free port of 127.0.0.1, with a thread per connection. Dropping it closes them all.
pub struct Peer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stopping: AtomicBool,
    /// A second handle of every open connection, to close it by.
    open: Mutex<HashMap<u64, TcpStream>>,
}

impl Peer {
    /// A peer that accepts a WebSocket on any path, takes the first sub-protocol that it is offered, and returns each
    /// message as it came. It reads the next one only after it has written the last, as a simple blocking server does.
    ///
    /// # Errors
    /// When no port can be opened.
    pub fn echo() -> io::Result<Self> {
        // A connection's error is its end, which is all that an echo peer has to say about it.
        Self::serve(|stream| drop(echo(stream)))
    }

    /// A peer that hands each connection to `handler`, in a thread of its own.
    ///
    /// # Errors
    /// When no port can be opened.
    pub fn serve(handler: impl Fn(TcpStream) + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let accepting = std::thread::Builder::new().name("peer".into()).spawn({
            let shared = shared.clone();
            move || accept(&listener, &shared, &Arc::new(handler))
        })?;
        Ok(Self { address, shared, accepting: Some(accepting) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The `ws://` URL of a path, which starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }
}

/// A TCP port that answers nothing: a client waits until it gives up. Dropping it frees the port.
pub struct Silent {
    address: SocketAddr,
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl Silent {
    /// On a free port of 127.0.0.1: a listener with as many connections as its queue takes, behind which the system
    /// drops what comes.
    ///
    /// # Errors
    /// When no port can be opened, or the queue has no end.
    pub fn start() -> io::Result<Self> {
        const ANSWER_LIMIT: Duration = Duration::from_millis(300);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        rustix::net::listen(&listener, 0)?;
        let address = listener.local_addr()?;
        let mut waiting = Vec::new();
        while waiting.len() < 16 {
            match TcpStream::connect_timeout(&address, ANSWER_LIMIT) {
                Ok(stream) => waiting.push(stream),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Ok(Self { address, _listener: listener, _waiting: waiting });
                }
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("a queue of length 0 takes 16 connections"))
    }

    /// Where it does not answer.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then sees that it is to stop.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(accepting) = self.accepting.take()
            && woken
        {
            accepting.join().ok();
        }
        let open = self.shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in open.values() {
            stream.shutdown(Shutdown::Both).ok();
        }
    }
}

fn accept<H: Fn(TcpStream) + Send + Sync + 'static>(
    listener: &TcpListener,
    shared: &Arc<Shared>,
    handler: &Arc<H>,
) {
    for (number, stream) in (0..).zip(listener.incoming()) {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok((stream, second)) = stream.and_then(|stream| Ok((stream.try_clone()?, stream))) else {
            continue;
        };
        shared.open.lock().unwrap_or_else(PoisonError::into_inner).insert(number, second);
        let (shared, handler) = (shared.clone(), handler.clone());
        std::thread::spawn(move || {
            handler(stream);
            shared.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        });
    }
}

fn echo(stream: TcpStream) -> Result<(), Box<dyn std::error::Error>> {
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
    let mut socket = tungstenite::accept_hdr_with_config(stream, take_first_protocol, Some(config))?;
    loop {
        let message = socket.read()?;
        if message.is_text() || message.is_binary() {
            socket.send(message)?;
        }
    }
}

#[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
fn take_first_protocol(
    request: &Request,
    mut response: Response,
) -> Result<Response, tungstenite::handshake::server::ErrorResponse> {
    let offered = request.headers().get(SEC_WEBSOCKET_PROTOCOL).and_then(|list| list.to_str().ok());
    let first = offered.and_then(|list| list.split(',').next()).and_then(|first| first.trim().parse().ok());
    if let Some(first) = first {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, first);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tungstenite::client::IntoClientRequest;
    use tungstenite::{Message, client};

    #[test]
    fn echoes_and_takes_a_protocol() {
        let peer = Peer::echo().unwrap();
        let mut request = peer.url("/any?path").into_client_request().unwrap();
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, "chat, superchat".parse().unwrap());
        let (mut socket, response) = client(request, TcpStream::connect(peer.address()).unwrap()).unwrap();
        assert_eq!(response.headers()[SEC_WEBSOCKET_PROTOCOL], "chat");
        for message in [Message::text("text"), Message::binary(vec![7; 1 << 17]), Message::text("")] {
            socket.send(message.clone()).unwrap();
            assert_eq!(socket.read().unwrap(), message);
        }
    }

    #[test]
    fn closes_its_connections_when_dropped() {
        let peer = Peer::serve(|mut stream| drop(io::copy(&mut stream, &mut io::sink()))).unwrap();
        let mut stream = TcpStream::connect(peer.address()).unwrap();
        // A second connection is accepted after the first, which is therefore known to the peer.
        let second = TcpStream::connect(peer.address()).unwrap();
        drop((peer, second));
        assert!(matches!(io::Read::read(&mut stream, &mut [0]), Ok(0) | Err(_)));
    }
}
