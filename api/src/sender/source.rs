//! What is sent.

use std::fmt;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

use sha2::{Digest, Sha256};

use super::SenderError;

/// What is read, and the digest of what has been read of it so far.
pub(super) struct Source<R> {
    reader: R,
    length: u32,
    digest: Sha256,
    /// What is read a second time is not digested a second time.
    digested: u32,
}

/// Bytes that are read at a time only for their digest.
const PIECE: u32 = 4096;

impl<R: Read + Seek> Source<R> {
    pub(super) fn new(mut reader: R) -> Result<Self, SenderError> {
        let length = reader.seek(SeekFrom::End(0)).map_err(SenderError::Reader)?;
        let length = u32::try_from(length).map_err(|_| SenderError::TooLong)?;
        Ok(Source { reader, length, digest: Sha256::new(), digested: 0 })
    }

    /// Bytes, when it was looked at first.
    pub(super) fn length(&self) -> u32 {
        self.length
    }

    /// Appends what is there from `from` on, at most `most` bytes, to `part`. `from` is at most what has been read.
    pub(super) fn read(&mut self, from: u32, most: u32, part: &mut Vec<u8>) -> Result<(), SenderError> {
        let wanted = most.min(self.length.saturating_sub(from));
        let start = part.len();
        self.reader
            .seek(SeekFrom::Start(from.into()))
            .and_then(|_| self.reader.by_ref().take(wanted.into()).read_to_end(part))
            .map_err(SenderError::Reader)?;
        let read = part.get(start..).unwrap_or_default();
        if read.len() < wanted as usize {
            let shorter = io::Error::new(ErrorKind::UnexpectedEof, "it became shorter while it was sent");
            return Err(SenderError::Reader(shorter));
        }
        let known = self.digested.saturating_sub(from).min(wanted);
        self.digest.update(read.get(known as usize..).unwrap_or_default());
        self.digested = self.digested.max(from + wanted);
        Ok(())
    }

    /// SHA-256 of all of it. What was not sent is read for it.
    pub(super) fn sha256(&mut self) -> Result<[u8; 32], SenderError> {
        let mut piece = Vec::new();
        while self.digested < self.length {
            piece.clear();
            self.read(self.digested, PIECE, &mut piece)?;
        }
        Ok(self.digest.clone().finalize().into())
    }
}

impl<R> fmt::Debug for Source<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("length", &self.length).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn the_digest_is_of_all_bytes_whatever_was_read_twice() {
        let data: Vec<u8> = (0..10_000u32).map(|i| i as u8).collect();
        let mut source = Source::new(Cursor::new(&data)).unwrap();
        let mut part = Vec::new();
        for (from, most) in [(0, 3000), (1000, 100), (2000, 3000)] {
            part.clear();
            source.read(from, most, &mut part).unwrap();
            assert_eq!(part, data[from as usize..][..most as usize]);
        }
        let digest: [u8; 32] = Sha256::digest(&data).into();
        assert_eq!(source.sha256().unwrap(), digest);
        assert_eq!(source.sha256().unwrap(), digest, "again");
    }

    #[test]
    fn what_became_shorter_is_an_error() {
        let mut source = Source::new(Cursor::new(vec![0; 100])).unwrap();
        source.reader.get_mut().truncate(50);
        assert!(matches!(source.read(0, 60, &mut Vec::new()), Err(SenderError::Reader(_))));
        assert!(source.sha256().is_err());
    }
}
