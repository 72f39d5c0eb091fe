//! Dicts and keys on disk: directories and plain files below `DIRECTORY/.System`.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::file_name::{escape, unescape};
use super::{BASIS, Code};

/// Longest names, bytes.
const KEY_BYTES: usize = 94;
const DICT_BYTES: usize = 110;

/// The keys of the one basis.
pub(super) struct Keys {
    root: PathBuf,
    /// Bytes that all keys together may have, and have.
    capacity: u64,
    used: u64,
    /// Wait for the disk.
    synced: bool,
    /// Dicts in which a key with an over-long name was to be made: nothing can be made in them until the next start.
    spoilt: HashSet<String>,
}

impl Keys {
    pub(super) fn open(directory: &Path, capacity: u64, synced: bool) -> io::Result<Self> {
        let root = directory.join(escape(BASIS));
        fs::create_dir_all(&root)?;
        let mut used = 0;
        for dict in fs::read_dir(&root)?.flatten().filter(|dict| dict.path().is_dir()) {
            for key in fs::read_dir(dict.path())? {
                used += key?.metadata()?.len();
            }
        }
        Ok(Keys { root, capacity, used, synced, spoilt: HashSet::new() })
    }

    pub(super) fn is_spoilt(&self) -> bool {
        !self.spoilt.is_empty()
    }

    pub(super) fn dicts(&self) -> Result<Vec<String>, Code> {
        names(&self.root)
    }

    pub(super) fn has_dict(&self, dict: &str) -> bool {
        is_name(dict, DICT_BYTES) && self.directory(dict).is_dir()
    }

    pub(super) fn create_dict(&self, dict: &str) -> Result<(), Code> {
        if !is_name(dict, DICT_BYTES) {
            return Err(Code::InternalError);
        }
        fs::create_dir(self.directory(dict)).map_err(code)?;
        self.sync_directory(&self.root)
    }

    pub(super) fn delete_dict(&self, dict: &str) -> Result<(), Code> {
        fs::remove_dir(self.directory(dict)).map_err(code)?;
        self.sync_directory(&self.root)
    }

    pub(super) fn keys(&self, dict: &str) -> Result<Vec<String>, Code> {
        names(&self.directory(dict))
    }

    /// Bytes of a key; `None` when there is none.
    pub(super) fn length(&self, dict: &str, key: &str) -> Option<u64> {
        if !is_name(key, KEY_BYTES) {
            return None;
        }
        let metadata = fs::symlink_metadata(self.file(dict, key)).ok()?;
        metadata.is_file().then_some(metadata.len())
    }

    /// Makes an empty key, or refuses as the real one does, also when there is no room. An over-long name spoils the
    /// dict.
    pub(super) fn create(&mut self, dict: &str, key: &str) -> Result<(), Code> {
        if !is_name(key, KEY_BYTES) {
            self.spoilt.insert(dict.to_owned());
        }
        if self.spoilt.contains(dict) || self.used >= self.capacity {
            return Err(Code::InternalError);
        }
        OpenOptions::new().write(true).create_new(true).open(self.file(dict, key)).map_err(code)?;
        self.sync_directory(&self.directory(dict))
    }

    pub(super) fn truncate(&mut self, dict: &str, key: &str) -> Result<(), Code> {
        let length = self.length(dict, key).unwrap_or(0);
        let file = OpenOptions::new().write(true).truncate(true).open(self.file(dict, key)).map_err(code)?;
        self.used = self.used.saturating_sub(length);
        self.sync(&file)
    }

    /// Reads from `position` on; 0 at the end.
    pub(super) fn read(
        &self,
        dict: &str,
        key: &str,
        position: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Code> {
        let length = self.length(dict, key).ok_or(Code::BasisLost)?;
        if position > length {
            return Err(Code::UnexpectedEof);
        }
        let file = File::open(self.file(dict, key)).map_err(code)?;
        let mut read = 0;
        while read < buffer.len() {
            match file.read_at(&mut buffer[read..], position + read as u64).map_err(code)? {
                0 => break,
                more => read += more,
            }
        }
        Ok(read)
    }

    /// Writes all of `data` at `position`, or nothing when there is no room.
    pub(super) fn write(&mut self, dict: &str, key: &str, position: u64, data: &[u8]) -> Result<(), Code> {
        let length = self.length(dict, key).ok_or(Code::BasisLost)?;
        let end = position.checked_add(data.len() as u64).ok_or(Code::InternalError)?;
        let used = self.used + end.saturating_sub(length);
        if used > self.capacity {
            return Err(Code::DiskFull);
        }
        let file = OpenOptions::new().write(true).open(self.file(dict, key)).map_err(code)?;
        file.write_all_at(data, position).map_err(code)?;
        self.used = used;
        self.sync(&file)
    }

    pub(super) fn delete(&mut self, dict: &str, key: &str) -> Result<(), Code> {
        let length = self.length(dict, key).unwrap_or(0);
        fs::remove_file(self.file(dict, key)).map_err(code)?;
        self.used = self.used.saturating_sub(length);
        self.sync_directory(&self.directory(dict))
    }

    fn directory(&self, dict: &str) -> PathBuf {
        self.root.join(escape(dict))
    }

    fn file(&self, dict: &str, key: &str) -> PathBuf {
        self.directory(dict).join(escape(key))
    }

    fn sync(&self, file: &File) -> Result<(), Code> {
        if self.synced { file.sync_data().map_err(code) } else { Ok(()) }
    }

    fn sync_directory(&self, directory: &Path) -> Result<(), Code> {
        if self.synced {
            File::open(directory).and_then(|file| file.sync_all()).map_err(code)
        } else {
            Ok(())
        }
    }
}

fn is_name(name: &str, most: usize) -> bool {
    (1..=most).contains(&name.len())
}

/// The names that files in a directory stand for. Other files are not ours.
fn names(directory: &Path) -> Result<Vec<String>, Code> {
    let entries = fs::read_dir(directory).map_err(code)?.collect::<io::Result<Vec<_>>>().map_err(code)?;
    Ok(entries.iter().filter_map(|entry| unescape(entry.file_name().to_str()?)).collect())
}

fn code(error: io::Error) -> Code {
    match error.kind() {
        ErrorKind::NotFound => Code::BasisLost,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Code::DiskFull,
        _ => {
            eprintln!("pddb: {error}");
            Code::InternalError
        }
    }
}
