//! Dicts and keys as a whole.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::courier::{Answer as Came, Chain, Courier, Request as Message, SILENCE, Ticket, Wait};
use super::error::{PddbError, code};
use super::file::File;
use super::opcode;
use super::path::{DictPath, KeyPath, Separator};
use super::patience::Patience;
use super::senres::{Answer, Fault, Request};

/// The most that [`Create::room`] may ask for. The real server stops when a key is created with room for a page of
/// its own (4064 bytes) or more. It refuses the address of the end of what it has written, 0, as impossible
/// (`PageAlignedVa::from` in `backend/types.rs`, called from `key_update` in `backend/dictionary.rs`).
pub const MAX_ROOM: u32 = 4063;

/// The first and the largest size of the pages for a list. The largest holds ten thousand names of 20 bytes, which
/// take about twice as much of the heap.
const LIST_BYTES: (usize, usize) = (16 * 1024, 256 * 1024);
/// Paths are the only field of variable length in a request.
const REQUEST_BYTES: usize = xous_api_websocket::wire::PAGE_SIZE;

/// How a key is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Create {
    /// It must not exist yet.
    pub new: bool,
    /// How many bytes to reserve for it, at most [`MAX_ROOM`]. A small key is written in place while it fits its
    /// reservation. A longer one is removed and made again, and a crash can come in between.
    pub room: u32,
}

/// The PDDB. Clones share one thread and its connection, and a process needs only one of them.
#[derive(Clone)]
pub struct Pddb {
    shared: Arc<Shared>,
    limit: Duration,
}

struct Shared {
    courier: Courier,
    separator: OnceLock<Separator>,
}

impl Pddb {
    /// The PDDB. Each answer is awaited for at most `limit`, by a thread without [`Patience`]. Nothing is sent yet. The
    /// real PDDB needs seconds when it has to look for free space in flash, and asks its user when it finds too little.
    pub fn new(limit: Duration) -> Self {
        Self::with_room_for_thread(limit, || ())
    }

    /// As [`Pddb::new`]. The client's one thread starts with the first request. `make_room` is called before that,
    /// perhaps more than once.
    pub(crate) fn with_room_for_thread(
        limit: Duration,
        make_room: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let courier = Courier::new(Box::new(make_room));
        Pddb { shared: Arc::new(Shared { courier, separator: OnceLock::new() }), limit }
    }

    /// Whether a basis is open. Never waits for the user.
    ///
    /// # Errors
    /// `NoServer`, `NoAnswer`, `Malformed`.
    pub fn is_mounted(&self) -> Result<bool, PddbError> {
        Ok(!self.bases()?.is_empty())
    }

    /// The open bases.
    ///
    /// # Errors
    /// `NoServer`, `NoAnswer`, `TooLong`, `Malformed`.
    pub fn bases(&self) -> Result<Vec<String>, PddbError> {
        self.list(opcode::LIST_BASIS, b"basR", |page| Request::new(page, b"basQ").finish(), PddbError::other)
    }

    /// Opens a key.
    ///
    /// # Errors
    /// `NotFound`, `NotMounted`, `NoServer`, `NoAnswer`, `Refused`, `Malformed`.
    pub fn open(&self, key: &KeyPath) -> Result<File, PddbError> {
        self.open_key(key, None).map_err(|code| match code {
            Refusal::Code(code::BASIS_LOST) => self.missing(),
            other => other.into(),
        })
    }

    /// Opens a key and makes it, and its dict, where they are not there.
    ///
    /// # Errors
    /// As [`Pddb::open`], and `Exists` and `Full`. The PDDB has one answer for everything that goes wrong when a key
    /// is made. As names are checked before, only a lack of room remains.
    pub fn create(&self, key: &KeyPath, how: Create) -> Result<File, PddbError> {
        self.open_key(key, Some(how)).map_err(|code| match code {
            Refusal::Code(code::BASIS_LOST) => self.missing(),
            Refusal::Code(code::DISK_FULL) if how.new => PddbError::Exists,
            Refusal::Code(code::INTERNAL_ERROR | code::DISK_FULL) => PddbError::Full,
            other => other.into(),
        })
    }

    fn open_key(&self, key: &KeyPath, create: Option<Create>) -> Result<File, Refusal> {
        let path = self.separator()?.key(key);
        let how = create.unwrap_or_default();
        let mut pages = self.shared.courier.pages(REQUEST_BYTES);
        let mut request = Request::new(pages.bytes_mut(), b"KyOQ");
        request.str(&path);
        request.bool(create.is_some()); // make the key
        request.bool(create.is_some()); // make the dict
        request.bool(how.new);
        request.bool(false); // append: would begin at a length that others may have changed
        request.bool(false); // truncate: stops the real server when the key is large
        request.u64(how.room.min(MAX_ROOM).into());
        request.none(); // nobody is called back
        request.finish().ok_or(PddbError::Malformed)?;
        let (pages, offset, _) = self.lend(opcode::OPEN_KEY, pages, 0, REQUEST_BYTES)?;
        if offset != 0 {
            self.shared.courier.recycle(pages);
            return Err(Refusal::Code(offset));
        }
        let parsed =
            Answer::new(pages.bytes(), b"KyOR").and_then(|mut answer| Ok((answer.u16()?, answer.u64()?)));
        self.shared.courier.recycle(pages);
        let (descriptor, length) = parsed.map_err(|_| PddbError::Malformed)?;
        Ok(File::new(self.clone(), descriptor, length))
    }

    /// Deletes a key.
    ///
    /// # Errors
    /// `NotFound`, `NotMounted`, `NoServer`, `NoAnswer`, `Refused`, `Malformed`.
    pub fn delete(&self, key: &KeyPath) -> Result<(), PddbError> {
        let path = self.separator()?.key(key);
        self.command(opcode::DELETE_KEY, b"RmKQ", &path).map_err(|refusal| match refusal {
            Refusal::Code(code::UNEXPECTED_EOF) => self.missing(),
            other => other.into(),
        })
    }

    /// The keys of a dict, in no order.
    ///
    /// # Errors
    /// `NotFound`, `NotMounted`, `NoServer`, `NoAnswer`, `TooLong`, `Refused`, `Malformed`.
    pub fn keys(&self, dict: &DictPath) -> Result<Vec<String>, PddbError> {
        let name = self.separator()?.name(dict);
        let write = |page: &mut [u8]| {
            let mut request = Request::new(page, b"LiKQ");
            request.some_str(dict.basis());
            request.str(&name);
            request.finish()
        };
        self.list(opcode::LIST_KEY, b"LiKR", write, |code| match code {
            code::INTERNAL_ERROR => self.missing(),
            other => PddbError::other(other),
        })
    }

    /// The dicts of a basis, in no order, with `/` between the parts of a name.
    ///
    /// # Errors
    /// As [`Pddb::keys`].
    pub fn dicts(&self, basis: &str) -> Result<Vec<String>, PddbError> {
        let separator = self.separator()?;
        let write = |page: &mut [u8]| {
            let mut request = Request::new(page, b"LiDQ");
            request.some_str(basis);
            request.finish()
        };
        let names = self.list(opcode::LIST_DICT, b"LiDR", write, PddbError::other)?;
        if names.is_empty() && !self.is_mounted()? {
            return Err(PddbError::NotMounted);
        }
        Ok(names.iter().map(|name| separator.portable(name)).collect())
    }

    /// Makes an empty dict.
    ///
    /// # Errors
    /// `Exists` (the PDDB says the same when there is no room), `NotMounted`, `NoServer`, `NoAnswer`, `Refused`,
    /// `Malformed`.
    pub fn create_dict(&self, dict: &DictPath) -> Result<(), PddbError> {
        let path = self.separator()?.dict(dict);
        self.command(opcode::CREATE_DICT, b"NuDQ", &path).map_err(|refusal| match refusal {
            Refusal::Code(code::INTERNAL_ERROR) => self.mounted_or(PddbError::Exists),
            other => other.into(),
        })
    }

    /// Deletes an empty dict.
    ///
    /// # Errors
    /// `NotEmpty`, `NotFound`, `NotMounted`, `NoServer`, `NoAnswer`, `Refused`, `Malformed`.
    pub fn delete_dict(&self, dict: &DictPath) -> Result<(), PddbError> {
        let path = self.separator()?.dict(dict);
        self.command(opcode::DELETE_DICT, b"RmDQ", &path).map_err(|refusal| match refusal {
            Refusal::Code(code::DISK_FULL) => PddbError::NotEmpty,
            Refusal::Code(code::INTERNAL_ERROR) => self.missing(),
            other => other.into(),
        })
    }

    /// Writes everything that is cached to flash. Writes and deletes do so before they are answered anyway. But only
    /// a living server that has done everything before can answer this call.
    ///
    /// # Errors
    /// `Full`, `NotMounted`, `NoServer`, `NoAnswer`, `Refused`, `Malformed`.
    pub fn flush(&self) -> Result<(), PddbError> {
        match self.ask(opcode::WRITE_KEY_FLUSH, [0; 3])? {
            Came::One(code::OK) => Ok(()),
            Came::One(code::DISK_FULL) => Err(PddbError::Full),
            Came::One(code::BASIS_LOST) => Err(PddbError::NotMounted),
            Came::One(code) => Err(PddbError::other(code)),
            _ => Err(PddbError::Malformed),
        }
    }

    pub(super) fn courier(&self) -> &Courier {
        &self.shared.courier
    }

    pub(super) fn ask(&self, id: usize, arguments: [usize; 3]) -> Result<Came, PddbError> {
        self.shared.courier.call(Message::Ask { id, arguments }, self.wait())
    }

    /// Lends pages. They come back with `offset` and `valid`, which is at most what was lent.
    pub(super) fn lend(
        &self,
        id: usize,
        pages: xous_api_websocket::wire::Pages,
        valid: usize,
        lent: usize,
    ) -> Result<(xous_api_websocket::wire::Pages, usize, usize), PddbError> {
        lent_back(self.begin_lend(id, pages, valid, lent, None)?)
    }

    /// Lends pages, and does not wait for them.
    pub(super) fn begin_lend(
        &self,
        id: usize,
        pages: xous_api_websocket::wire::Pages,
        valid: usize,
        lent: usize,
        chain: Option<&Chain>,
    ) -> Result<Ticket, PddbError> {
        self.shared.courier.send(Message::Lend { id, pages, valid, lent }, self.wait(), chain)
    }

    /// Whether the PDDB has not answered for a while, so that calls without patience fail at once.
    pub fn is_silent(&self) -> bool {
        self.shared.courier.silence() >= self.limit.min(SILENCE)
    }

    /// How long this thread waits behind another one's call.
    pub fn patience(&self) -> Duration {
        self.wait().behind
    }

    fn wait(&self) -> Wait {
        match Patience::limit() {
            Some(limit) => Wait { limit, behind: limit },
            None => Wait { limit: self.limit, behind: self.limit.min(SILENCE) },
        }
    }

    /// The separator of the server's paths. It has to be asked for, since one program may meet both. A path without a
    /// basis and without the server's separator is refused with a code of its own.
    fn separator(&self) -> Result<Separator, PddbError> {
        if let Some(known) = self.shared.separator.get() {
            return Ok(*known);
        }
        let mut pages = self.shared.courier.pages(REQUEST_BYTES);
        let mut request = Request::new(pages.bytes_mut(), b"KyOQ");
        request.str(Separator::PROBE);
        for _ in 0..5 {
            request.bool(false);
        }
        request.u64(0);
        request.none();
        request.finish().ok_or(PddbError::Malformed)?;
        let (pages, offset, _) = self.lend(opcode::OPEN_KEY, pages, 0, REQUEST_BYTES)?;
        self.shared.courier.recycle(pages);
        let found = match offset {
            code::ACCESS_DENIED => Separator::SLASH,
            // 0: somebody has such a key; the handle stays open, once in the life of this process.
            code::BASIS_LOST | 0 => Separator::COLON,
            code => return Err(PddbError::other(code)),
        };
        Ok(*self.shared.separator.get_or_init(|| found))
    }

    /// A request with a path and no answer but a code.
    fn command(&self, opcode: usize, letters: &[u8; 4], path: &str) -> Result<(), Refusal> {
        let mut pages = self.shared.courier.pages(REQUEST_BYTES);
        let mut request = Request::new(pages.bytes_mut(), letters);
        request.str(path);
        request.finish().ok_or(PddbError::Malformed)?;
        let (pages, offset, _) = self.lend(opcode, pages, 0, REQUEST_BYTES)?;
        self.shared.courier.recycle(pages);
        if offset == 0 { Ok(()) } else { Err(Refusal::Code(offset)) }
    }

    /// A list of names, in as many pages as it takes.
    fn list(
        &self,
        opcode: usize,
        letters: &[u8; 4],
        write: impl Fn(&mut [u8]) -> Option<()>,
        refused: impl Fn(usize) -> PddbError,
    ) -> Result<Vec<String>, PddbError> {
        let (mut bytes, most) = LIST_BYTES;
        loop {
            let mut pages = self.shared.courier.pages(bytes);
            write(pages.bytes_mut()).ok_or(PddbError::Malformed)?;
            let (pages, offset, _) = self.lend(opcode, pages, 0, bytes)?;
            if offset != 0 {
                self.shared.courier.recycle(pages);
                return Err(refused(offset));
            }
            let names = names(pages.bytes().get(..bytes).unwrap_or_default(), letters);
            self.shared.courier.recycle(pages);
            match names {
                Ok(names) => return Ok(names),
                Err(Fault::Malformed) => return Err(PddbError::Malformed),
                Err(Fault::Short) if bytes >= most => return Err(PddbError::TooLong),
                Err(Fault::Short) => bytes *= 4,
            }
        }
    }

    /// What the PDDB's answer means when something is absent, perhaps the basis.
    fn missing(&self) -> PddbError {
        self.mounted_or(PddbError::NotFound)
    }

    pub(super) fn mounted_or(&self, error: PddbError) -> PddbError {
        match self.is_mounted() {
            Ok(true) => error,
            Ok(false) => PddbError::NotMounted,
            Err(error) => error,
        }
    }
}

/// Waits for the pages of a lend. Returns them with `offset` and `valid`.
pub(super) fn lent_back(
    ticket: Ticket,
) -> Result<(xous_api_websocket::wire::Pages, usize, usize), PddbError> {
    match ticket.wait()? {
        Came::Lent { pages, offset, valid } => Ok((pages, offset, valid)),
        _ => Err(PddbError::Malformed),
    }
}

/// Why a request was not done. The code has no meaning yet.
enum Refusal {
    Code(usize),
    Error(PddbError),
}

impl From<PddbError> for Refusal {
    fn from(error: PddbError) -> Self {
        Refusal::Error(error)
    }
}

impl From<Refusal> for PddbError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Code(code) => PddbError::other(code),
            Refusal::Error(error) => error,
        }
    }
}

/// The names of a list. Allocates only for names that are there.
fn names(page: &[u8], letters: &[u8; 4]) -> Result<Vec<String>, Fault> {
    let mut answer = Answer::new(page, letters)?;
    let count = answer.u32()?;
    let mut names = Vec::new();
    for _ in 0..count {
        names.push(answer.str()?.to_owned());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_was_cut_is_no_list() {
        let mut page = vec![0; 64];
        page[..12].copy_from_slice(b"\xca\xb6\x4c\x34LiKR\x02\0\0\0");
        page[12..17].copy_from_slice(b"\x01\0\0\0a");
        page[20..25].copy_from_slice(b"\x01\0\0\0b");
        assert_eq!(names(&page, b"LiKR"), Ok(vec!["a".to_owned(), "b".to_owned()]));
        // Nine names of no length take 36 bytes behind the first two.
        page[8] = 12;
        assert_eq!(names(&page, b"LiKR"), Err(Fault::Short));
        page[11] = 0xff;
        assert_eq!(names(&page, b"LiKR"), Err(Fault::Short));
        page[16] = 0xff;
        assert_eq!(names(&page, b"LiKR"), Err(Fault::Malformed));
    }
}
