//! What a client puts on the wire.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use hosted::peer::Peer;

use crate::support::PATIENCE;

/// Types of records (RFC 8446 section 5.1).
pub(crate) const ALERT: u8 = 21;
pub(crate) const HANDSHAKE: u8 = 22;
pub(crate) const APPLICATION_DATA: u8 = 23;

/// One connection, as somebody between client and server saw it.
pub(crate) struct Seen {
    /// What the client sent, each piece as it was read.
    pub(crate) sent: Vec<Vec<u8>>,
    /// Bytes that the server had sent when each of these pieces was read.
    pub(crate) after: Vec<usize>,
}

/// A peer and what it saw of each connection, reported at the connection's end.
pub(crate) struct Recorder {
    peer: Peer,
    seen: Receiver<Seen>,
}

impl Recorder {
    /// Passes everything on to and from a port, but at most the first `limit` bytes from it: then the client sees
    /// the end of the stream.
    pub(crate) fn relay(port: u16, limit: usize) -> Self {
        Self::serve(move |client| {
            let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            server.set_nodelay(true).unwrap();
            let passed = Mutex::new(0);
            std::thread::scope(|scope| {
                scope.spawn(|| pass(&server, &client, limit, &passed));
                let seen = record(&client, |piece| {
                    let after = *passed.lock().unwrap();
                    (&server).write_all(piece).ok();
                    after
                });
                server.shutdown(Shutdown::Both).ok();
                seen
            })
        })
    }

    /// Plays a server that sends what `answer` makes of the first bytes of the client, and ends there if `hang_up`.
    pub(crate) fn answering(
        answer: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static,
        hang_up: bool,
    ) -> Self {
        Self::serve(move |client| {
            let mut first = true;
            record(&client, |piece| {
                if std::mem::take(&mut first) {
                    (&client).write_all(&answer(piece)).ok();
                    if hang_up {
                        client.shutdown(Shutdown::Write).ok();
                    }
                }
                0
            })
        })
    }

    fn serve(handler: impl Fn(TcpStream) -> Seen + Send + Sync + 'static) -> Self {
        let (sender, seen) = channel();
        let sender = Mutex::new(sender);
        let peer = Peer::serve(move |client| {
            client.set_nodelay(true).unwrap();
            let connection = handler(client);
            sender.lock().unwrap().send(connection).ok();
        });
        Recorder { peer: peer.unwrap(), seen }
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.peer.address().port()
    }

    /// The next connection that has ended.
    pub(crate) fn seen(&self) -> Seen {
        self.seen.recv_timeout(PATIENCE).expect("the client lets go in time")
    }

    /// No connection was made: the first that is, is this one.
    pub(crate) fn saw_nothing(&self) -> bool {
        const PROBE: &[u8] = b"a probe";
        let mut probe = TcpStream::connect(self.peer.address()).unwrap();
        probe.write_all(PROBE).unwrap();
        drop(probe);
        self.seen().bytes() == PROBE
    }
}

impl Seen {
    /// Everything that the client sent.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.sent.concat()
    }

    /// Type and length of each record of the client's.
    pub(crate) fn records(&self) -> Vec<(u8, usize)> {
        records(&self.bytes())
    }

    /// Nothing of the request has left the client: no plain text, and no sealed record but a refusal, which takes
    /// 19 bytes in TLS 1.3 and is an alert outside of application data in TLS 1.2.
    pub(crate) fn assert_nothing_told(&self) {
        let bytes = self.bytes();
        for secret in ["GET /", "Sec-WebSocket", "Upgrade", "hunter2", "dXNlcjpodW50ZXIy"] {
            assert!(
                !bytes.windows(secret.len()).any(|part| part == secret.as_bytes()),
                "{secret:?} on the wire"
            );
        }
        for (kind, len) in self.records() {
            assert!(kind != APPLICATION_DATA || len == 19, "a sealed record of {len} bytes");
        }
    }
}

/// Type and length of each whole record.
pub(crate) fn records(mut bytes: &[u8]) -> Vec<(u8, usize)> {
    let mut found = Vec::new();
    while let [kind, _, _, high, low, rest @ ..] = bytes {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        found.push((*kind, len));
        bytes = rest.get(len..).unwrap_or_default();
    }
    found
}

fn record(mut client: &TcpStream, mut each: impl FnMut(&[u8]) -> usize) -> Seen {
    let mut seen = Seen { sent: Vec::new(), after: Vec::new() };
    let mut piece = vec![0; 1 << 16];
    while let Ok(len @ 1..) = client.read(&mut piece) {
        seen.after.push(each(&piece[..len]));
        seen.sent.push(piece[..len].to_vec());
    }
    seen
}

fn pass(mut from: &TcpStream, mut to: &TcpStream, limit: usize, passed: &Mutex<usize>) {
    let mut piece = vec![0; 1 << 16];
    while let Ok(len @ 1..) = from.read(&mut piece) {
        let mut passed = passed.lock().unwrap();
        let len = len.min(limit - *passed);
        *passed += len;
        if to.write_all(&piece[..len]).is_err() || *passed == limit {
            break;
        }
    }
    to.shutdown(Shutdown::Write).ok();
}
