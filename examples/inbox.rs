//! An inbox for files: `inbox PORT [USER PASSWORD]`. What is sent to `/upload` ends up in the device's database, whole or
//! not at all, and is shown under `/files/`. The service does all of it: this program only says where, and to whom.
//!
//! `examples/upload` sends files to it, and so does any page with `examples/upload_page/sender.js`; docs/upload.md has the
//! protocol.

use std::error::Error;

use xous_api_websocket::{Listen, Listener, Route, Upload, serve::Login};

/// The dict of the database.
const DICT: &str = "inbox";

fn main() -> Result<(), Box<dyn Error>> {
    xous_api_log::init_wait().ok();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (port, login) = match &arguments[..] {
        [port] => (port, None),
        [port, user, password] => (port, Some(Login::basic(user, password))),
        _ => return Err("usage: inbox PORT [USER PASSWORD]".into()),
    };
    // On a device every port is open to the network, whatever the address: with a login that is no harm.
    let listener = Listener::listen(&Listen::new("127.0.0.1", port.parse()?).exposed())?;
    let mut upload = Route::upload("/upload", Upload::new(DICT).largest(20_000_000).replace(true));
    let mut files = Route::files("/files/", DICT);
    if let Some(login) = login {
        (upload, files) = (upload.credentials(login), files.credentials(login));
    }
    listener.add_route(&upload)?;
    listener.add_route(&files)?;
    println!("http://127.0.0.1:{}/files/ is ready", listener.port());
    // As long as the listener lives.
    loop {
        std::thread::park();
    }
}
