//! What the tests share.

#[path = "../support/build.rs"]
mod build;
#[path = "../support/scratch.rs"]
mod scratch;

use std::time::Duration;

pub(crate) use build::example;
use hosted::Program;
pub(crate) use scratch::Scratch;
use xous_api_websocket::error::OpenError;
use xous_api_websocket::{Code, Deadlines, Request, Tls, Websocket};

/// For what must happen at once and has no deadline of its own. Long, so that a slow machine is no failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A test with the service in its system. To be called in the test function itself.
macro_rules! system {
    () => {
        hosted::test!().service(crate::support::service(), xous_api_websocket::wire::SERVER_NAME)
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
        .credentials("user", "hunter2", xous_api_websocket::open::CredentialsForm::Basic)
        .options(Deadlines::new().open(PATIENCE))
        .tls(tls)
}

/// The code and text with which a request is refused.
pub(crate) fn refusal(request: &Request<'_>) -> (Code, String) {
    match Websocket::open(request) {
        Err(OpenError::Failed { code, text }) => (code, text),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("{request:?} opened a connection"),
    }
}
