//! An open key.

use std::io::{self, Read, Seek, SeekFrom, Write};

use super::client::{Pddb, lent_back};
use super::courier::{Answer, Chain, Ticket};
use super::error::{PddbError, code};
use super::opcode;

/// Most bytes that one message carries.
const MESSAGE_BYTES: usize = 64 * 1024;

/// An open key. It is closed when dropped, behind what was begun, which nobody waits for then. Its position is kept here. The PDDB's own is only ever set from the start,
/// as the PDDB refuses to go back, and counts from the end that it saw when the key was opened.
pub struct File {
    pddb: Pddb,
    descriptor: u16,
    position: u64,
    /// Where the PDDB is; `None` after an error.
    reached: Option<u64>,
    length: u64,
    /// The last write that was begun, until its result is known.
    underway: Option<Underway>,
    /// That of the writes since the last one that failed: those behind it make no sense.
    chain: Chain,
    /// Why one failed that has another behind it.
    refused: Option<PddbError>,
}

/// A write that is on its way.
struct Underway {
    ticket: Ticket,
    position: u64,
    len: usize,
}

impl File {
    pub(super) fn new(pddb: Pddb, descriptor: u16, length: u64) -> Self {
        File {
            pddb,
            descriptor,
            position: 0,
            reached: Some(0),
            length,
            underway: None,
            chain: Chain::default(),
            refused: None,
        }
    }

    /// Its length in bytes: that when the key was opened, or more by what was written here.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Reads from `position` on. Returns 0 at the end. Does not move the position of [`Read`].
    ///
    /// # Errors
    /// `NotMounted`, `Stale`, `NoAnswer`, `Refused`, `Malformed`.
    pub fn read_at(&mut self, position: u64, buffer: &mut [u8]) -> Result<usize, PddbError> {
        let wanted = buffer.len().min(MESSAGE_BYTES);
        self.finish_writes()?;
        if wanted == 0 || position > self.length {
            return Ok(0);
        }
        self.go_to(position)?;
        self.reached = None;
        let pages = self.pddb.courier().pages(wanted);
        let id = opcode::on(opcode::READ_KEY, self.descriptor);
        let (pages, offset, read) = self.pddb.lend(id, pages, wanted, wanted)?;
        let data = pages.bytes().get(..read.min(wanted)).unwrap_or_default();
        let result = if offset != 0 {
            Err(self.refused(offset))
        } else if read > wanted {
            Err(PddbError::Malformed)
        } else {
            buffer[..data.len()].copy_from_slice(data);
            self.reached = Some(position + data.len() as u64);
            Ok(data.len())
        };
        self.pddb.courier().recycle(pages);
        result
    }

    /// Writes at `position`, at most 64 KiB at once. Returns how much. Does not move the position of [`Write`]. When
    /// this returns, what is written is in flash.
    ///
    /// # Errors
    /// `Full` (nothing of it was written), `NotMounted`, `Stale`, `NoAnswer`, `Refused`, `Malformed`.
    pub fn write_at(&mut self, position: u64, data: &[u8]) -> Result<usize, PddbError> {
        let written = self.begin_write(position, data)?;
        self.finish_writes()?;
        Ok(written)
    }

    /// Begins to write at `position`, at most 64 KiB at once. Returns how much, when the write that was begun before
    /// is done. So at most two are on their way, and the PDDB has the next one as soon as it is done with the last.
    ///
    /// # Errors
    /// As [`File::write_at`], and those of the write before. What was begun behind that is not in the key if it was
    /// refused; if it was not answered, it is not known.
    pub fn begin_write(&mut self, position: u64, data: &[u8]) -> Result<usize, PddbError> {
        let data = &data[..data.len().min(MESSAGE_BYTES)];
        if data.is_empty() {
            return Ok(0);
        }
        if self.reached != Some(position) {
            self.finish_writes()?;
            self.go_to(position)?;
        }
        self.reached = None;
        let mut pages = self.pddb.courier().pages(data.len());
        pages.fill(data);
        let id = opcode::on(opcode::WRITE_KEY, self.descriptor);
        let ticket = self.pddb.begin_lend(id, pages, data.len(), data.len(), Some(&self.chain));
        let before = self.underway.take();
        self.underway = ticket.map(|ticket| Some(Underway { ticket, position, len: data.len() }))?;
        if let Some(before) = before
            && let Err(error) = self.finish(before)
        {
            self.refused = Some(error);
            return Err(error);
        }
        self.reached = Some(position + data.len() as u64);
        Ok(data.len())
    }

    /// Waits until what was begun is done, and in flash.
    ///
    /// # Errors
    /// As [`File::write_at`].
    pub fn finish_writes(&mut self) -> Result<(), PddbError> {
        self.underway.take().map_or(Ok(()), |last| self.finish(last))
    }

    fn finish(&mut self, write: Underway) -> Result<(), PddbError> {
        let result = lent_back(write.ticket).and_then(|(pages, offset, written)| {
            self.pddb.courier().recycle(pages);
            match offset {
                // The PDDB writes all of it or fails.
                0 if written == write.len => Ok(()),
                0 => Err(PddbError::Malformed),
                code => Err(self.refused(code)),
            }
        });
        let refused = self.refused.take();
        let result = match result {
            Err(PddbError::NotSent) => Err(refused.unwrap_or(PddbError::NotSent)),
            result => result,
        };
        match result {
            Ok(()) => self.length = self.length.max(write.position + write.len as u64),
            Err(_) => {
                self.reached = None;
                self.chain = Chain::default();
            }
        }
        result
    }

    fn go_to(&mut self, position: u64) -> Result<(), PddbError> {
        if self.reached == Some(position) {
            return Ok(());
        }
        let id = opcode::on(opcode::SEEK_KEY, self.descriptor);
        let words = [0, position as u32 as usize, (position >> 32) as usize];
        match self.pddb.ask(id, words)? {
            // On a PC the first word is all of it, and the second its upper half all the same.
            Answer::Two(low, high)
                if (high as u32, low as u32) == ((position >> 32) as u32, position as u32) =>
            {
                self.reached = Some(position);
                Ok(())
            }
            Answer::One(code) => Err(self.refused(code)),
            _ => Err(PddbError::Malformed),
        }
    }

    /// Codes of an operation on an open key. When no basis is open, a write is refused with `InternalError`, and a read
    /// with `Ok`, as each looks for the key in all open bases (`services/pddb/src/libstd/mod.rs`).
    fn refused(&self, code: usize) -> PddbError {
        let error = match code {
            code::DISK_FULL => return PddbError::Full,
            code::BASIS_LOST | code::UNEXPECTED_EOF => PddbError::Stale,
            other => PddbError::other(other),
        };
        self.pddb.mounted_or(error)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.pddb.courier().tell(opcode::on(opcode::CLOSE_KEY, self.descriptor));
    }
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.read_at(self.position, buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Write for File {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.write_at(self.position, data)?;
        self.position += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.pddb.flush()?)
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        // The server keeps positions as signed numbers, the device its own with 32 bits.
        let target = target.filter(|target| i64::try_from(*target).is_ok());
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
