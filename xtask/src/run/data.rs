//! The directory in which a hosted system's database keeps its keys. Two systems never have the same: each would take
//! what the other is writing for something that was left over.

use std::fs::{File, OpenOptions, create_dir_all};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::Failure;

/// Locked as long as a system has the directory. No name of a basis.
const LOCK: &str = "lock";
/// Where the keys are when nothing else is asked for: `pddb`, or `pddb-2` beside a system that has that, and so on.
const DEFAULT: &str = "pddb";
/// Systems at a time without a directory of their choice.
const MAX_SYSTEMS: u32 = 32;

/// A directory that no other system has until this value is dropped, or the process ends.
pub(super) struct Data {
    pub(super) directory: PathBuf,
    _lock: File,
}

impl Data {
    /// The directory that was asked for, or one that is free.
    pub(super) fn open(asked: Option<&str>) -> Result<Self, Failure> {
        match asked {
            Some(directory) => Self::lock(directory.into())?.ok_or_else(|| {
                Failure::Other(format!(
                    "--data {directory}: another system uses it; end that one, or give another directory"
                ))
            }),
            None => Self::free(&hosted::directory()),
        }
    }

    /// Where the files of an upload route to `dict` are.
    pub(super) fn files(&self, dict: &str) -> PathBuf {
        self.directory.join(".System").join(dict)
    }

    fn free(parent: &Path) -> Result<Self, Failure> {
        let later = (2..=MAX_SYSTEMS).map(|number| format!("{DEFAULT}-{number}"));
        for name in std::iter::once(DEFAULT.to_owned()).chain(later) {
            if let Some(data) = Self::lock(parent.join(name))? {
                return Ok(data);
            }
        }
        Err(Failure::Other(format!("{MAX_SYSTEMS} systems run; give this one a directory with --data")))
    }

    /// `None` if another system has it.
    fn lock(directory: PathBuf) -> Result<Option<Self>, Failure> {
        let failure =
            |error: &dyn std::fmt::Display| Failure::Other(format!("{}: {error}", directory.display()));
        create_dir_all(&directory).map_err(|error| failure(&error))?;
        let lock = OpenOptions::new().create(true).append(true).open(directory.join(LOCK));
        let lock = lock.map_err(|error| failure(&error))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Data { directory: std::path::absolute(directory)?, _lock: lock })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(failure(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_systems_have_the_same_directory() {
        let directory = tempfile::tempdir().unwrap();
        let parent = directory.path();
        let name = |data: &Data| data.directory.file_name().unwrap().to_str().unwrap().to_owned();
        let first = Data::free(parent).ok().unwrap();
        let second = Data::free(parent).ok().unwrap();
        assert_eq!((&*name(&first), &*name(&second)), ("pddb", "pddb-2"));
        let asked = first.directory.to_str().unwrap().to_owned();
        assert!(
            matches!(Data::open(Some(&asked)), Err(Failure::Other(why)) if why.contains("another system"))
        );
        drop(first);
        assert_eq!(name(&Data::free(parent).ok().unwrap()), "pddb");
        assert!(Data::open(Some(&asked)).is_ok());
    }
}
