//! A connection from the end of its opening handshake to its own, in either role.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use xous_api_websocket::Limits;

use super::beat::Heartbeat;
use super::end_guard::EndGuard;
use super::outcome::{ABNORMAL, Outcome};
use super::reader::Reader;
use super::sink::Sink;
use super::suspends;
use super::writer::Writer;
use crate::net::Socket;
use crate::proto::{self, Decoder, Encoder, Role};
use crate::service::message::Lent;
use crate::service::thread::Permit;

/// What the opening handshake leaves behind.
pub(crate) struct Established {
    pub(crate) role: Role,
    pub(crate) socket: Arc<Socket>,
    /// Bytes that came behind the peer's head.
    pub(crate) already: Vec<u8>,
    /// A client's frames are masked.
    pub(crate) masks: Option<ChaCha8Rng>,
    pub(crate) limits: Limits,
    pub(crate) fragment_size: u32,
    /// A message that goes out at once, and every so often.
    pub(crate) heartbeat: Option<Heartbeat>,
}

impl Established {
    /// Starts the writer on its worker, tells `opened` that the connection is open (with the page that its `Open`
    /// lent, if there is one), and reads on this thread until the end. Returns how the connection ended.
    // Apart: what this needs of the stack is not under what an opening handshake needs.
    #[inline(never)]
    pub(crate) fn run(
        self,
        guard: &Arc<EndGuard>,
        sink: &mut Sink,
        writer: Permit,
        opened: impl FnOnce(Option<Lent>),
    ) -> Outcome {
        let conn = &guard.conn;
        let Some(opener) = conn.opened() else { return Outcome::new(ABNORMAL, "given up") };
        let encoder = Encoder::new(self.role);
        let heartbeat = self.heartbeat.map(|Heartbeat { kind, message, every }| {
            conn.beats(every);
            (kind, message)
        });
        let socket = self.socket.clone();
        let writing = Writer::new(conn.clone(), socket, encoder, self.masks, self.fragment_size, heartbeat);
        let writers_guard = guard.clone();
        let started = writer.run(move |permit| {
            writing.run();
            drop(writers_guard);
            drop(permit);
        });
        if let Err(error) = started {
            log::error!("no thread for a connection: {error}");
            conn.break_off();
            return conn.outcome();
        }
        opened(opener);
        // Which may wait, and the connection is open: a Close goes out meanwhile.
        suspends::subscribe();
        let Limits { frame, message, fragments, .. } = self.limits;
        let limits = proto::Limits { max_frame: frame, max_message: message, max_fragments: fragments };
        let decoder = Decoder::new(self.role, limits);
        Reader::new(conn.clone(), self.socket, decoder, sink, self.already).run();
        conn.reader_ended();
        conn.outcome()
    }
}
