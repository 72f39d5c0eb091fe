//! Messages of a connection that go out together.

use std::sync::MutexGuard;
use std::time::Duration;

use crate::Kind;
use crate::connection::websocket::Websocket;
use crate::error::QueueError;
use crate::link::outgoing::Outgoing;
use crate::messages::watch;

impl Websocket {
    /// Queues a whole message in pages of this process: many small ones that are sent together cost a fraction of those that
    /// are sent one by one. Returns its number; they count from 0.
    ///
    /// What is queued goes out with [`Websocket::flush`], when its pages are full (16 KiB), and after
    /// [`Websocket::flush_after`]: this call then waits until the socket has taken it. Everything else that is sent on the
    /// connection goes behind it; [`Websocket::close`], [`Websocket::send_async`], [`Websocket::grant`] and the drop of the
    /// last clone give it to the service before they do their work, without waiting; what then fails is only counted, in
    /// [`Websocket::state`]. Where as many messages wait as may, `send_async` says `Busy` and all of it stays queued, `grant`
    /// waits until the socket has taken it, up to the write deadline, and the others have a place that is kept for them. It
    /// is lost to them only if another thread's [`Websocket::exchange`] has that, or what a process may have is used up
    /// (`BusyMessages`): flush before, to be told. To receive sends nothing: flush before you wait for an answer. A message that is longer than the
    /// pages is sent at once, behind what is queued.
    ///
    /// ```no_run
    /// use xous_api_websocket::{Kind, Websocket, error::QueueError};
    ///
    /// fn report(ws: &Websocket, samples: &[[u8; 16]]) -> Result<(), QueueError> {
    ///     for sample in samples {
    ///         ws.queue(Kind::Binary, sample)?;
    ///     }
    ///     ws.flush()
    /// }
    /// ```
    ///
    /// # Errors
    /// The message is not queued. [`QueueError`] tells what became of those before it, once.
    pub fn queue(&self, kind: Kind, data: &[u8]) -> Result<u64, QueueError> {
        let mut outgoing = self.outgoing()?;
        if outgoing.is_unwatched() && !outgoing.has_untold() {
            watch::begin(&self.link, &mut outgoing)?;
        }
        outgoing.queue(&self.link.sending, kind, data)
    }

    /// Sends what is queued. Returns when the socket has taken it.
    ///
    /// # Errors
    /// See [`QueueError`]: it names each message that is not sent and was not told of before.
    pub fn flush(&self) -> Result<(), QueueError> {
        self.outgoing()?.flush(&self.link.sending)
    }

    /// From now on no message that is queued waits longer than this: one thread of this process, which is used again, then
    /// sends what there is. What fails is told by the next [`Websocket::queue`] or [`Websocket::flush`]; what is refused for
    /// now goes with the next call that sends. `None`: it waits for those. Each call counts at once, also for what is queued
    /// already.
    ///
    /// While a connection is lost that is opened again and does not [queue](crate::Reconnect::queues), what is queued here
    /// stays: it is tried again every second, or after this time if that is longer, and a flush, or a queue that finds no room,
    /// says `NotSent(Refused(Reconnecting))`. [`Websocket::state`] has how much waits.
    ///
    /// # Errors
    /// `NotSent(Busy(NoWorker))` if something is queued and the thread cannot be started.
    pub fn flush_after(&self, longest: Option<Duration>) -> Result<(), QueueError> {
        let mut outgoing = self.outgoing()?;
        outgoing.set_longest(&self.link.sending, longest);
        if outgoing.is_unwatched() && !outgoing.is_empty() {
            watch::begin(&self.link, &mut outgoing)?;
        }
        Ok(())
    }

    fn outgoing(&self) -> Result<MutexGuard<'_, Outgoing>, QueueError> {
        self.link.outgoing().map_err(QueueError::NotSent)
    }
}
