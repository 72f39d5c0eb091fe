//! Files of the preparation: the lock, and programs that are put in place whole.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::mpsc,
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};

use super::PrepareError;

/// How long to wait for another process that is building. A cold start takes some minutes.
pub(super) const LOCK_LIMIT: Duration = Duration::from_secs(15 * 60);

/// Waits for the lock of a directory, which ends with the file that is returned, or with this process. Every build for
/// the device holds that of [`directory`](super::directory): two builds at once would take each other's programs.
///
/// # Errors
/// [`PrepareError::Busy`] when another process has it for 15 minutes, and where files cannot be made.
pub fn lock(directory: &Path) -> Result<File, PrepareError> {
    fs::create_dir_all(directory).map_err(PrepareError::file(directory))?;
    let path = directory.join("lock");
    let file = File::create(&path).map_err(PrepareError::file(&path))?;
    let (locked, answer) = mpsc::channel();
    // A thread, because a lock cannot be waited for with a limit.
    std::thread::spawn(move || {
        let result = flock(&file, FlockOperation::LockExclusive).map(|()| file);
        locked.send(result).ok();
    });
    match answer.recv_timeout(LOCK_LIMIT) {
        Ok(result) => result.map_err(|error| PrepareError::file(&path)(error.into())),
        Err(_) => Err(PrepareError::Busy { lock: path }),
    }
}

/// Copies a program in one step, for somebody may be reading the old one. One that is the same stays as it is.
pub(super) fn put(from: &Path, to: &Path) -> Result<(), PrepareError> {
    let fresh = fs::read(from).map_err(PrepareError::file(from))?;
    if fs::read(to).is_ok_and(|old| old == fresh) {
        return Ok(());
    }
    let copy = || {
        fs::create_dir_all(to.parent().unwrap_or(to))?;
        let whole = to.with_extension("new");
        fs::write(&whole, &fresh)?;
        fs::rename(&whole, to)
    };
    copy().map_err(PrepareError::file(to))
}

/// The examples that cargo has built into a directory: names and files.
pub(super) fn examples(directory: &Path) -> Result<Vec<(String, PathBuf)>, PrepareError> {
    let entries = fs::read_dir(directory).map_err(PrepareError::file(directory))?;
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    // Besides, cargo keeps there files with hashes in their names, and lists of sources.
    let named = paths.filter_map(|path| {
        let name = path.file_name()?.to_str()?.to_owned();
        let program = path.is_file() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        program.then_some((name, path))
    });
    Ok(named.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_put_in_place_once() {
        let directory = std::env::temp_dir().join(format!("device-files-{}", std::process::id()));
        let _lock = lock(&directory).unwrap();
        let (from, to) = (directory.join("built"), directory.join("there/program"));
        fs::write(&from, "first").unwrap();
        put(&from, &to).unwrap();
        let placed = fs::metadata(&to).unwrap().modified().unwrap();
        put(&from, &to).unwrap();
        assert_eq!(fs::metadata(&to).unwrap().modified().unwrap(), placed);
        fs::write(&from, "second").unwrap();
        put(&from, &to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"second");
        assert!(matches!(put(&directory.join("nothing"), &to), Err(PrepareError::File { .. })));
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn examples_are_told_from_what_cargo_keeps_beside_them() {
        let directory = std::env::temp_dir().join(format!("device-examples-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        for name in ["echo_server", "echo_server.d", "echo_server-0123456789abcdef"] {
            fs::write(directory.join(name), "").unwrap();
        }
        let found = examples(&directory).unwrap();
        assert_eq!(found, [("echo_server".to_owned(), directory.join("echo_server"))]);
        fs::remove_dir_all(&directory).unwrap();
    }
}
