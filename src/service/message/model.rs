//! The kernel's part in a model: callers that lend pages or ask, and wait until they are answered.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use xous::{Error, MemoryMessage, MemoryRange, MemorySize, Message, MessageEnvelope, MessageSender, PID};
use xous_api_websocket::wire::{PAGE_SIZE, Pages};

use super::envelope::{Incoming, Lent, Scalar, range_of};
use crate::sync::{Condvar, Mutex};

/// A caller with one message.
#[derive(Clone)]
pub(crate) struct Caller(Arc<Wait>);

/// Two words.
type Answer = (usize, usize);

struct Wait {
    answer: Mutex<Option<Answer>>,
    answered: Condvar,
}

thread_local! {
    /// Those who wait in the model that this thread runs, and their pages.
    static WAITING: RefCell<HashMap<usize, (Caller, Pages)>> = RefCell::default();
    static LAST: RefCell<usize> = const { RefCell::new(0) };
}

impl Caller {
    /// Lends a page to be written, with these words.
    pub(crate) fn lend_mut(offset: usize, valid: usize) -> (Self, Lent) {
        Self::memory(offset, valid, 0, Message::MutableBorrow)
    }

    /// Lends a page to be read, with these words.
    pub(crate) fn lend(offset: usize, valid: usize) -> (Self, Lent) {
        Self::memory(offset, valid, 0, Message::Borrow)
    }

    /// Gives a page away, as this process.
    pub(crate) fn give(process: PID) -> Lent {
        Self::memory(0, 0, process.get(), Message::Move).1
    }

    fn memory(offset: usize, valid: usize, process: u8, kind: fn(MemoryMessage) -> Message) -> (Self, Lent) {
        let mut pages = Pages::new(PAGE_SIZE);
        let buf = range_of(&mut pages);
        let (offset, valid) = (MemorySize::new(offset), MemorySize::new(valid));
        let (caller, sender) = Self::wait(pages, process);
        let body = kind(MemoryMessage { id: 0, buf, offset, valid });
        match Incoming::new(MessageEnvelope { sender, body }) {
            Incoming::Lent(lent) => (caller, lent),
            Incoming::Scalar(_) => unreachable!("pages were lent"),
        }
    }

    /// Sends a blocking scalar.
    pub(crate) fn ask() -> (Self, Scalar) {
        let (caller, sender) = Self::wait(Pages::new(1), 0);
        match Incoming::new(MessageEnvelope { sender, body: Message::new_blocking_scalar(0, 0, 0, 0, 0) }) {
            Incoming::Scalar(scalar) => (caller, scalar),
            Incoming::Lent(_) => unreachable!("a scalar was sent"),
        }
    }

    fn wait(pages: Pages, process: u8) -> (Self, MessageSender) {
        let caller = Caller(Arc::new(Wait { answer: Mutex::new(None), answered: Condvar::new() }));
        let number = LAST.with_borrow_mut(|last| {
            *last += 1;
            *last | usize::from(process) << 24
        });
        WAITING.with_borrow_mut(|waiting| waiting.insert(number, (caller.clone(), pages)));
        (caller, MessageSender::from_usize(number))
    }

    /// Waits for the answer.
    pub(crate) fn answer(&self) -> Answer {
        let mut answer = self.0.answer.lock();
        loop {
            match *answer {
                Some(answer) => return answer,
                None => answer = self.0.answered.wait(answer),
            }
        }
    }

    /// The answer if there is one.
    pub(crate) fn answered(&self) -> Option<Answer> {
        *self.0.answer.lock()
    }
}

/// Gives lent pages back.
pub(super) fn return_memory_offset_valid(
    sender: MessageSender,
    _pages: MemoryRange,
    offset: Option<MemorySize>,
    valid: Option<MemorySize>,
) -> Result<(), Error> {
    answer(sender, (offset.map_or(0, MemorySize::get), valid.map_or(0, MemorySize::get)))
}

/// Answers a scalar with one word.
pub(super) fn return_scalar(sender: MessageSender, one: usize) -> Result<(), Error> {
    answer(sender, (one, 0))
}

/// Answers a scalar with two words.
pub(super) fn return_scalar2(sender: MessageSender, one: usize, two: usize) -> Result<(), Error> {
    answer(sender, (one, two))
}

/// Lets go of pages that were given away.
pub(super) fn unmap_memory(given: MemoryRange) -> Result<(), Error> {
    let is_given = |pages: &mut Pages| std::ptr::eq(pages.bytes_mut().as_ptr(), given.as_ptr());
    let gone = WAITING.with_borrow_mut(|waiting| {
        let mut all = waiting.iter_mut();
        let number = all.find_map(|(number, (_, pages))| is_given(pages).then_some(*number));
        number.and_then(|number| waiting.remove(&number))
    });
    drop(gone.expect("a page is unmapped once"));
    Ok(())
}

fn answer(sender: MessageSender, words: Answer) -> Result<(), Error> {
    let waiting = WAITING.with_borrow_mut(|waiting| waiting.remove(&sender.to_usize()));
    let (Caller(wait), _pages) = waiting.expect("a message is answered once");
    *wait.answer.lock() = Some(words);
    wait.answered.notify_all();
    Ok(())
}
