//! A file on its way, over one connection after the other.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use xous_api_websocket::Websocket;
use xous_api_websocket::error::{ReceiveError, SendError};

use crate::answer::Answer;
use crate::bar::Bar;
use crate::source::Source;

/// Bytes of the file in a part: a message of 16 KiB with what stands before them.
const PART: u32 = 16 * 1024 - 4;
/// The longest answer that has a meaning.
const ANSWER_BYTES: usize = 4096;
/// Answers that wait until they are looked at, which happens between any two parts.
const ANSWERS: usize = 16;
const STACK: usize = 64 * 1024;
/// For the answer to the first message. Later ones may take as long as the connection lives.
const FIRST_ANSWER: Duration = Duration::from_secs(60);
/// Until it asks again to go on while the connection that was lost still writes, and how often.
const ASK_AGAIN: Duration = Duration::from_millis(250);
const ASKS: u32 = 120;

/// Why a connection did not bring the file there.
pub(crate) enum Fault {
    /// It will not be taken.
    Refused(String),
    /// The connection ended: go on over another.
    Lost(String),
}

/// What the thread hears that listens.
enum Heard {
    Answer(Answer),
    /// No answer that an upload route gives.
    Else,
    /// Nothing more will be heard, for this reason.
    End(String),
}

pub(crate) struct Transfer<'a> {
    id: u32,
    name: &'a str,
    source: Source,
    bar: Bar,
    /// Without it, a transfer cannot be resumed.
    token: Option<String>,
    /// Bytes that have been sent, and that are known to be in the database.
    sent: u32,
    stored: u32,
    /// The service has said that it takes parts, on this connection.
    may_send: bool,
}

impl<'a> Transfer<'a> {
    pub(crate) fn new(name: &'a str, source: Source) -> Self {
        let bar = Bar::new(source.length());
        Transfer { id: 0, name, source, bar, token: None, sent: 0, stored: 0, may_send: false }
    }

    /// Bytes that are known to be in the database.
    pub(crate) fn stored(&self) -> u32 {
        self.stored
    }

    pub(crate) fn length(&self) -> u32 {
        self.source.length()
    }

    /// SHA-256 of what was read.
    pub(crate) fn sha256(&self) -> String {
        self.source.sha256()
    }

    /// Says something between two bars.
    pub(crate) fn say(&mut self, text: &str) {
        self.bar.say(text);
    }

    /// Begins or goes on, and closes the connection; the digest of what the service has stored.
    pub(crate) fn send_over(&mut self, ws: &Websocket) -> Result<String, Fault> {
        self.may_send = false;
        if self.token.is_none() {
            self.id = RandomState::new().build_hasher().finish() as u32;
        }
        let (heard, listening) = listen(ws.clone(), self.id)?;
        let end = self.exchange(ws, &heard);
        self.bar.end();
        ws.close(1000, "").ok();
        drop(heard);
        // A kernel of the hosted mode does not bear a process that ends before it has been answered.
        listening.join().ok();
        end
    }

    fn exchange(&mut self, ws: &Websocket, heard: &Receiver<Heard>) -> Result<String, Fault> {
        self.begin(ws)?;
        let mut asked = 1;
        loop {
            let is_ready = self.may_send && self.sent < self.length();
            let news = if is_ready { look(heard) } else { self.wait(heard)? };
            match news {
                Some(Heard::Answer(Answer::Refused { code, .. }))
                    if code == "busy" && self.token.is_some() && asked < ASKS =>
                {
                    asked += 1;
                    std::thread::sleep(ASK_AGAIN);
                    self.begin(ws)?;
                }
                Some(Heard::Answer(answer)) => {
                    if let Some(sha256) = self.take(answer)? {
                        return Ok(sha256);
                    }
                }
                Some(Heard::Else) => {
                    return Err(Fault::Refused("what it answers is no answer of an upload route".into()));
                }
                Some(Heard::End(why)) => return Err(Fault::Lost(why)),
                None => self.send_part(ws)?,
            }
        }
    }

    /// Asks for the rest, or begins.
    fn begin(&self, ws: &Websocket) -> Result<(), Fault> {
        let begun = match &self.token {
            Some(token) => ws.send_text(&format!("{{\"resume\":{},\"token\":\"{token}\"}}", self.id)),
            None => ws.send_binary(&self.first_message()),
        };
        begun.or_else(ignore_closed)
    }

    fn wait(&self, heard: &Receiver<Heard>) -> Result<Option<Heard>, Fault> {
        if self.may_send {
            return Ok(Some(heard.recv().unwrap_or_else(|_| nobody_listens())));
        }
        match heard.recv_timeout(FIRST_ANSWER) {
            Ok(news) => Ok(Some(news)),
            Err(RecvTimeoutError::Disconnected) => Ok(Some(nobody_listens())),
            Err(RecvTimeoutError::Timeout) => {
                Err(Fault::Lost(format!("no answer within {} s", FIRST_ANSWER.as_secs())))
            }
        }
    }

    /// It has no data: the service may not want it.
    fn first_message(&self) -> Vec<u8> {
        [&self.id.to_le_bytes(), self.name.as_bytes(), &[0], &self.length().to_le_bytes()].concat()
    }

    fn send_part(&mut self, ws: &Websocket) -> Result<(), Fault> {
        let mut part = Vec::with_capacity(PART as usize + 4);
        part.extend(self.id.to_le_bytes());
        if let Err(error) = self.source.read(self.sent, PART, &mut part) {
            ws.send_text(&format!("{{\"cancel\":{}}}", self.id)).ok();
            return Err(Fault::Refused(error));
        }
        match ws.send_binary(&part) {
            Ok(()) => self.sent += part.len() as u32 - 4,
            Err(error) => {
                ignore_closed(error)?;
                // What was answered before, and why it is closed, is still to be heard.
                self.may_send = false;
            }
        }
        Ok(())
    }

    /// The digest when the file is stored.
    fn take(&mut self, answer: Answer) -> Result<Option<String>, Fault> {
        match answer {
            Answer::Accepted { token } => self.go_on(0, token),
            Answer::Resumed { bytes } if bytes <= self.sent => {
                let token = self.token.take();
                self.go_on(bytes, token);
            }
            Answer::Resumed { bytes } => {
                let sent = self.sent;
                return Err(Fault::Refused(format!(
                    "it claims to have {bytes} bytes of {sent} that were sent"
                )));
            }
            Answer::Progress { bytes } => {
                self.stored = bytes;
                self.bar.show(bytes);
            }
            Answer::Stored { sha256 } => {
                self.bar.show(self.length());
                return Ok(Some(sha256));
            }
            Answer::Refused { code, .. } if code == "unknown" => return Err(self.forgotten()),
            Answer::Refused { reason, .. } | Answer::Failed { reason } => return Err(Fault::Refused(reason)),
        }
        Ok(None)
    }

    fn go_on(&mut self, from: u32, token: Option<String>) {
        (self.token, self.sent, self.stored, self.may_send) = (token, from, from, true);
        self.bar.begin(from);
    }

    /// The service knows nothing of the transfer any more: it was restarted, or waited too long, or is done.
    fn forgotten(&mut self) -> Fault {
        if self.sent == self.length() {
            let text = "the connection was lost before the answer came, so it may be stored; look at the list of files";
            return Fault::Refused(text.into());
        }
        (self.token, self.sent, self.stored) = (None, 0, 0);
        Fault::Lost("what was sent has been forgotten, it begins anew".into())
    }
}

/// Hears the answers in a thread of its own, so that they are taken while parts are sent: the service does not go on
/// without.
fn listen(ws: Websocket, id: u32) -> Result<(Receiver<Heard>, JoinHandle<()>), Fault> {
    let (sender, heard) = sync_channel(ANSWERS);
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || hear(&ws, id, &sender));
    Ok((heard, thread.map_err(|error| Fault::Refused(format!("no thread: {error}")))?))
}

/// Until the connection has ended, or nobody wants to know.
fn hear(ws: &Websocket, id: u32, sender: &SyncSender<Heard>) {
    loop {
        let news = match ws.receive_text(ANSWER_BYTES) {
            Ok(text) => Answer::parse(&text, id).map_or(Heard::Else, Heard::Answer),
            Err(ReceiveError::TooLong { .. } | ReceiveError::NotText) => Heard::Else,
            Err(error) => Heard::End(error.to_string()),
        };
        let ends = matches!(news, Heard::End(_));
        if sender.send(news).is_err() || ends {
            return;
        }
    }
}

fn nobody_listens() -> Heard {
    Heard::End("the thread that listens has ended".into())
}

fn look(heard: &Receiver<Heard>) -> Option<Heard> {
    match heard.try_recv() {
        Err(TryRecvError::Empty) => None,
        Err(TryRecvError::Disconnected) => Some(nobody_listens()),
        Ok(news) => Some(news),
    }
}

/// That the connection has ended is heard as well, with the reason.
fn ignore_closed(error: SendError) -> Result<(), Fault> {
    match error {
        SendError::Closed => Ok(()),
        error => Err(Fault::Lost(error.to_string())),
    }
}
