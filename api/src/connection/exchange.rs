//! A message out and the next one in, for programs that ask and are answered.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use crate::error::{ExchangeError, SendError};
use crate::link::Link;
use crate::link::inbox::milliseconds;
use crate::messages::send;
use crate::sync::{lock, try_lock};
use crate::wire::{ExchangeWord, Status};
use crate::{Code, Kind, Message, Payload, Websocket};

impl Websocket {
    /// Sends a message, waits for the next one and returns it as a stream: [`Websocket::send`] and [`Websocket::receive`] in
    /// one request to the service, which costs less. For protocols in which each message is answered by one.
    ///
    /// ```no_run
    /// use xous_api_websocket::Websocket;
    ///
    /// fn ask(ws: &Websocket, question: &str) -> Result<String, Box<dyn std::error::Error>> {
    ///     Ok(ws.exchange_text(question, 4096)?)
    /// }
    /// ```
    ///
    /// The next message is whatever comes next, not an answer that is looked for: one that has come before, or was on its
    /// way, is returned first, and the others wait for the next receive. Any other thread may send meanwhile. If another one
    /// receives, the message is sent at once, and the next one goes to the thread that waits longest.
    ///
    /// What is queued goes out before it ([`Websocket::queue`]). A message of more than 16 KiB, or one while something is here
    /// already, goes out as with `send`, and the next one is received then.
    ///
    /// On a connection that is opened again ([`Request::reconnect`](crate::Request::reconnect)) the wait ends when the
    /// connection is lost, as what was sent is perhaps lost with it. Only if the message went out as with `send` it goes on:
    /// name a time there. Word of an earlier loss is passed over, as in [`Websocket::receive`].
    ///
    /// # Errors
    /// `NotSent` with an error of [`Websocket::send`]: nothing was waited for; `Refused(Reconnecting)` while the connection is
    /// lost and does not [queue](crate::Reconnect::queues). `NotReceived` with one of [`Websocket::receive`]: the message is
    /// with the socket; `Reconnecting` if the connection was lost then, of which
    /// [`Websocket::receive_event`] tells more.
    pub fn exchange(&self, kind: Kind, data: &[u8]) -> Result<Message<'_>, ExchangeError> {
        exchange(&self.link, kind, data, None)
    }

    /// As [`Websocket::exchange`], but waits for the beginning of the next message for at most this time, in milliseconds and
    /// at least one, once this one is with the socket.
    ///
    /// # Errors
    /// As [`Websocket::exchange`]. `NotReceived(NothingCame)` when the time is over: the message is sent, and what comes later
    /// is received by the next receive.
    pub fn exchange_for(
        &self,
        kind: Kind,
        data: &[u8],
        time: Duration,
    ) -> Result<Message<'_>, ExchangeError> {
        exchange(&self.link, kind, data, Some(time))
    }

    /// Sends a text and waits for the next message, which must be text of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Websocket::exchange`] and [`Websocket::receive_text`].
    pub fn exchange_text(&self, text: &str, limit: usize) -> Result<String, ExchangeError> {
        Ok(self.exchange(Kind::Text, text.as_bytes())?.into_text(limit)?)
    }

    /// Sends a message and waits for the next one, text or binary, of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Websocket::exchange`] and [`Websocket::receive_whole`].
    pub fn exchange_whole(&self, message: &Payload, limit: usize) -> Result<Payload, ExchangeError> {
        Ok(self.exchange(message.kind(), message.as_bytes())?.into_payload(limit)?)
    }
}

fn exchange<'a>(
    link: &'a Link,
    kind: Kind,
    data: &[u8],
    time: Option<Duration>,
) -> Result<Message<'a>, ExchangeError> {
    let until = || time.and_then(|time| Instant::now().checked_add(time));
    // What is queued goes first.
    if link.sending.has_queued.load(SeqCst) {
        link.outgoing()?.pages(&link.sending)?;
    }
    let word = ExchangeWord::new(kind, time.map_or(0, milliseconds));
    // If another thread holds a message or receives, the next one is for that thread.
    if let (Some(mut inbox), Some(word)) = (try_lock(&link.incoming), word) {
        let until = until();
        if let Some(came) = inbox.exchange(link.address(), word, data).map_err(|_| SendError::Kernel)? {
            match came.word.status {
                // Parts of another message go out: this one waits for their end, if it comes.
                Status::NotSent(code) if Code::from_word(usize::from(code)) == Code::MessageOpen => (),
                Status::NotSent(code) => {
                    return Err(SendError::from_code(Code::from_word(usize::from(code))).into());
                }
                // Whether this process is there was asked.
                Status::Refused(code) if Code::from_word(usize::from(code)) == Code::Again => {
                    return Ok(Message::answer(link, inbox, None, until)?);
                }
                _ => return Ok(Message::answer(link, inbox, Some(came), until)?),
            }
        }
    }
    send::send_whole(link, kind, data, 0)?;
    Ok(Message::next(link, lock(&link.incoming), until())?)
}
