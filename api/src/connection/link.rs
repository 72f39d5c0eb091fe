//! What a program knows of a connection, and the way to the service.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::{ptr, thread};

use xous::CID;
use xous_api_names::XousNames;

use crate::connection::inbox::Inbox;
use crate::error::{ControlError, SendError};
use crate::messages::outgoing::Outgoing;
use crate::messages::send::Queue;
use crate::messages::sending::{IS_LENT, Sending};
use crate::wire::{Handle, Opcode, Pages, RestWord, SERVER_NAME, SendWord, message_id};
use crate::{Code, Kind, Part};

/// What is known of a connection.
pub(crate) struct Link {
    pub(crate) cid: CID,
    pub(crate) handle: Handle,
    pub(crate) status: u16,
    pub(crate) sub_protocol: Option<String>,
    pub(crate) head: Vec<u8>,
    /// Held while a message is sent, however many parts it has.
    pub(crate) outgoing: Mutex<Outgoing>,
    /// The thread that holds it for a message that is written: what [`this_thread`] says there.
    writing: AtomicUsize,
    /// Messages are collected in `outgoing`, or are on their way to the service.
    pub(crate) has_queued: AtomicBool,
    /// They are on their way.
    pub(crate) sending: Sending,
    /// Nothing needs to be collected any more, or for another time.
    pub(crate) given_up: Condvar,
    /// Places in the service's queue that are known to be free for messages that are moved.
    pub(crate) places: AtomicUsize,
    /// Messages that are sent by a thread of their own.
    pub(crate) queue: Mutex<Queue>,
    /// Held while a message is received.
    pub(crate) incoming: Mutex<Inbox>,
}

impl Link {
    pub(crate) fn new(
        cid: CID,
        handle: Handle,
        status: u16,
        sub_protocol: Option<&str>,
        head: &[u8],
    ) -> Self {
        Link {
            cid,
            handle,
            status,
            sub_protocol: sub_protocol.map(str::to_owned),
            head: head.to_vec(),
            outgoing: Mutex::new(Outgoing::new()),
            writing: AtomicUsize::new(0),
            has_queued: AtomicBool::new(false),
            sending: Sending::default(),
            given_up: Condvar::new(),
            places: AtomicUsize::new(0),
            queue: Mutex::default(),
            incoming: Mutex::new(Inbox::new()),
        }
    }

    pub(crate) fn id(&self, opcode: Opcode) -> usize {
        message_id(opcode, self.handle)
    }

    /// Waits until nobody else sends.
    ///
    /// # Errors
    /// This very thread writes a message ([`Link::writes`]), so that it would wait for itself.
    #[inline]
    pub(crate) fn outgoing(&self) -> Result<MutexGuard<'_, Outgoing>, SendError> {
        match self.outgoing.try_lock() {
            Ok(outgoing) => Ok(outgoing),
            Err(_) => self.outgoing_in_turn(),
        }
    }

    /// Apart from the way of almost every message, which counts instructions.
    #[cold]
    fn outgoing_in_turn(&self) -> Result<MutexGuard<'_, Outgoing>, SendError> {
        match try_lock(&self.outgoing) {
            Some(outgoing) => Ok(outgoing),
            None if self.writing.load(Relaxed) == this_thread() => Err(SendError::Refused(Code::MessageOpen)),
            None => Ok(lock(&self.outgoing)),
        }
    }

    /// What is queued, for whoever sends or closes behind it and does not wait for the peer. `None` if nothing is queued, or
    /// another thread sends it and the service has it.
    pub(crate) fn queued(&self) -> Option<MutexGuard<'_, Outgoing>> {
        while self.has_queued.load(SeqCst) {
            if let Some(outgoing) = try_lock(&self.outgoing) {
                return Some(outgoing);
            }
            if self.sending.is_lent_in(IS_LENT) {
                return None;
            }
            // The other one adds a message or is about to lend: both take no time. To wait for its lock could last, as it may
            // lend before it lets go.
            thread::yield_now();
        }
        None
    }

    /// This thread holds `outgoing` from now on, or not any more. Any other's order is as good: a thread looks for itself.
    pub(crate) fn writes(&self, begins: bool) {
        self.writing.store(if begins { this_thread() } else { 0 }, Relaxed);
    }

    /// Sends a message or a part of one, and returns the number of the session on which it went out. The rest of a message is
    /// sent on this `session` alone, unless that is 0.
    pub(crate) fn send(
        &self,
        pages: &Pages,
        (kind, part): (Kind, Part),
        session: usize,
        len: usize,
    ) -> Result<usize, SendError> {
        let rest = RestWord::new(part, session).map(RestWord::to_word);
        let word = rest.unwrap_or_else(|| SendWord::Data(kind, part).to_word());
        lend_send(self.cid, self.id(Opcode::Send), pages, word, len)
    }

    /// A blocking scalar with one argument and two words for an answer.
    pub(crate) fn ask(&self, opcode: Opcode, argument: usize) -> Result<(usize, usize), ControlError> {
        let message = xous::Message::new_blocking_scalar(self.id(opcode), argument, 0, 0, 0);
        match xous::send_message(self.cid, message) {
            Ok(xous::Result::Scalar2(one, two)) => Ok((one, two)),
            Ok(xous::Result::Scalar1(one)) => Ok((one, 0)),
            _ => Err(ControlError::Kernel),
        }
    }
}

/// The number of the session on which it went out; 0 if there are no others.
pub(crate) fn lend_send(
    cid: CID,
    id: usize,
    pages: &Pages,
    word: usize,
    len: usize,
) -> Result<usize, SendError> {
    let returned = pages.lend(cid, id, word, len).map_err(|_| SendError::Kernel)?;
    match returned.offset {
        0 => Ok(returned.valid),
        code => Err(SendError::from_code(Code::from_word(code))),
    }
}

/// The connection to the service. It is made once and kept, as a CID that is given back soon belongs to another
/// server.
pub(crate) fn service() -> Result<CID, xous::Error> {
    static SERVICE: OnceLock<(XousNames, CID)> = OnceLock::new();
    static CONNECTING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = lock(&CONNECTING);
    if let Some(&(_, cid)) = SERVICE.get() {
        return Ok(cid);
    }
    let names = XousNames::new()?;
    let cid = names.request_connection_blocking(SERVER_NAME)?;
    SERVICE.set((names, cid)).ok();
    Ok(cid)
}

/// A number that no other thread has meanwhile, and that is not 0.
fn this_thread() -> usize {
    thread_local!(static HERE: u8 = const { 0 });
    HERE.with(|here| ptr::from_ref(here).addr())
}

/// A thread that panicked while it held a buffer has left bytes in it, not a broken invariant.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As [`lock`], unless another thread holds it.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
