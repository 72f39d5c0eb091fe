//! Pages lent to us as byte slices, registers, interrupts, and probing for a server: all of this crate's `unsafe`.
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

/// What a message brings in its pages, as many bytes as `xous-ipc` names in `offset`. `None` if it has no pages, or fewer bytes.
pub(crate) fn brought(envelope: &MessageEnvelope) -> Option<&[u8]> {
    let message = envelope.body.memory_message()?;
    // SAFETY: the kernel mapped the range into this process for the life of the envelope, which is borrowed for as long
    // as the slice; every bit pattern is a valid `u8`.
    let bytes: &[u8] = unsafe { message.buf.as_slice() };
    bytes.get(..message.offset.map_or(0, |used| used.get()))
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

/// A page of registers, in this process's address space for good.
#[cfg(target_os = "xous")]
#[derive(Clone, Copy)]
pub(crate) struct Registers {
    page: usize,
}

#[cfg(target_os = "xous")]
impl Registers {
    /// Takes the page at this physical address, which nobody else must have taken.
    pub(crate) fn map(address: usize) -> Result<Self, xous::Error> {
        let rights = xous::MemoryFlags::R | xous::MemoryFlags::W;
        let range = xous::map_memory(MemoryAddress::new(address), None, 4096, rights)?;
        Ok(Registers { page: range.as_ptr() as usize })
    }

    /// Reads the register at this offset.
    pub(crate) fn read(self, offset: usize) -> usize {
        // SAFETY: the page is mapped and never unmapped, the mask keeps the address inside it and aligned, and what is
        // there is hardware, which no reference points to.
        unsafe { (self.at(offset) as *const u32).read_volatile() as usize }
    }

    /// Writes the register at this offset.
    pub(crate) fn write(self, offset: usize, value: usize) {
        // SAFETY: as in `read`; the page was mapped for writing.
        unsafe { (self.at(offset) as *mut u32).write_volatile(value as u32) }
    }

    fn at(self, offset: usize) -> usize {
        self.page + (offset & 0xffc)
    }
}

/// Has `handle` called with `context` at each interrupt of a line. It runs between any two instructions of this process:
/// it must neither allocate nor lock, and kernel calls that may wait are refused to it.
#[cfg(target_os = "xous")]
pub(crate) fn claim<T: Sync + 'static>(line: usize, context: T, handle: fn(&T)) -> Result<(), xous::Error> {
    let claim: &'static mut Claim<T> = Box::leak(Box::new(Claim { context, handle }));
    xous::claim_interrupt(line, enter::<T>, std::ptr::from_mut(claim).cast())
}

#[cfg(target_os = "xous")]
struct Claim<T> {
    context: T,
    handle: fn(&T),
}

#[cfg(target_os = "xous")]
fn enter<T>(_line: usize, claim: *mut usize) {
    // SAFETY: `claim` made this pointer from a box of this type that is never freed, and keeps no reference to it.
    let claim = unsafe { &*claim.cast::<Claim<T>>() };
    (claim.handle)(&claim.context);
}
