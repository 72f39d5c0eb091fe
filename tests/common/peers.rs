//! Peers that are not ours: tungstenite's server, and servers that are played by hand.

use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use hosted::peer::Peer;
use tungstenite::WebSocket;
use tungstenite::protocol::WebSocketConfig;

use super::raw;

/// A peer whose `handler` gets each connection as it is, and a way to report.
pub(crate) fn serve<T: Send + 'static>(
    handler: impl Fn(TcpStream, &Sender<T>) + Send + Sync + 'static,
) -> (Peer, Receiver<T>) {
    let (sender, reports) = channel();
    let sender = Mutex::new(sender);
    let peer = Peer::serve(move |stream| {
        stream.set_nodelay(true).unwrap();
        let sender = sender.lock().unwrap().clone();
        handler(stream, &sender);
    });
    (peer.unwrap(), reports)
}

/// A peer whose `handler` gets each connection behind an opening handshake that was played by hand.
pub(crate) fn by_hand<T: Send + 'static>(
    handler: impl Fn(TcpStream, &Sender<T>) + Send + Sync + 'static,
) -> (Peer, Receiver<T>) {
    serve(move |mut stream, reports| {
        raw::accept(&mut stream);
        handler(stream, reports);
    })
}

/// A peer that hands over its end of each connection and does nothing with it.
pub(crate) fn silent() -> (Peer, Receiver<TcpStream>) {
    by_hand(|stream, streams| streams.send(stream).unwrap())
}

/// A peer whose `handler` gets each connection as tungstenite has accepted it, without limits.
pub(crate) fn tungstenite<T: Send + 'static>(
    handler: impl Fn(WebSocket<TcpStream>, &Sender<T>) + Send + Sync + 'static,
) -> (Peer, Receiver<T>) {
    serve(move |stream, reports| {
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        handler(tungstenite::accept_with_config(stream, Some(config)).unwrap(), reports);
    })
}
