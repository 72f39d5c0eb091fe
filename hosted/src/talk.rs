//! Messages between the roles of a test, which do not pass through the system under test.
//!
//! Each role has a FIFO in the system's directory. The side that needs it first makes it. It is opened for both directions and
//! never closed, so that opening does not wait and nothing is lost before the other side opens it.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use stand_ins::control::DIRECTORY;

use crate::test::ROLE;

/// Tells another role of this test something: one line, of less than 4096 bytes. Does not wait for it to listen.
///
/// # Panics
/// Outside a test's body, and when `line` is not one line of less than 4096 bytes.
pub fn tell(role: &str, line: &str) {
    static OPENED: LazyLock<Mutex<HashMap<String, File>>> = LazyLock::new(Mutex::default);
    assert!(line.len() < 4096 && !line.contains('\n'), "not a line of less than 4096 bytes");
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    let fifo = opened.entry(role.to_owned()).or_insert_with(|| open(role));
    fifo.write_all(format!("{line}\n").as_bytes()).expect("a FIFO with a reader, this process, takes it");
}

/// Waits for the next line that was told to this role. Only the test's time limit ends the wait.
///
/// # Panics
/// Outside a test's body.
pub fn hear() -> String {
    static OWN: LazyLock<Mutex<BufReader<File>>> = LazyLock::new(|| {
        let role = std::env::var(ROLE).expect("a body has a role");
        Mutex::new(BufReader::new(open(&role)))
    });
    let mut line = String::new();
    let mut own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
    own.read_line(&mut line).expect("a FIFO with a writer, this process, has no end");
    line.trim_end_matches('\n').to_owned()
}

fn open(role: &str) -> File {
    let directory = std::env::var(DIRECTORY).expect("a body runs in a system");
    let path = Path::new(&directory).join(format!("{role}.fifo"));
    match mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(error) => panic!("{}: {error}", path.display()),
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
