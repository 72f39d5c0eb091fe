//! The program: it has the upload routes, and writes by loops of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use sha2::{Digest, Sha256};
use websocket::pddb::{Create, DictPath, File, KeyPath, Pddb};
use xous_api_websocket::{Listen, Listener, Route, Upload};

use super::BATCHES;
use super::sender::path;
use crate::Failure;

/// Where files come.
const BASIS: &str = ".System";
const DICT: &str = "bench";
/// An answer of the database that takes longer has been lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// Serves the routes and obeys the one at `control`, to whom it says the port first. Ends with the control connection.
///
/// # Errors
/// Something of it has failed.
pub(crate) fn run(control: u16) -> Result<(), Failure> {
    let listener = Listener::listen(&Listen::new("127.0.0.1", 0))?;
    for batch in BATCHES {
        // What the largest batch allows.
        let transfers = if batch == BATCHES[0] { 4 } else { 1 };
        let upload = Upload::new(DICT).write_batch(u32::try_from(batch)?).transfers(transfers);
        listener.add_route(&Route::upload(&path(batch), upload))?;
    }
    let store = Store { pddb: Pddb::new(PATIENCE), dict: DictPath::new(BASIS, DICT).map_err(fault)? };
    store.pddb.wait_mounted(PATIENCE)?;
    let mut control = TcpStream::connect((Ipv4Addr::LOCALHOST, control))?;
    control.set_nodelay(true)?;
    writeln!(control, "{}", listener.port())?;
    for line in BufReader::new(control.try_clone()?).lines() {
        let line = line?;
        store.obey(&line.split(' ').collect::<Vec<_>>())?;
        writeln!(control, "done")?;
    }
    Ok(())
}

/// The database, and where in it.
struct Store {
    pddb: Pddb,
    dict: DictPath,
}

impl Store {
    fn obey(&self, words: &[&str]) -> Result<(), Failure> {
        match words {
            ["write", name, length, batch, hashed] => {
                self.write(None, name, number(length)?, number(batch)?, *hashed == "true")
            }
            ["take", name, length, batch, hashed, port] => {
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, number(port)?))?;
                self.write(Some(stream), name, number(length)?, number(batch)?, *hashed == "true")
            }
            ["delete", name] => Ok(self.pddb.delete(&self.key(name)?)?),
            _ => Err(Failure(format!("not an order: {words:?}"))),
        }
    }

    /// The loop: batch after batch, and a flush.
    fn write(
        &self,
        mut from: Option<TcpStream>,
        name: &str,
        length: usize,
        batch: usize,
        hashed: bool,
    ) -> Result<(), Failure> {
        let mut file = self.create(name)?;
        let mut digest = Sha256::new();
        let mut bytes = vec![b'x'; batch];
        let mut at = 0;
        while at < length {
            let len = batch.min(length - at);
            let now = &mut bytes[..len];
            if let Some(stream) = &mut from {
                stream.read_exact(now)?;
            }
            at += file.write_at(at as u64, now)?;
            if hashed {
                digest.update(now);
            }
        }
        std::hint::black_box(digest.finalize());
        Ok(self.pddb.flush()?)
    }

    fn create(&self, name: &str) -> Result<File, Failure> {
        Ok(self.pddb.create(&self.key(name)?, Create { new: true, room: 0 })?)
    }

    fn key(&self, name: &str) -> Result<KeyPath, Failure> {
        self.dict.key(name).map_err(fault)
    }
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, Failure> {
    word.parse().map_err(|_| Failure(format!("'{word}' is not a number")))
}

fn fault(error: impl std::fmt::Debug) -> Failure {
    Failure(format!("{error:?}"))
}
