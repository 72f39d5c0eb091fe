//! The bytes that certificates and keys are read from. They came with the request, or are in keys of the PDDB.

use std::time::{Duration, Instant};

use xous_api_websocket::tls::Source;
use zeroize::Zeroizing;

use crate::net::{StoredFault, TlsError};
use crate::pddb::{DictPath, Pddb, PddbError, SYSTEM_BASIS};

/// What one [`Source`] stands for.
pub(super) enum File<'a> {
    /// It came with the request.
    Given(&'a [u8]),
    /// It was in the PDDB, in the key of this name; wiped when it is dropped.
    Stored(String, Zeroizing<Vec<u8>>),
    /// One of the keys of a dict, with its name. It is passed over if it cannot be used.
    Listed(Form, String, Vec<u8>),
}

/// What the keys of a dict are to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// CA certificates, DER or PEM.
    Certificates,
    /// The root of the device's own store; see [`store`](super::store).
    Anchor,
}

impl File<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            File::Given(bytes) => bytes,
            File::Stored(_, bytes) => bytes,
            File::Listed(_, _, bytes) => bytes,
        }
    }

    /// The error for a file that cannot be used.
    pub(super) fn unusable(&self, text: String) -> TlsError {
        unusable([self], text)
    }
}

/// The error for `files` that cannot be used, each or together. It names those of the PDDB.
pub(super) fn unusable<'f>(files: impl IntoIterator<Item = &'f File<'f>>, text: String) -> TlsError {
    let names = files.into_iter().filter_map(|file| match file {
        File::Stored(name, _) | File::Listed(_, name, _) => Some(name.as_str()),
        File::Given(_) => None,
    });
    match names.collect::<Vec<_>>().join(" and ") {
        names if names.is_empty() => TlsError::Settings(text),
        names => TlsError::Stored(StoredFault::Bad, format!("{names} in the PDDB: {text}: store it anew")),
    }
}

/// Reads what one request needs, at most [`Source::MAX_STORED`] bytes and what its dicts have, for as long as its
/// caller waits.
///
/// A single answer of the PDDB may take longer. A caller cannot shorten the wait for it, as everybody in this process
/// would then take the PDDB for one that hangs.
pub(super) struct Files<'p> {
    pub(super) pddb: &'p Pddb,
    until: Instant,
    /// Bytes that may still be read.
    room: usize,
    /// The same of dicts, and how many of their keys.
    pub(super) listed: Room,
}

/// What may still be read of dicts.
pub(super) struct Room {
    pub(super) keys: usize,
    pub(super) bytes: usize,
}

impl<'p> Files<'p> {
    pub(super) fn new(pddb: &'p Pddb, limit: Duration) -> Self {
        let listed = Room { keys: Source::MAX_KEYS, bytes: Source::MAX_DICT_BYTES };
        Files { pddb, until: Instant::now() + limit, room: Source::MAX_STORED, listed }
    }

    pub(super) fn all<'a>(&mut self, sources: &[Source<'a>]) -> Result<Vec<File<'a>>, TlsError> {
        sources.iter().map(|source| self.file(source)).collect()
    }

    pub(super) fn file<'a>(&mut self, source: &Source<'a>) -> Result<File<'a>, TlsError> {
        match *source {
            Source::Bytes(bytes) => Ok(File::Given(bytes)),
            Source::Pddb { dict, key } => {
                let name = format!("{dict}/{key}");
                let bytes = self.read(&name, dict, key)?;
                Ok(File::Stored(name, bytes))
            }
            Source::Dict { dict } => Err(TlsError::Settings(format!(
                "{dict:?}: all keys of a dict can be CA certificates, not a chain or a private key"
            ))),
            _ => Err(TlsError::Settings("a certificate or key is in a place that is not known".to_owned())),
        }
    }

    fn read(&mut self, name: &str, dict: &str, key: &str) -> Result<Zeroizing<Vec<u8>>, TlsError> {
        let path = DictPath::new(SYSTEM_BASIS, dict).and_then(|dict| dict.key(key)).map_err(|error| {
            TlsError::Settings(format!("{name:?} cannot be the name of a key of the PDDB: {error}"))
        })?;
        self.check(name)?;
        let mut file = self.pddb.open(&path).map_err(|error| failed(name, error))?;
        let len = usize::try_from(file.length()).ok().filter(|len| *len <= self.room).ok_or_else(|| {
            let most = Source::MAX_STORED;
            let text =
                format!("{name} in the PDDB is too long: at most {most} bytes are read for one request");
            TlsError::Stored(StoredFault::Bad, text)
        })?;
        self.room -= len;
        let mut bytes = Zeroizing::new(vec![0; len]);
        let read = self.fill(name, &mut file, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// Reads until the key or the buffer ends.
    pub(super) fn fill(
        &self,
        name: &str,
        file: &mut crate::pddb::File,
        bytes: &mut [u8],
    ) -> Result<usize, TlsError> {
        let mut read = 0;
        while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
            self.check(name)?;
            match file.read_at(read as u64, rest).map_err(|error| failed(name, error))? {
                0 => break,
                more => read += more,
            }
        }
        self.check(name)?;
        Ok(read)
    }

    /// The caller may have stopped waiting.
    pub(super) fn check(&self, name: &str) -> Result<(), TlsError> {
        if Instant::now() >= self.until { Err(failed(name, PddbError::NoAnswer)) } else { Ok(()) }
    }
}

/// What an error of the PDDB means for a key, and what to do about it.
pub(super) fn failed(name: &str, error: PddbError) -> TlsError {
    let (fault, advice) = match error {
        PddbError::NoServer => (StoredFault::NoPddb, "try again when it has started"),
        PddbError::NotMounted => (StoredFault::NoPddb, "unlock it and try again"),
        PddbError::NotFound => (StoredFault::NoKey, "store it there or name another"),
        _ => (StoredFault::Failed, "try again later"),
    };
    TlsError::Stored(fault, format!("{name} is not read from the PDDB: {error}: {advice}"))
}
