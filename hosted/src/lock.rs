//! A lock between processes on what is installed on first use: one installs, the others wait for it, and are told when
//! that takes too long.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

/// The longest that another process may install. A cold start of a system takes about a minute.
pub(crate) const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Why the lock was not got.
#[derive(Debug)]
pub(crate) enum LockError {
    /// The file cannot be made or locked.
    File(io::Error),
    /// Another process holds it for longer than the limit.
    Busy,
}

/// Waits for the lock. It ends with the file that is returned, or with the last process that has it.
pub(crate) fn lock(path: &Path, limit: Duration) -> Result<File, LockError> {
    // To be read, too, as it may become the input of a command.
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let file = file.map_err(LockError::File)?;
    let (locked, answer) = mpsc::channel();
    // A thread, because a lock cannot be waited for with a limit.
    std::thread::spawn(move || {
        let result = flock(&file, FlockOperation::LockExclusive).map(|()| file);
        locked.send(result).ok();
    });
    match answer.recv_timeout(limit) {
        Ok(result) => result.map_err(|error| LockError::File(error.into())),
        Err(_) => Err(LockError::Busy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_held_is_waited_for_and_no_longer_than_asked_for() {
        let path = std::env::temp_dir().join(format!("hosted-lock-{}", std::process::id()));
        let held = lock(&path, LIMIT).unwrap();
        assert!(matches!(lock(&path, Duration::ZERO), Err(LockError::Busy)));
        drop(held);
        lock(&path, LIMIT).unwrap();
        std::fs::remove_file(&path).unwrap();
        let nowhere = path.join("nowhere");
        assert!(matches!(lock(&nowhere, LIMIT), Err(LockError::File(_))));
    }
}
