//! A file over one connection. What the service answers is heard on a thread of its own, so that it is taken while parts are
//! sent: the service does not go on without.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{Read, Seek};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use super::answer::{Answer, Existing, Foreign};
use super::fault::is_not_now;
use super::{Progress, Sender, SenderError, Stored};
use crate::Websocket;
use crate::error::{ReceiveError, SendError};
use crate::threads;

/// Bytes of the file in a part: a message of 16 KiB with what stands before them.
const PART: u32 = 16 * 1024 - 4;
/// The longest answer that has a meaning.
const ANSWER_BYTES: usize = 4096;
/// Answers that wait until they are looked at, which happens between any two parts.
const ANSWERS: usize = 16;
/// For the answer to the first message. Later ones may take as long as the connection lives.
const FIRST_ANSWER: Duration = Duration::from_secs(60);
/// Until it is asked again what is not possible now: at first, and at most.
const ASK_AGAIN: Duration = Duration::from_millis(250);
const ASK_LATER: Duration = Duration::from_secs(5);

/// What the thread that listens has heard.
enum Heard {
    Answer(Answer),
    /// What no upload route says.
    Foreign,
    /// The connection has ended.
    End(String),
}

/// A sender and the connection that it uses.
struct Exchange<'a, R> {
    sender: &'a mut Sender<R>,
    ws: &'a Websocket,
    heard: Receiver<Heard>,
    /// Of the transfer, for the thread that listens.
    id: Arc<AtomicU32>,
    tell: &'a mut dyn FnMut(Progress<'_>),
    /// The service takes parts.
    may_send: bool,
    /// Since when the service cannot do what it was asked for, and until it is asked again.
    refused_since: Option<Instant>,
    pause: Duration,
}

/// See [`Sender::send_over`].
pub(super) fn run<R: Read + Seek>(
    sender: &mut Sender<R>,
    ws: &Websocket,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<Stored, SenderError> {
    if sender.token.is_none() {
        sender.start_over();
    }
    let id = Arc::new(AtomicU32::new(sender.id));
    let heard = listen(ws.clone(), id.clone())?;
    let mut exchange =
        Exchange { sender, ws, heard, id, tell, may_send: false, refused_since: None, pause: ASK_AGAIN };
    let result = exchange.run();
    let is_heard_out = match &result {
        Ok(_) | Err(SenderError::Exists { .. } | SenderError::Differs) => true,
        Err(SenderError::Refused { code, .. }) => !is_not_now(code),
        Err(_) => false,
    };
    if !is_heard_out {
        ws.close(1000, "").ok();
    }
    // The thread that listens ends with the connection, or with the last answer.
    while exchange.heard.recv().is_ok() {}
    result
}

impl<R> Sender<R> {
    /// From the beginning, under another id.
    fn start_over(&mut self) {
        self.id = RandomState::new().build_hasher().finish() as u32;
        (self.token, self.sent, self.stored) = (None, 0, 0);
    }
}

impl<R: Read + Seek> Exchange<'_, R> {
    fn run(&mut self) -> Result<Stored, SenderError> {
        self.begin()?;
        loop {
            let is_ready = self.may_send && self.sender.sent < self.sender.length();
            let news = if is_ready { self.look() } else { Some(self.wait()?) };
            match news {
                Some(Heard::Answer(answer)) => {
                    if let Some(stored) = self.take(answer)? {
                        return Ok(stored);
                    }
                }
                Some(Heard::Foreign) => return Err(SenderError::NoUpload),
                Some(Heard::End(why)) => return Err(SenderError::Lost(why)),
                None => self.send_part()?,
            }
        }
    }

    /// Asks for the rest, or begins.
    fn begin(&mut self) -> Result<(), SenderError> {
        self.may_send = false;
        let Sender { id, token, replaces, .. } = &*self.sender;
        let begun = match token {
            Some(token) => self.ws.send_text(&format!("{{\"resume\":{id},\"token\":\"{token}\"}}")),
            None => {
                let kept = if *replaces { Ok(()) } else { self.ws.send_text(&format!("{{\"keep\":{id}}}")) };
                kept.and_then(|()| self.ws.send_binary(&self.first_message()))
            }
        };
        begun.or_else(ignore_closed)
    }

    /// It has no data: the service may not want it.
    fn first_message(&self) -> Vec<u8> {
        let Sender { id, name, .. } = &*self.sender;
        [&id.to_le_bytes(), name.as_bytes(), &[0], &self.sender.length().to_le_bytes()].concat()
    }

    fn wait(&self) -> Result<Heard, SenderError> {
        if self.may_send {
            return Ok(self.heard.recv().unwrap_or_else(|_| nobody_listens()));
        }
        match self.heard.recv_timeout(FIRST_ANSWER) {
            Ok(news) => Ok(news),
            Err(RecvTimeoutError::Disconnected) => Ok(nobody_listens()),
            Err(RecvTimeoutError::Timeout) => {
                Err(SenderError::Lost(format!("no answer within {} s", FIRST_ANSWER.as_secs())))
            }
        }
    }

    fn look(&self) -> Option<Heard> {
        match self.heard.try_recv() {
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(nobody_listens()),
            Ok(news) => Some(news),
        }
    }

    fn send_part(&mut self) -> Result<(), SenderError> {
        let Sender { id, source, sent, .. } = &mut *self.sender;
        let mut part = Vec::with_capacity(PART as usize + 4);
        part.extend(id.to_le_bytes());
        if let Err(error) = source.read(*sent, PART, &mut part) {
            self.ws.send_text(&format!("{{\"cancel\":{id}}}")).ok();
            self.sender.start_over();
            return Err(error);
        }
        match self.ws.send_binary(&part) {
            Ok(()) => *sent = sent.saturating_add(PART).min(source.length()),
            Err(error) => {
                ignore_closed(error)?;
                // What was answered before, and why it is closed, is still to be heard.
                self.may_send = false;
            }
        }
        Ok(())
    }

    /// What is stored, when the file is.
    fn take(&mut self, answer: Answer) -> Result<Option<Stored>, SenderError> {
        match answer {
            Answer::Accepted { name, token } => {
                self.sender.name = name.unwrap_or_else(|| std::mem::take(&mut self.sender.name));
                self.sender.token = token;
                self.go_on(0);
            }
            Answer::Resumed { bytes } if bytes <= self.sender.sent => self.go_on(bytes),
            // It has more than was ever sent.
            Answer::Resumed { .. } => return Err(SenderError::NoUpload),
            Answer::Progress { bytes } => {
                self.sender.stored = bytes;
                (self.tell)(Progress::Stored(bytes));
            }
            Answer::Waiting { reason } => (self.tell)(Progress::Waits(&reason)),
            Answer::Stored { sha256 } => return self.is_stored(&sha256, false).map(Some),
            // It was stored and the answer was lost, which `exists` tells, or it has been forgotten.
            Answer::Refused { code, .. } if code == "unknown" => {
                self.start_over();
                self.begin()?;
            }
            Answer::Refused { existing: Some(existing), .. } => return self.exists(&existing).map(Some),
            // With a token the service may have kept what it has.
            Answer::Refused { code, reason, .. } | Answer::Failed { code, reason } if is_not_now(&code) => {
                self.again(code, reason)?;
            }
            Answer::Refused { code, reason, .. } | Answer::Failed { code, reason } => {
                self.sender.token = None;
                return Err(SenderError::Refused { code, reason });
            }
        }
        Ok(None)
    }

    fn go_on(&mut self, from: u32) {
        (self.sender.sent, self.sender.stored, self.may_send) = (from, from, true);
        (self.refused_since, self.pause) = (None, ASK_AGAIN);
        (self.tell)(Progress::Begins(from));
    }

    /// From the beginning. The thread that listens goes on, for the new id.
    fn start_over(&mut self) {
        self.sender.start_over();
        self.id.store(self.sender.id, Relaxed);
    }

    /// Waits a moment and asks again, as long as there is patience.
    fn again(&mut self, code: String, reason: String) -> Result<(), SenderError> {
        let since = *self.refused_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= self.sender.patience {
            return Err(SenderError::Refused { code, reason });
        }
        (self.tell)(Progress::Waits(&reason));
        std::thread::sleep(self.pause);
        self.pause = (self.pause * 2).min(ASK_LATER);
        if self.sender.token.is_none() {
            // The service remembers ids that it has refused.
            self.start_over();
        }
        self.begin()
    }

    /// There is a file of this name: this one, or another.
    fn exists(&mut self, existing: &Existing) -> Result<Stored, SenderError> {
        let Existing { length, sha256, replaceable } = existing;
        self.sender.token = None;
        let other = SenderError::Exists { length: *length, replaceable: *replaceable };
        match sha256 {
            Some(sha256) if *length == u64::from(self.sender.length()) => {
                self.is_stored(sha256, true).map_err(|error| match error {
                    SenderError::Differs => other,
                    error => error,
                })
            }
            _ => Err(other),
        }
    }

    /// It is, if the digest is the one of what was read.
    fn is_stored(&mut self, sha256: &str, was_there: bool) -> Result<Stored, SenderError> {
        self.sender.token = None;
        let own = self.sender.source.sha256()?;
        let text: String = own.iter().map(|byte| format!("{byte:02x}")).collect();
        if text != sha256 {
            return Err(SenderError::Differs);
        }
        self.sender.stored = self.sender.length();
        (self.tell)(Progress::Stored(self.sender.stored));
        Ok(Stored { name: self.sender.name.clone(), length: self.sender.length(), sha256: own, was_there })
    }
}

/// Hears the answers about the transfer whose id `id` has at the time, until the last one or the end of the connection.
fn listen(ws: Websocket, id: Arc<AtomicU32>) -> Result<Receiver<Heard>, SenderError> {
    let (sender, heard) = sync_channel(ANSWERS);
    threads::start(Box::new(move || hear(&ws, &id, &sender))).map_err(SenderError::Thread)?;
    Ok(heard)
}

fn hear(ws: &Websocket, id: &AtomicU32, sender: &SyncSender<Heard>) {
    loop {
        let news = match ws.receive_text(ANSWER_BYTES) {
            Ok(text) => match Answer::parse(&text, id.load(Relaxed)) {
                Ok(Some(answer)) => Heard::Answer(answer),
                Ok(None) => continue,
                Err(Foreign) => Heard::Foreign,
            },
            Err(ReceiveError::TooLong { .. } | ReceiveError::NotText) => Heard::Foreign,
            Err(error) => Heard::End(error.to_string()),
        };
        let is_last = match &news {
            Heard::Answer(answer) => answer.is_last(),
            Heard::Foreign => false,
            Heard::End(_) => true,
        };
        if sender.send(news).is_err() || is_last {
            return;
        }
    }
}

fn nobody_listens() -> Heard {
    Heard::End("the thread that listens has ended".into())
}

/// That the connection has ended is heard as well, with the reason.
fn ignore_closed(error: SendError) -> Result<(), SenderError> {
    match error {
        SendError::Closed => Ok(()),
        error => Err(SenderError::Lost(error.to_string())),
    }
}
