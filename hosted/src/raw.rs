//! Pages as byte slices, lent to us and lent by us, and probing for a server: all of this crate's `unsafe`.
#![allow(unsafe_code)]

use xous::{CID, MemoryAddress, MemoryMessage, MemoryRange, MemorySize, Message, MessageEnvelope, SID};

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

/// A page to lend with any contents and fields, also such as no client library would send.
#[derive(Clone)]
#[repr(C, align(4096))]
pub struct Page {
    /// What the page holds; after a lend, what the server left in it.
    pub bytes: [u8; 4096],
}

impl Page {
    /// A page that starts with `bytes` and is zero behind them.
    ///
    /// # Panics
    /// When there are more than 4096.
    pub fn new(bytes: &[u8]) -> Self {
        let mut page = Self { bytes: [0; 4096] };
        page.bytes[..bytes.len()].copy_from_slice(bytes);
        page
    }

    /// Lends the page for writing; 0 stands for no `offset` and no `valid`.
    ///
    /// # Errors
    /// The kernel's.
    pub fn lend_mut(
        &mut self,
        connection: CID,
        opcode: usize,
        offset: usize,
        valid: usize,
    ) -> Result<xous::Result, xous::Error> {
        let message = Message::MutableBorrow(self.message(opcode, offset, valid)?);
        xous::send_message(connection, message)
    }

    /// Lends the page for reading.
    ///
    /// # Errors
    /// The kernel's.
    pub fn lend(
        &mut self,
        connection: CID,
        opcode: usize,
        offset: usize,
        valid: usize,
    ) -> Result<xous::Result, xous::Error> {
        let message = Message::Borrow(self.message(opcode, offset, valid)?);
        xous::send_message(connection, message)
    }

    fn message(&mut self, id: usize, offset: usize, valid: usize) -> Result<MemoryMessage, xous::Error> {
        // SAFETY: the range is exactly `self`, page-aligned and a whole page; both callers hold the exclusive borrow
        // until the lend has returned, and nothing else is done with the range.
        let buf = unsafe { MemoryRange::new(self.bytes.as_mut_ptr() as usize, self.bytes.len()) }?;
        Ok(MemoryMessage { id, buf, offset: MemoryAddress::new(offset), valid: MemorySize::new(valid) })
    }
}
