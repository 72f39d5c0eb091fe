//! What the tests share.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use hosted::Program;
use xous_api_websocket::{Code, Deadlines, OpenError, Request, Tls, Websocket};

/// For what must happen at once and has no deadline of its own. Long, so that a slow machine is no failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A test with the service in its system. To be called in the test function itself.
macro_rules! system {
    () => {
        hosted::test!().service(crate::support::service(), xous_api_websocket::SERVER_NAME)
    };
}
pub(crate) use system;

/// The service under test.
pub(crate) fn service() -> Program {
    Program::new(env!("CARGO_BIN_EXE_websocket"))
}

/// Asks for a path of a peer on this machine by the name `localhost`, with credentials that a failure must not tell.
pub(crate) fn request<'a>(port: u16, path: &'a str, tls: Tls<'a>) -> Request<'a> {
    Request::new("localhost", port)
        .path(path)
        .credentials("user", "hunter2", xous_api_websocket::CredentialsForm::Basic)
        .deadlines(Deadlines { open: PATIENCE, ..Deadlines::default() })
        .secure(tls)
}

/// The code and text with which a request is refused.
pub(crate) fn refusal(request: &Request<'_>) -> (Code, String) {
    match Websocket::open(request) {
        Err(OpenError::Failed { code, text }) => (code, text),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("{request:?} opened a connection"),
    }
}

/// A directory that is removed when it is dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// An empty one.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    /// The path of a file in it.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).into_os_string().into_string().unwrap()
    }

    /// Writes a file; its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}
