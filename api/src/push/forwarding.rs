//! Push: what comes on connections is lent to servers of the program, by one thread for all of them.
//!
//! The service never calls into a client, as it would hang with it. So the waiting thread belongs to the client. It waits
//! until any of the connections has something ([`Opcode::Ready`]), receives one chunk of it, and lends that on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Instant;

use xous::CID;

use crate::Code;
use crate::link::Link;
use crate::link::address::Address;
use crate::link::forwarded::{Entry, FORWARDED};
use crate::sync::{lock, try_lock};
use crate::threads::start;
use crate::wire::{Handle, Opcode, PAGE_SIZE, Pages, ReceiveWord, Status, message_id};

/// The forwarding of a connection, which goes on when this is dropped.
///
/// ```no_run
/// use xous_api_websocket::Websocket;
///
/// fn login(ws: &Websocket, own_server: xous::CID) -> Result<(), Box<dyn std::error::Error>> {
///     let forwarding = ws.forward_to(own_server, 7)?;
///     // The server has what it needs, and this thread goes on by itself.
///     forwarding.stop();
///     println!("{}", ws.receive_text(1000)?);
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Forwarding {
    address: Address,
    stopped: Arc<AtomicBool>,
}

impl Forwarding {
    /// Lends nothing more to the server, but for the chunk that it has at this moment. Nothing is lost: what comes next is
    /// for [`Websocket::receive`](crate::Websocket::receive), or for another `forward_to`; if a message has been forwarded
    /// in part, the rest of it is. Does not wait.
    pub fn stop(&self) {
        if self.stopped.swap(true, SeqCst) {
            return;
        }
        lock(&FORWARDED).entries.retain(|entry| !Arc::ptr_eq(&entry.stopped, &self.stopped));
        self.address.tell(Opcode::Ready, 0, 0);
    }
}

/// Forwards the chunks of a connection until it has ended or the receiver's server is gone, and in the place of another
/// forwarding of it.
pub(crate) fn chunks(link: Arc<Link>, cid: CID, opcode: usize) -> std::io::Result<Forwarding> {
    let stopped = Arc::new(AtomicBool::new(false));
    let forwarding = Forwarding { address: link.address(), stopped: stopped.clone() };
    let entry = Entry { link, cid, opcode, stopped };
    {
        let mut forwarded = lock(&FORWARDED);
        let before = forwarded.entries.extract_if(.., |other| Arc::ptr_eq(&other.link, &entry.link));
        before.for_each(|other| other.stopped.store(true, SeqCst));
        forwarded.entries.push(entry.clone());
    }
    match entry.link.address().ask(Opcode::Ready, 1) {
        Ok((usize::MAX, _)) | Err(_) => {
            // It has ended, which is told as the last chunk.
            entry.remove();
            start(Box::new(move || while forward(&entry, None, &mut Pages::new(PAGE_SIZE)) {}))?;
        }
        Ok(_) => run(entry.link.address().cid).inspect_err(|_| forwarding.stop())?,
    }
    Ok(forwarding)
}

/// Starts the thread that forwards all connections, unless it runs already.
fn run(service: CID) -> std::io::Result<()> {
    let mut forwarded = lock(&FORWARDED);
    if !forwarded.runs {
        start(Box::new(move || forward_all(service)))?;
        forwarded.runs = true;
    }
    Ok(())
}

/// Ends when no connection is forwarded any more.
fn forward_all(service: CID) {
    let mut page = Pages::new(PAGE_SIZE);
    let mut chunk = Pages::new(PAGE_SIZE);
    while wait(&mut page, service) {
        let handle = page.bytes().first_chunk().and_then(|raw| Handle::from_raw(u32::from_le_bytes(*raw)));
        let entry = lock(&FORWARDED)
            .entries
            .iter()
            .find(|entry| Some(entry.link.address().handle) == handle)
            .cloned();
        if let Some(entry) = entry
            && !forward(&entry, Some(Instant::now()), &mut chunk)
        {
            entry.remove();
        }
    }
}

/// Waits until a connection has something, whose handle then is in the page. `false` if the thread is to end.
fn wait(page: &mut Pages, service: CID) -> bool {
    let id = message_id(Opcode::Ready, Handle::SOLE);
    loop {
        let code = match page.lend_mut(service, id, 0, 0, PAGE_SIZE).map(|returned| returned.offset) {
            Ok(0) => return true,
            Ok(code) => Code::from_word(code),
            Err(_) => Code::Malformed,
        };
        if code == Code::Again {
            continue;
        }
        let mut forwarded = lock(&FORWARDED);
        // One that has come since the service has said that there is none.
        if code == Code::Closed && !forwarded.entries.is_empty() {
            forwarded
                .entries
                .retain(|entry| matches!(entry.link.address().ask(Opcode::Ready, 1), Ok((0, _))));
            if !forwarded.entries.is_empty() {
                continue;
            }
        }
        forwarded.runs = false;
        let left = std::mem::take(&mut forwarded.entries);
        drop(forwarded);
        left.iter().for_each(|entry| refuse(entry, code));
        return false;
    }
}

/// Lends on what comes until `until`, and what comes with it. `false` if nothing more can come.
fn forward(entry: &Entry, until: Option<Instant>, pages: &mut Pages) -> bool {
    let link = &*entry.link;
    // What is here already is not what the service has named, and it names nothing before it has got a page.
    let mut asked = false;
    loop {
        let (chunk, has_rest) = {
            let Some(mut inbox) = try_lock(&link.incoming) else { return come_back(entry) };
            asked |= !inbox.has_rest();
            let Ok(chunk) = inbox.receive(link.address(), until) else { return false };
            if chunk.word.status == Status::Refused(Code::NothingCame as u8) {
                return true;
            }
            if entry.stopped.load(SeqCst) {
                inbox.keep(chunk);
                return false;
            }
            inbox.take_out(pages, chunk.len);
            (chunk, inbox.has_rest())
        };
        let status = chunk.word.status;
        if let Status::Refused(code) = status {
            log::warn!("forwarding stops: {}", Code::from_word(usize::from(code)));
        }
        if pages.lend(entry.cid, entry.opcode, chunk.word.to_word(), chunk.len).is_err() {
            link.address().going_away();
            return false;
        }
        if !matches!(status, Status::Chunk { .. } | Status::Reconnecting | Status::Reopened) {
            return false;
        }
        if asked && !has_rest {
            return true;
        }
    }
}

/// Another thread holds a message of the connection. When it has dropped the message, this connection is looked at again; the
/// others do not wait.
fn come_back(entry: &Entry) -> bool {
    let entry = entry.clone();
    let wait = move || {
        drop(lock(&entry.link.incoming));
        if !entry.stopped.load(SeqCst) {
            entry.link.address().ask(Opcode::Ready, 1).ok();
        }
    };
    start(Box::new(wait)).is_ok()
}

/// Tells a receiver that forwarding ends.
fn refuse(entry: &Entry, code: Code) {
    log::warn!("forwarding stops: {code}");
    let word = ReceiveWord::new(Status::Refused(code as u8)).to_word();
    Pages::new(PAGE_SIZE).lend(entry.cid, entry.opcode, word, 0).ok();
}
