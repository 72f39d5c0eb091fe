//! What a program learns of the files that come to its upload routes, and how it gets at them.

use xous::CID;

use crate::Code;
use crate::error::{AcceptError, ControlError};
use crate::push::forward;
use crate::serve::listener::Listener;
use crate::wire::fields::{Reader, Writer};
use crate::wire::{Handle, Opcode, PAGE_SIZE, Pages, Returned, message_id};

/// The first four bytes of the page, and with them its version.
const MAGIC: u32 = u32::from_le_bytes(*b"WSE1");

/// What has become of a file.
#[derive(num_derive::FromPrimitive, num_derive::ToPrimitive, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum FileChange {
    /// It is being received.
    Began = 1,
    /// So many bytes of it are in the database.
    Progress = 2,
    /// It is there, and survives everything from now on.
    Stored = 3,
    /// It does not come, and nothing of it is there.
    Failed = 4,
    /// It was deleted.
    Deleted = 5,
    /// It is to be received, and its sender waits: [`Listener::decide_file`].
    Asked = 6,
}

/// An event about a file, of a route that [tells](crate::Upload::events).
///
/// ```no_run
/// use xous_api_websocket::{Listener, Route, Upload, files::FileChange};
///
/// fn watch(listener: &Listener) -> Result<(), Box<dyn std::error::Error>> {
///     listener.add_route(&Route::upload("/inbox", Upload::new("inbox").events()))?;
///     loop {
///         listener.file_event(|event| match event.change {
///             FileChange::Stored => println!("{} of {} bytes is stored", event.name, event.length),
///             FileChange::Failed => println!("{}: {}", event.name, event.code),
///             _ => (),
///         })?;
///     }
/// }
/// ```
///
/// # In a page
/// In a page, little-endian: u32 `WSE1`; u8 change; u8 1 if there is a digest; u16 0; u32 missed; u32 number; u32 length; u32
/// bytes; 32 bytes of digest; the texts dict, name, sender, code, each as 16 bits of length and UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileEvent<'a> {
    /// What has become of it.
    pub change: FileChange,
    /// How many events were dropped before this one, as the program did not take them: those of progress first.
    pub missed: u32,
    /// Of an [`Asked`](FileChange::Asked), for the decision.
    pub number: u32,
    /// Bytes of the file.
    pub length: u32,
    /// Bytes that are in the database.
    pub bytes: u32,
    /// The SHA-256, of a file that is stored.
    pub sha256: Option<[u8; 32]>,
    /// The dict that it is in.
    pub dict: &'a str,
    /// Its name below the dict.
    pub name: &'a str,
    /// The address of who sends or has deleted it; empty for a program.
    pub sender: &'a str,
    /// Why it has failed: a code of `docs/upload.md`, or `expired` if its sender has not come back.
    pub code: &'a str,
}

impl<'a> FileEvent<'a> {
    /// How many pages hold any event.
    pub const PAGES: usize = 1;

    /// An event about a file.
    pub fn new(change: FileChange, dict: &'a str, name: &'a str) -> Self {
        FileEvent {
            change,
            missed: 0,
            number: 0,
            length: 0,
            bytes: 0,
            sha256: None,
            dict,
            name,
            sender: "",
            code: "",
        }
    }

    /// Writes it into `page`. Returns the number of bytes, or `None` if it does not fit.
    pub fn write(&self, page: &mut [u8]) -> Option<usize> {
        let mut w = Writer::new(page);
        w.u32(MAGIC);
        w.u8(self.change as u8);
        w.u8(self.sha256.is_some().into());
        w.u16(0);
        for number in [self.missed, self.number, self.length, self.bytes] {
            w.u32(number);
        }
        w.bytes(&self.sha256.unwrap_or_default());
        for text in [self.dict, self.name, self.sender, self.code] {
            w.text(text);
        }
        w.finish()
    }

    /// Reads it; `None` if the page holds something else.
    pub fn parse(page: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(page);
        if r.u32()? != MAGIC {
            return None;
        }
        let change = num_traits::FromPrimitive::from_u8(r.u8()?)?;
        let has_digest = r.u8()? & 1 != 0;
        r.u16()?;
        let (missed, number, length, bytes) = (r.u32()?, r.u32()?, r.u32()?, r.u32()?);
        let digest: [u8; 32] = *r.bytes(32)?.first_chunk()?;
        let sha256 = has_digest.then_some(digest);
        let (dict, name, sender, code) = (r.text()?, r.text()?, r.text()?, r.text()?);
        Some(FileEvent { change, missed, number, length, bytes, sha256, dict, name, sender, code })
    }
}

impl Listener {
    /// Waits for the next event about a file of its upload routes that [tell](crate::Upload::events), and gives it to
    /// `seen`.
    ///
    /// # Errors
    /// See [`AcceptError`].
    pub fn file_event<T>(&self, seen: impl FnOnce(&FileEvent<'_>) -> T) -> Result<T, AcceptError> {
        let mut page = Pages::new(FileEvent::PAGES * PAGE_SIZE);
        let returned = next(&mut page, self.cid(), self.handle()).map_err(|_| AcceptError::Kernel)?;
        if returned.offset != 0 {
            return Err(AcceptError::from_code(Code::from_word(returned.offset)));
        }
        let page = page.bytes().get(..returned.valid).unwrap_or_default();
        FileEvent::parse(page).map(|event| seen(&event)).ok_or(AcceptError::Kernel)
    }

    /// Lends every event to `cid` from now on, with `opcode` as message id, as
    /// [`Listener::forward_to`] does with clients. The message has a [`FileEvent`] in the first `valid` bytes and no
    /// `offset`; a last one has a [`Code`] in `offset`.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn forward_file_events_to(&self, cid: CID, opcode: usize) -> std::io::Result<()> {
        let (service, listener) = (self.cid(), self.handle());
        forward::lend_on((cid, opcode), FileEvent::PAGES, move |page| next(page, service, listener), |_| ())
    }

    /// Says whether a file comes that was [asked](FileChange::Asked) about, by the number of the event.
    ///
    /// # Errors
    /// `Closed` if the question has lapsed.
    pub fn decide_file(&self, number: u32, takes: bool) -> Result<(), ControlError> {
        self.ask_two(Opcode::DecideFile, number as usize, takes.into()).map(|_| ())
    }
}

/// Lends a page for the next event, and again when the service asks whether this process is still there.
pub(crate) fn next(page: &mut Pages, service: CID, listener: Handle) -> Result<Returned, xous::Error> {
    let id = message_id(Opcode::FileEvent, listener);
    loop {
        let returned = page.lend_mut(service, id, 0, 0, FileEvent::PAGES * PAGE_SIZE)?;
        if returned.offset != Code::Again as usize {
            return Ok(returned);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_goes_there_and_back_and_a_part_of_one_is_none() {
        let mut event = FileEvent::new(FileChange::Stored, "photos", "a/b.jpg");
        (event.missed, event.length, event.bytes) = (3, 9, 9);
        event.sha256 = Some([7; 32]);
        (event.sender, event.code) = ("192.0.2.1:5", "full");
        let mut page = [0; 256];
        let len = event.write(&mut page).unwrap();
        assert_eq!(FileEvent::parse(&page[..len]), Some(event.clone()));
        assert_eq!((0..len).find_map(|cut| FileEvent::parse(&page[..cut])), None);
        assert_eq!(event.write(&mut page[..len - 1]), None);
        page[4] = 99;
        assert_eq!(FileEvent::parse(&page), None);
    }
}
