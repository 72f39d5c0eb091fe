//! Messages that wait for an answer. All `unsafe` of this crate is here.
//!
//! A memory message is wrapped so that it is answered exactly once, whatever happens: by [`Lent::answer`], or by
//! `drop` with the word that was set for that. The kernel's own envelope is taken apart for it, as its `drop`
//! panics when the sender is gone.
#![allow(unsafe_code)]

use std::num::NonZeroUsize;
use std::time::Duration;

use xous::{MemoryRange, Message, MessageEnvelope, MessageSender, PID};
use xous_api_websocket::certificate::Shown;
use xous_api_websocket::wire::{ExchangeWord, ReceiveWord, Refusal, RestWord, SendWord, Status};
use xous_api_websocket::{Code, Part};

#[cfg(all(test, feature = "shuttle"))]
use super::model as kernel;
use super::quota::Ticket;
use crate::service::limits::MESSAGE_BYTES;
use crate::service::thread::{Note, note};
use crate::sync::Instant;
#[cfg(not(all(test, feature = "shuttle")))]
use xous as kernel;

/// How the pages came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loan {
    /// Read-only; the sender waits.
    Borrow,
    /// To be written; the sender waits.
    MutableBorrow,
    /// Given away; nobody waits.
    Move,
}

/// Pages of another process. It goes through many hands, so that it is a pointer: what there is to know of a message
/// stays where it is.
pub(crate) struct Lent(Box<Known>);

/// What there is to know of a message.
struct Known {
    sender: MessageSender,
    pages: MemoryRange,
    loan: Loan,
    offset: usize,
    valid: usize,
    /// Answered with this if it is dropped.
    answer_on_drop: usize,
    answered: bool,
    /// Its place among the open messages.
    ticket: Option<Ticket>,
    /// When its sender wants it back.
    until: Option<Instant>,
    purpose: Purpose,
}

/// What the pages are for.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    /// One message, there or back.
    One,
    /// Several messages back.
    TakesSeveral,
    /// So many messages there, as the sender says.
    HoldsSeveral(usize),
    /// A message there, and the next one that comes back.
    Exchange(Exchange),
}

/// What the page of an `Exchange` waits for once its message is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange {
    /// Whose it is, as the connection's inbox counts owners.
    pub(crate) owner: u32,
    /// Milliseconds; 0 for a wait without an end.
    pub(crate) wait: usize,
}

/// What came of giving a page back to ask whether its lender is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The kernel says that the lender is not there.
    Gone,
    /// It has the page.
    Waiting,
    /// There is no page.
    Nothing,
}

/// A scalar that came; `blocking` if the sender waits.
pub(crate) struct Scalar {
    sender: MessageSender,
    blocking: bool,
    /// The arguments.
    pub(crate) arguments: [usize; 4],
    ticket: Option<Ticket>,
}

/// Either.
pub(crate) enum Incoming {
    Lent(Lent),
    Scalar(Scalar),
}

impl Incoming {
    pub(crate) fn new(envelope: MessageEnvelope) -> Self {
        let sender = envelope.sender;
        let (memory, loan) = match envelope.take_message() {
            Message::Borrow(memory) => (memory, Loan::Borrow),
            Message::MutableBorrow(memory) => (memory, Loan::MutableBorrow),
            Message::Move(memory) => (memory, Loan::Move),
            Message::Scalar(scalar) => return Self::scalar(sender, scalar, false),
            Message::BlockingScalar(scalar) => return Self::scalar(sender, scalar, true),
        };
        Incoming::Lent(Lent(Box::new(Known {
            sender,
            pages: memory.buf,
            loan,
            offset: memory.offset.map_or(0, NonZeroUsize::get),
            valid: memory.valid.map_or(0, NonZeroUsize::get),
            answer_on_drop: Code::Closed as usize,
            answered: false,
            ticket: None,
            until: None,
            purpose: Purpose::One,
        })))
    }

    fn scalar(sender: MessageSender, scalar: xous::ScalarMessage, blocking: bool) -> Self {
        let arguments = [scalar.arg1, scalar.arg2, scalar.arg3, scalar.arg4];
        Incoming::Scalar(Scalar { sender, blocking, arguments, ticket: None })
    }
}

impl Lent {
    /// What it is answered with if nobody answers it.
    pub(crate) fn answer_on_drop(&mut self, offset: usize) {
        self.0.answer_on_drop = offset;
    }

    /// Its sender wants it back after this time, if not before.
    pub(crate) fn wanted_after(&mut self, wait: Duration) {
        self.0.until = Instant::now().checked_add(wait);
    }

    /// When its sender wants it back.
    pub(crate) fn until(&self) -> Option<Instant> {
        self.0.until
    }

    /// Its sender takes several messages in it.
    pub(crate) fn take_several(&mut self) {
        self.0.purpose = Purpose::TakesSeveral;
    }

    /// See [`Lent::take_several`].
    pub(crate) fn takes_several(&self) -> bool {
        matches!(self.0.purpose, Purpose::TakesSeveral | Purpose::Exchange(_))
    }

    /// It holds so many messages, as its sender says.
    pub(crate) fn holds_several(&mut self) {
        self.0.purpose = Purpose::HoldsSeveral(self.0.offset);
    }

    /// How many messages are in it, if it may be any number but one.
    pub(crate) fn several(&self) -> Option<usize> {
        match self.0.purpose {
            Purpose::HoldsSeveral(several) => Some(several),
            _ => None,
        }
    }

    /// It is a part that goes behind the first one of its message, and not to another session.
    pub(crate) fn is_rest(&self) -> bool {
        self.several().is_none() && RestWord::from_word(self.0.offset).is_some()
    }

    /// How many messages are in it, never more than it has room for.
    pub(crate) fn messages(&self) -> usize {
        self.several().map_or(1, |several| several.min(self.0.pages.len() / size_of::<u32>()))
    }

    /// So many messages, and their bytes.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.messages(), self.data().map_or(0, <[u8]>::len))
    }

    /// It is an `Exchange`: its message is sent as a `Send`, and answered with a word.
    pub(crate) fn exchange(&mut self) {
        let word = ExchangeWord::from_word(self.0.offset);
        // One without a meaning is refused where others are that are sent.
        self.0.offset = word.map_or(usize::MAX, |word| SendWord::Data(word.kind, Part::Whole).to_word());
        let wait = word.map_or(0, |word| word.wait);
        self.0.purpose = Purpose::Exchange(Exchange { owner: 0, wait });
        self.0.answer_on_drop = not_sent(Code::Closed);
    }

    /// This `owner` lends it, if it is an `Exchange`.
    pub(crate) fn is_of(&mut self, owner: u32) {
        if let Purpose::Exchange(exchange) = &mut self.0.purpose {
            exchange.owner = owner;
        }
    }

    /// What it waits for, if it is an `Exchange`.
    pub(crate) fn exchanged(&self) -> Option<Exchange> {
        match self.0.purpose {
            Purpose::Exchange(exchange) => Some(exchange),
            _ => None,
        }
    }

    /// The message of an `Exchange` is sent: it is not in the page any more, which waits as that of a `Receive` and is
    /// answered with `offset` if it is dropped.
    pub(crate) fn becomes_receive(&mut self, offset: usize) {
        let valid = self.0.valid;
        self.pages_mut().get_mut(..valid).unwrap_or_default().fill(0);
        self.0.answer_on_drop = offset;
        if let Purpose::Exchange(Exchange { wait: wait @ 1.., .. }) = self.0.purpose {
            self.wanted_after(Duration::from_millis(wait as u64));
        }
    }

    /// Answers that its message is not sent.
    pub(crate) fn not_sent(self, code: Code) {
        let word = if self.exchanged().is_some() { not_sent(code) } else { code as usize };
        self.answer(word, 0);
    }

    /// Counts it as open until it is answered.
    pub(crate) fn hold(&mut self, ticket: Ticket) {
        self.0.ticket = Some(ticket);
    }

    /// It is counted as open.
    pub(crate) fn is_held(&self) -> bool {
        self.0.ticket.is_some()
    }

    /// The sender's process number.
    pub(crate) fn pid(&self) -> u8 {
        self.0.sender.pid().map_or(0, PID::get)
    }

    /// The sender's flags.
    pub(crate) fn offset(&self) -> usize {
        self.0.offset
    }

    /// Bytes of the pages.
    pub(crate) fn size(&self) -> usize {
        self.0.pages.len()
    }

    /// Nobody waits for it.
    pub(crate) fn is_moved(&self) -> bool {
        self.0.loan == Loan::Move
    }

    /// It may be written.
    pub(crate) fn is_writable(&self) -> bool {
        self.0.loan == Loan::MutableBorrow
    }

    /// The bytes that the sender calls valid; `None` if it has not lent that many, or more than is taken.
    pub(crate) fn data(&self) -> Option<&[u8]> {
        if self.0.pages.len() > MESSAGE_BYTES {
            return None;
        }
        // SAFETY: the kernel has mapped these pages into this process for as long as the message is not answered,
        // and `self` is consumed by the answer. Any bit pattern is a `u8`, and the lender cannot write meanwhile.
        let bytes: &[u8] = unsafe { self.0.pages.as_slice() };
        bytes.get(..self.0.valid)
    }

    /// All of the pages if they were lent to be written, else nothing.
    pub(crate) fn pages_mut(&mut self) -> &mut [u8] {
        if self.0.loan != Loan::MutableBorrow || self.0.pages.len() > MESSAGE_BYTES {
            return &mut [];
        }
        // SAFETY: as in `data`; they are mapped writable and `self` is borrowed exclusively.
        unsafe { self.0.pages.as_slice_mut() }
    }

    /// Gives the pages back with these two words. If the sender is gone, the pages are gone, too.
    pub(crate) fn answer(mut self, offset: usize, valid: usize) {
        self.finish(offset, valid);
    }

    /// Gives the pages back with this word, so that the lender shows that it is there.
    pub(crate) fn ask(mut self, offset: usize) -> Asked {
        if self.finish(offset, 0) { Asked::Waiting } else { Asked::Gone }
    }

    /// Answers with a refusal: its code and a sentence.
    pub(crate) fn refuse(self, code: Code, text: &str) {
        self.refuse_with(code, &Refusal::new(0, text), None);
    }

    /// As [`Lent::refuse`], with the peer's answer, and with the certificates that it showed, as many as fit.
    pub(crate) fn refuse_with(mut self, code: Code, refusal: &Refusal<'_>, shown: Option<&Shown>) {
        let page = self.pages_mut();
        let len = refusal.write(page);
        let len = shown.map_or(len, |shown| shown.write_behind(page, len));
        self.answer(code as usize, len);
    }

    /// Whether there was somebody to answer.
    fn finish(&mut self, offset: usize, valid: usize) -> bool {
        if std::mem::replace(&mut self.0.answered, true) {
            return true;
        }
        // Before the answer: the sender may ask again as soon as it has it.
        self.0.ticket = None;
        let result = match self.0.loan {
            Loan::Move => kernel::unmap_memory(self.0.pages),
            Loan::Borrow | Loan::MutableBorrow => kernel::return_memory_offset_valid(
                self.0.sender,
                self.0.pages,
                NonZeroUsize::new(offset),
                NonZeroUsize::new(valid),
            ),
        };
        report(&result);
        result.is_ok()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.finish(self.0.answer_on_drop, 0);
    }
}

impl Scalar {
    /// Counts it as open until it is answered.
    pub(crate) fn hold(&mut self, ticket: Ticket) {
        self.ticket = Some(ticket);
    }

    /// It is counted as open.
    pub(crate) fn is_held(&self) -> bool {
        self.ticket.is_some()
    }

    /// The sender waits.
    pub(crate) fn is_blocking(&self) -> bool {
        self.blocking
    }

    /// Answers with one word, if the sender waits.
    pub(crate) fn answer1(mut self, word: usize) {
        self.ticket = None;
        if std::mem::replace(&mut self.blocking, false) {
            report(&kernel::return_scalar(self.sender, word));
        }
    }

    /// Answers with two words, if the sender waits.
    pub(crate) fn answer2(mut self, one: usize, two: usize) {
        self.finish(one, two);
    }

    /// Answers with five words, if the sender waits.
    pub(crate) fn answer5(mut self, [one, two, three, four, five]: [usize; 5]) {
        self.ticket = None;
        if std::mem::replace(&mut self.blocking, false) {
            report(&kernel::return_scalar5(self.sender, one, two, three, four, five));
        }
    }

    /// Answers that the request was refused.
    pub(crate) fn refuse(self, code: Code) {
        self.answer2(usize::MAX, code as usize);
    }

    fn finish(&mut self, one: usize, two: usize) {
        self.ticket = None;
        if std::mem::replace(&mut self.blocking, false) {
            report(&kernel::return_scalar2(self.sender, one, two));
        }
    }
}

impl Drop for Scalar {
    fn drop(&mut self) {
        self.finish(usize::MAX, Code::Closed as usize);
    }
}

/// Where a model's caller has its pages, which it keeps until they are given back.
#[cfg(all(test, feature = "shuttle"))]
pub(super) fn range_of(pages: &mut xous_api_websocket::wire::Pages) -> MemoryRange {
    let bytes = pages.bytes_mut();
    // SAFETY: the range is the whole of the pages, which nobody else reads or writes before the answer.
    unsafe { MemoryRange::new(bytes.as_mut_ptr() as usize, bytes.len()) }.expect("there is a page")
}

/// The word that says that the message of an `Exchange` is not sent.
fn not_sent(code: Code) -> usize {
    ReceiveWord::new(Status::NotSent(code as u8)).to_word()
}

/// Does nothing if the sender is gone, which needs no answer.
fn report(result: &Result<(), xous::Error>) {
    if result.is_err() {
        note(Note::Unanswered);
    }
}
