//! Dicts and keys on disk: directories and plain files below `DIRECTORY/.System`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::file_name::{escape, unescape};
use super::store::Store;
use super::{BASIS, Code};
use crate::control;
use crate::settings::PDDB_DIRECTORY;

/// The files of the one basis.
pub(super) struct Disk {
    root: PathBuf,
    /// Wait for the disk.
    synced: bool,
}

impl Disk {
    /// In the directory that the environment names.
    pub(super) fn open(synced: bool) -> Result<Self, xous::Error> {
        let Some(directory) = directory() else {
            eprintln!("pddb: neither {PDDB_DIRECTORY} nor a system's directory is set");
            return Err(xous::Error::InternalError);
        };
        let root = directory.join(escape(BASIS));
        fs::create_dir_all(&root).map_err(|error| {
            eprintln!("pddb: {}: {error}", root.display());
            xous::Error::InternalError
        })?;
        Ok(Disk { root, synced })
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

impl Store for Disk {
    fn dicts(&self) -> Result<Vec<String>, Code> {
        names(&self.root)
    }

    fn has_dict(&self, dict: &str) -> bool {
        self.directory(dict).is_dir()
    }

    fn create_dict(&mut self, dict: &str) -> Result<(), Code> {
        fs::create_dir(self.directory(dict)).map_err(code)?;
        self.sync_directory(&self.root)
    }

    fn delete_dict(&mut self, dict: &str) -> Result<(), Code> {
        fs::remove_dir(self.directory(dict)).map_err(code)?;
        self.sync_directory(&self.root)
    }

    fn keys(&self, dict: &str) -> Result<Vec<String>, Code> {
        names(&self.directory(dict))
    }

    fn length(&self, dict: &str, key: &str) -> Option<u64> {
        let metadata = fs::symlink_metadata(self.file(dict, key)).ok()?;
        metadata.is_file().then_some(metadata.len())
    }

    fn create(&mut self, dict: &str, key: &str) -> Result<(), Code> {
        OpenOptions::new().write(true).create_new(true).open(self.file(dict, key)).map_err(code)?;
        self.sync_directory(&self.directory(dict))
    }

    fn truncate(&mut self, dict: &str, key: &str) -> Result<(), Code> {
        let file = OpenOptions::new().write(true).truncate(true).open(self.file(dict, key)).map_err(code)?;
        self.sync(&file)
    }

    fn read(&self, dict: &str, key: &str, position: u64, buffer: &mut [u8]) -> Result<usize, Code> {
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

    fn write(&mut self, dict: &str, key: &str, position: u64, data: &[u8]) -> Result<(), Code> {
        let file = OpenOptions::new().write(true).open(self.file(dict, key)).map_err(code)?;
        file.write_all_at(data, position).map_err(code)?;
        self.sync(&file)
    }

    fn delete(&mut self, dict: &str, key: &str) -> Result<(), Code> {
        fs::remove_file(self.file(dict, key)).map_err(code)?;
        self.sync_directory(&self.directory(dict))
    }
}

fn directory() -> Option<PathBuf> {
    let own = || std::env::var_os(control::DIRECTORY).map(|system| Path::new(&system).join("pddb"));
    std::env::var_os(PDDB_DIRECTORY).map(Into::into).or_else(own)
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
