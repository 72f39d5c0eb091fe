//! A client's socket whose every call has a deadline.

use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::admission::admission::ClientSlot;
use super::admission::late::{BOTH, Late, READ};
use super::admission::stage::Stage;
use super::refusals::Refusals;
use super::shared::Shared;
use crate::http::{Answer, Reason, Shown, refusal};
use crate::net::Socket;
use crate::platform::SHUTDOWN_SENDS_FIN;
use crate::service::limits::LINGER;
use crate::service::thread::{Lingering, Timer};

/// The socket of a client, with deadlines.
pub(crate) struct TimedSocket {
    pub(crate) socket: Arc<Socket>,
    late: Arc<Late>,
    timer: Arc<Timer>,
    pub(crate) peer: SocketAddr,
    slot: Arc<ClientSlot>,
    lingering: Arc<Lingering>,
    refusals: Arc<Refusals>,
}

impl TimedSocket {
    pub(crate) fn new(
        socket: Socket,
        shared: &Shared,
        peer: SocketAddr,
        slot: Arc<ClientSlot>,
        refusals: Arc<Refusals>,
    ) -> Self {
        let socket = Arc::new(socket);
        let late = Late::new(socket.clone());
        slot.reads_from(late.clone());
        let (timer, lingering) = (shared.timer.clone(), shared.lingering.clone());
        TimedSocket { socket, late, timer, peer, slot, lingering, refusals }
    }

    /// Runs a call on the socket that ends when `limit` is over.
    pub(crate) fn by<T>(&self, limit: Duration, how: Shutdown, call: impl FnOnce() -> T) -> T {
        let weak = self.late.weak();
        self.timer.arm(weak.clone(), if how == Shutdown::Read { READ } else { BOTH }, limit);
        let result = call();
        self.timer.disarm(&weak, None);
        result
    }

    /// Whether a deadline was over.
    pub(crate) fn is_late(&self) -> bool {
        self.late.happened()
    }

    /// Ends without another answer, over TLS with a close_notify, which says that nothing was cut off.
    pub(crate) fn end(&self) {
        self.by(LINGER, Shutdown::Both, || self.socket.shutdown(Shutdown::Write));
    }

    /// Answers why nothing comes of a request, and ends.
    pub(crate) fn refuse(&self, limit: Duration, reason: Reason, asked: Shown<'_>) {
        let answer = refusal(reason, asked.is_head(), false);
        self.note(reason, asked);
        self.send_last(limit, &answer);
    }

    /// Counts a refusal and puts it into the log.
    pub(crate) fn note(&self, reason: Reason, asked: Shown<'_>) {
        self.refusals.count(reason);
        log_refusal(self.peer, reason, &asked);
    }

    /// Sends the last answer and ends the connection behind it.
    pub(crate) fn send_last(&self, limit: Duration, answer: &Answer) {
        if self.send(limit, answer).is_ok() {
            self.finish(limit);
        }
    }

    /// Ends the connection after an answer that was sent in pieces, unless another may follow. Returns whether one
    /// may.
    pub(crate) fn follow(&self, limit: Duration, sent: std::io::Result<bool>) -> bool {
        match sent {
            Ok(false) => self.finish(limit),
            Ok(true) => return true,
            // A body that is not whole ends with the connection, which its length tells.
            Err(error) => log::debug!("a download ended: {error}"),
        }
        false
    }

    /// Ends behind the last answer and lets the client read it: a socket that is closed with bytes unread is reset,
    /// and the answer lost (RFC 9112 section 9.6). Where a shutdown sends no FIN, closing sends it behind all that
    /// was written and resets nothing.
    fn finish(&self, limit: Duration) {
        // The client may come back as soon as it sees the end.
        let mut stays = self.slot.is(Stage::Ending);
        // Over TLS this writes as well.
        self.by(limit, Shutdown::Both, || self.socket.shutdown(Shutdown::Write));
        // Who was asked to go meanwhile: with the call's deadline the timer forgets that its reads are to end.
        stays &= self.slot.stays();
        if !SHUTDOWN_SENDS_FIN {
            return;
        }
        if stays {
            self.by(LINGER, Shutdown::Both, || {
                let mut rest = [0; 512];
                while matches!(self.socket.read(&mut rest), Ok(1..)) {}
            });
            stays = self.slot.stays();
        }
        if !stays {
            self.lingering.linger(self.socket.clone());
        }
    }

    /// Sends an answer, the last one unless another may follow; whether one may.
    pub(crate) fn answer(&self, limit: Duration, answer: &Answer, keep: bool) -> bool {
        if keep {
            return self.send(limit, answer).is_ok();
        }
        self.send_last(limit, answer);
        false
    }

    /// Sends an answer that another may follow.
    pub(crate) fn send(&self, limit: Duration, answer: &Answer) -> std::io::Result<()> {
        let [head, body] = answer.parts();
        self.by(limit, Shutdown::Both, || {
            self.socket.write_all(head)?;
            self.socket.write_all(body)
        })
    }
}

/// Puts a refusal into the log, which is a call to another process.
pub(crate) fn log_refusal(peer: SocketAddr, reason: Reason, asked: &Shown<'_>) {
    log::info!("{peer}: {asked} is refused with {}: {}", reason.status(), reason.text());
}
