//! Names of connections.

use std::fmt;

use super::Opcode;

/// A connection as the service knows it: 8 bits of slot and 16 bits of generation, in 24 bits.
///
/// A handle is useless to a process that does not own the connection, as the kernel stamps every message with its
/// sender. It is also useless after the connection has ended, as the generation moves on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handle(u32);

impl Handle {
    /// The only connection of an in-process server; no connection at all for the service.
    pub const SOLE: Handle = Handle(0);

    /// The connection in `slot` that is its `generation`th.
    pub const fn new(slot: u8, generation: u16) -> Handle {
        Handle(((generation as u32) << 8) | slot as u32)
    }

    /// A handle from its 24 bits; `None` if `raw` has more.
    pub const fn from_raw(raw: u32) -> Option<Handle> {
        if raw >> 24 == 0 { Some(Handle(raw)) } else { None }
    }

    /// The 24 bits, for a process that the connection is granted to.
    pub const fn to_raw(self) -> u32 {
        self.0
    }

    /// The place in the service's table.
    pub const fn slot(self) -> usize {
        (self.0 & 0xff) as usize
    }

    /// How often that place has been used.
    pub const fn generation(self) -> u16 {
        (self.0 >> 8) as u16
    }
}

/// Slot and generation, as `3.17`.
impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot(), self.generation())
    }
}

/// The id of a message that asks for `opcode` on the connection `handle`; fits 32 bits.
pub const fn message_id(opcode: Opcode, handle: Handle) -> usize {
    ((handle.0 << 8) | opcode as u32) as usize
}

/// What a message id asks for: the number of the opcode and the connection. Bits above 32 are ignored.
pub const fn split_message_id(id: usize) -> (u8, Handle) {
    ((id & 0xff) as u8, Handle((id as u32) >> 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_take_their_parts_apart_again() {
        for (slot, generation) in [(0, 0), (1, 1), (255, 65535), (12, 300)] {
            let handle = Handle::new(slot, generation);
            assert_eq!((handle.slot(), handle.generation()), (slot as usize, generation));
            let id = message_id(Opcode::Receive, handle);
            assert!(u32::try_from(id).is_ok());
            assert_eq!(split_message_id(id), (Opcode::Receive as u8, handle));
            assert_eq!(Handle::from_raw(handle.to_raw()), Some(handle));
        }
        assert_eq!(Handle::from_raw(1 << 24), None);
    }

    #[test]
    fn a_bare_opcode_means_the_sole_connection() {
        assert_eq!(split_message_id(Opcode::Send as usize), (3, Handle::SOLE));
    }
}
