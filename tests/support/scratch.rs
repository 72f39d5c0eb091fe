//! Files for a test.

use std::fs;

use tempfile::TempDir;

/// A directory that is removed when it is dropped.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Scratch(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap())
    }

    /// The path of a file in it.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).into_os_string().into_string().unwrap()
    }

    /// Writes a file; its path.
    pub(crate) fn write(&self, name: &str, data: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, data).unwrap();
        path
    }
}
