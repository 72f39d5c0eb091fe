//! A directory per system for its log and other files.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use crate::prepare;

/// Directories left behind by failures are kept for this long.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Most bytes of a file that an error message quotes.
const TAIL_BYTES: u64 = 8 * 1024;

/// The directory of one system, removed when dropped unless it is to be kept.
pub(crate) struct RunDirectory {
    path: PathBuf,
    keep: bool,
}

impl RunDirectory {
    /// Makes a new directory, and removes those of failures long ago.
    pub(crate) fn create() -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let runs = prepare::directory().join("runs");
        fs::create_dir_all(&runs)?;
        remove_old(&runs);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = runs.join(format!("{}-{count}", std::process::id()));
        // A process with this number may have left one behind.
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir(&path)?,
        }
        Ok(Self { path, keep: false })
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A file in the directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Leaves the directory in place for somebody to look at.
    pub(crate) fn keep(&mut self) {
        self.keep = true;
    }

    /// Takes [`Self::keep`] back.
    pub(crate) fn remove(&mut self) {
        self.keep = false;
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        if !self.keep {
            fs::remove_dir_all(&self.path).ok();
        }
    }
}

/// Best effort: what cannot be removed now is tried again at the next start.
fn remove_old(runs: &Path) {
    let Ok(entries) = fs::read_dir(runs) else { return };
    for entry in entries.flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
        if age.is_some_and(|age| age > KEPT_FOR) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

/// The last lines of a file, for an error message.
pub(crate) fn tail(path: &Path) -> String {
    let read = || {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok::<_, io::Error>(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_else(|error| format!("({error})"))
}
