//! Files of a dict, for the program that has a route to it.

use crate::Code;
use crate::error::ControlError;
use crate::heap::reserve;
use crate::serve::listener::Listener;
use crate::wire::fields::{Reader, Writer};
use crate::wire::{Opcode, PAGE_SIZE, Pages};

/// What is lent for a list, or a piece of a file.
const LENT: usize = 4 * PAGE_SIZE;

/// What is asked for, in `offset`.
const LIST: usize = 1;
const READ: usize = 2;
const DELETE: usize = 3;

/// The files of a dict that a route of the listener leads to: those that are complete, as browsers see them.
///
/// ```no_run
/// use xous_api_websocket::{Listener, error::ControlError};
///
/// fn print(listener: &Listener) -> Result<(), ControlError> {
///     let inbox = listener.files("inbox");
///     for file in inbox.list()? {
///         println!("{} ({} bytes): {:?}", file.name, file.length, inbox.read(&file.name)?);
///         inbox.delete(&file.name)?;
///     }
///     Ok(())
/// }
/// ```
///
/// Every call waits for the database, for seconds at most. Of a program two are done at a time; others get
/// `ControlError::Busy`, and can be made again when one has returned.
#[derive(Debug, Clone, Copy)]
pub struct Files<'a> {
    listener: &'a Listener,
    dict: &'a str,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredFile {
    /// Its name, with `/` between its parts.
    pub name: String,
    /// Bytes.
    pub length: u32,
}

impl Listener {
    /// The files of a dict that a route of this listener leads to.
    pub fn files<'a>(&'a self, dict: &'a str) -> Files<'a> {
        Files { listener: self, dict }
    }
}

impl Files<'_> {
    /// All files, in no order. Each takes some 30 bytes of the heap besides its name, and how many there are
    /// is decided by those who may send files.
    ///
    /// # Errors
    /// `Refused` with `NotPermitted` (no route leads to the dict), `NoPddb`, `PddbFailed` or `NoWorker`; `Busy` if two
    /// threads of the program are here already, or too many of others; `NoMemory` if the heap has no room for the list.
    pub fn list(&self) -> Result<Vec<StoredFile>, ControlError> {
        let mut files = Vec::new();
        loop {
            let known = u32::try_from(files.len()).map_err(|_| ControlError::Kernel)?;
            let (page, len) = self.ask(LIST, "", known)?;
            let mut r = Reader::new(page.bytes().get(..len).unwrap_or_default());
            let before = files.len();
            while let (Some(length), Some(name)) = (r.u32(), r.text()) {
                reserve(&mut files, 1).map_err(|_| ControlError::NoMemory)?;
                files.push(StoredFile { name: copied(name)?, length });
            }
            if files.len() == before {
                return Ok(files);
            }
        }
    }

    /// Reads from `position` on. Returns how many bytes; 0 at the end. What is read in several calls may be of two contents if
    /// the file is replaced meanwhile.
    ///
    /// # Errors
    /// As [`Files::list`], and `NoFile`.
    pub fn read_at(&self, name: &str, position: u32, buffer: &mut [u8]) -> Result<usize, ControlError> {
        let (page, len) = self.ask(READ, name, position)?;
        let data = page.bytes().get(..len.min(buffer.len())).unwrap_or_default();
        buffer[..data.len()].copy_from_slice(data);
        Ok(data.len())
    }

    /// Reads all of a file. A process on the device has 512 KiB of heap unless it asks for more
    /// ([`allow_heap`](crate::allow_heap)), and how long a file is, its sender decides:
    /// [`Files::read_at`] needs no room.
    ///
    /// # Errors
    /// As [`Files::read_at`], and `NoMemory` if the heap has no room for it.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, ControlError> {
        let (mut content, mut piece) = (Vec::new(), vec![0; LENT]);
        loop {
            let position = u32::try_from(content.len()).map_err(|_| ControlError::Refused(Code::TooLong))?;
            match self.read_at(name, position, &mut piece)? {
                0 => return Ok(content),
                len => {
                    reserve(&mut content, len).map_err(|_| ControlError::NoMemory)?;
                    content.extend_from_slice(&piece[..len]);
                }
            }
        }
    }

    /// Deletes a file.
    ///
    /// # Errors
    /// As [`Files::read_at`], and `FileBusy` while it is being received, read or replaced.
    pub fn delete(&self, name: &str) -> Result<(), ControlError> {
        self.ask(DELETE, name, 0).map(|_| ())
    }

    /// u32 number, the texts dict and name.
    fn ask(&self, what: usize, name: &str, number: u32) -> Result<(Pages, usize), ControlError> {
        let mut page = Pages::new(LENT);
        let mut w = Writer::new(page.bytes_mut());
        w.u32(number);
        w.text(self.dict);
        w.text(name);
        let len = w.finish().ok_or(ControlError::Refused(Code::TooLong))?;
        let id = self.listener.id(Opcode::Files);
        let returned =
            page.lend_mut(self.listener.cid(), id, what, len, LENT).map_err(|_| ControlError::Kernel)?;
        match returned.offset {
            0 => Ok((page, returned.valid)),
            code => Err(ControlError::from_code(Code::from_word(code))),
        }
    }
}

/// A copy of a name, which the sender of the file has chosen, and its length with it.
fn copied(name: &str) -> Result<String, ControlError> {
    let mut copy = String::new();
    copy.try_reserve_exact(name.len()).map_err(|_| ControlError::NoMemory)?;
    copy.push_str(name);
    Ok(copy)
}
