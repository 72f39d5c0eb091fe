//! A complete file, to be read.

use std::io::{self, Read, Seek, SeekFrom};

use super::files::Files;
use super::store::{Store, StoreError, StoreFile};
use super::versions::Version;
use crate::pddb::KeyPath;

/// A file that is being read. Its content stays meanwhile, and a replacement waits for it.
pub struct Reader<'a, S: Store> {
    files: &'a Files<S>,
    name: KeyPath,
    /// Where the content is.
    key: KeyPath,
    file: S::File,
    length: u64,
    position: u64,
    version: Version,
}

impl<'a, S: Store> Reader<'a, S> {
    pub(super) fn new(
        files: &'a Files<S>,
        name: KeyPath,
        key: KeyPath,
        file: S::File,
        version: Version,
    ) -> Self {
        let length = file.length();
        Reader { files, name, key, file, length, position: 0, version }
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// What its content is told from others by.
    pub fn version(&self) -> Version {
        self.version
    }
}

impl<S: Store> Drop for Reader<'_, S> {
    fn drop(&mut self) {
        self.files.state.lock().claims.remove_reader(&self.key);
        self.files.put_in_place(&self.name);
    }
}

impl<S: Store> Read for Reader<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(self.length.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let most = buffer.len().min(rest);
        if most == 0 {
            return Ok(0);
        }
        match self.file.read_at(self.position, &mut buffer[..most])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.position += read as u64;
                // A store that stops gives back what it was lent, which looks like content. Once, at the end, is enough.
                if self.position == self.length {
                    self.files.prove()?;
                }
                Ok(read)
            }
        }
    }
}

impl<S: Store> Seek for Reader<'_, S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        let kind = match error {
            StoreError::NotFound => io::ErrorKind::NotFound,
            StoreError::Exists => io::ErrorKind::AlreadyExists,
            StoreError::Full => io::ErrorKind::StorageFull,
            StoreError::Unmounted => io::ErrorKind::NotConnected,
            StoreError::NoAnswer => io::ErrorKind::TimedOut,
            StoreError::Failed => io::ErrorKind::Other,
        };
        kind.into()
    }
}
