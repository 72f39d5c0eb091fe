//! Pages lent to us as byte slices, and probing for a server: all of this crate's `unsafe`.
#![allow(unsafe_code)]

use xous::{MemoryAddress, MemoryMessage, MemorySize, Message, MessageEnvelope, SID};

/// Whether a server exists under `sid` at this moment. Never waits.
///
/// Costs a connection of this process while it runs; false also when there is none left.
pub(crate) fn server_exists(sid: SID) -> bool {
    let Ok(connection) = xous::try_connect(sid) else { return false };
    // SAFETY: the connection was made here for the probe and its number is given to nobody. Two probes of one SID
    // share a number; the second disconnect then finds nothing to do, or ends another probe that has its answer.
    unsafe { xous::disconnect(connection) }.ok();
    true
}

/// The bytes of a page that was lent for writing, and the message that carries them.
///
/// `None` for every other kind of message: an immutable lend must not be written, and a moved page goes back to
/// nobody.
pub(crate) fn lent_mut(envelope: &mut MessageEnvelope) -> Option<Lent<'_>> {
    match &mut envelope.body {
        Message::MutableBorrow(message) => Some(Lent { message }),
        _ => None,
    }
}

/// A page lent for writing. It goes back to its sender when the envelope is dropped.
pub(crate) struct Lent<'a> {
    message: &'a mut MemoryMessage,
}

impl Lent<'_> {
    /// The whole page range.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the kernel mapped the range into this process for the life of the envelope, which `self` borrows
        // mutably, so there is no second reference; every bit pattern is a valid `u8`.
        unsafe { self.message.buf.as_slice_mut() }
    }

    /// The first `length` bytes; `None` when the page is shorter.
    pub(crate) fn prefix(&mut self, length: usize) -> Option<&mut [u8]> {
        self.bytes().get_mut(..length)
    }

    /// What the sender wrote into `valid`, 0 when nothing.
    pub(crate) fn valid(&self) -> usize {
        self.message.valid.map_or(0, |valid| valid.get())
    }

    /// What the sender wrote into `offset`, 0 when nothing.
    pub(crate) fn offset(&self) -> usize {
        self.message.offset.map_or(0, |offset| offset.get())
    }

    /// What the sender will read in `offset` and `valid`; 0 stands for `None`.
    pub(crate) fn answer(&mut self, offset: usize, valid: usize) {
        self.message.offset = MemoryAddress::new(offset);
        self.message.valid = MemorySize::new(valid);
    }
}
