//! Pages that bodies of tests lend: all of this crate's `unsafe`.
#![allow(unsafe_code)]

use xous::{CID, MemoryAddress, MemoryMessage, MemoryRange, MemorySize, Message};

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
