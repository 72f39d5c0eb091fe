//! Messages that are given to the service and not waited for.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::error::SendError;
use crate::link::address::Address;
use crate::sync::lock;
use crate::wire::{Opcode, PAGE_SIZE, SendWord, move_copy};
use crate::{Code, Kind, Part};

/// What the service takes of this process, as far as is known: it is asked when nothing is known to be free.
///
/// Who competes: threads that send on any connection.
static FREE: Mutex<Free> = Mutex::new(Free { messages: 0, bytes: 0 });

struct Free {
    messages: usize,
    /// Of their pages.
    bytes: usize,
}

/// Places in the service's queue of a connection that are known to be free for messages that are moved.
#[derive(Default)]
pub(crate) struct Places(AtomicUsize);

/// Gives the service a whole message.
///
/// # Errors
/// `Busy` if there is no room for it.
pub(crate) fn send(address: Address, places: &Places, kind: Kind, data: &[u8]) -> Result<(), SendError> {
    take_room(address, places, data.len().div_ceil(PAGE_SIZE).max(1) * PAGE_SIZE)?;
    let word = SendWord::Data(kind, Part::Whole).to_word();
    move_copy(address.cid, address.id(Opcode::Send), word, data).map_err(|_| SendError::Kernel)
}

/// Takes room for a message that is moved, with so many bytes of pages.
///
/// # Errors
/// `Busy` if there is none.
pub(crate) fn take_room(address: Address, Places(known): &Places, bytes: usize) -> Result<(), SendError> {
    let mut free = lock(&FREE);
    let is_short = |free: &Free| free.messages == 0 || free.bytes < bytes;
    if known.load(Relaxed) == 0 || is_short(&free) {
        let ask = xous::Message::new_blocking_scalar(address.id(Opcode::Room), 0, 0, 0, 0);
        match xous::send_message(address.cid, ask) {
            Ok(xous::Result::Scalar5(places, messages, bytes, ..)) => {
                known.store(places, Relaxed);
                *free = Free { messages, bytes };
            }
            // A service that does not know.
            Ok(_) => return Ok(()),
            Err(_) => return Err(SendError::Kernel),
        }
    }
    let places = known.load(Relaxed).checked_sub(1).ok_or(SendError::Busy(Code::BusyQueue))?;
    if is_short(&free) {
        return Err(SendError::Busy(Code::BusyMessages));
    }
    known.store(places, Relaxed);
    free.messages -= 1;
    free.bytes -= bytes;
    Ok(())
}

/// Counts one that goes without asking for room.
pub(crate) fn count(bytes: usize) {
    let mut free = lock(&FREE);
    free.messages = free.messages.saturating_sub(1);
    free.bytes = free.bytes.saturating_sub(bytes);
}
