//! The file that is sent.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use sha2::{Digest, Sha256};

/// A file, and the digest of what has been read of it so far.
pub(crate) struct Source {
    path: String,
    file: File,
    length: u32,
    digest: Sha256,
    /// What is read a second time is not digested a second time.
    digested: u32,
}

impl Source {
    pub(crate) fn open(path: &str) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| format!("{path}: {error}"))?;
        let metadata = file.metadata().map_err(|error| format!("{path}: {error}"))?;
        if !metadata.is_file() {
            return Err(format!("{path}: not a file whose length is known beforehand"));
        }
        let length = u32::try_from(metadata.len())
            .map_err(|_| format!("{path}: too large; the longest file has 4 GiB less one byte"))?;
        Ok(Source { path: path.to_owned(), file, length, digest: Sha256::new(), digested: 0 })
    }

    /// Bytes, when it was opened.
    pub(crate) fn length(&self) -> u32 {
        self.length
    }

    /// Appends what is there from `from` on, at most `most` bytes, to `part`. `from` is at most what has been read.
    pub(crate) fn read(&mut self, from: u32, most: u32, part: &mut Vec<u8>) -> Result<(), String> {
        let wanted = most.min(self.length.saturating_sub(from));
        let start = part.len();
        self.file
            .seek(SeekFrom::Start(from.into()))
            .and_then(|_| (&self.file).take(wanted.into()).read_to_end(part))
            .map_err(|error| format!("{}: {error}", self.path))?;
        if part.len() - start < wanted as usize {
            return Err(format!("{}: it became shorter while it was sent", self.path));
        }
        let known = self.digested.saturating_sub(from).min(wanted);
        self.digest.update(&part[start + known as usize..]);
        self.digested = self.digested.max(from + wanted);
        Ok(())
    }

    /// SHA-256 of all that was read, in hexadecimal digits.
    pub(crate) fn sha256(&self) -> String {
        self.digest.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
