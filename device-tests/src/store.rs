//! Bytes into the database, for those who measure: by the service's upload route, or by a loop that does nothing else.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};
use websocket::pddb::{Create, DictPath, Pddb, SYSTEM_BASIS};
use xous_api_websocket::{Listen, Listener, Route, Upload};

use crate::words;

/// Longer than whoever measures lets the machine run.
const REST: Duration = Duration::from_secs(3600);
/// The dict, and the path of the route.
const DICT: &str = "uploads";
const PATH: &str = "/upload";
/// Bytes that are written at a time, as many as the service writes.
const BATCH: usize = 8128;

/// Opens an upload route on `port`, says so to whoever is at the port `bell` of 127.0.0.1, and waits until that says that all
/// is stored.
pub(crate) fn take(port: &str, bell: &str) -> Result<(), String> {
    let listener = Listener::listen(&Listen::new("0.0.0.0", port.parse().map_err(words)?)).map_err(words)?;
    listener.add_route(&Route::upload(PATH, Upload::new(DICT))).map_err(words)?;
    let mut bell = TcpStream::connect(("127.0.0.1", bell.parse().map_err(words)?)).map_err(words)?;
    bell.write_all(b"!").map_err(words)?;
    bell.read_exact(&mut [0]).map_err(words)?;
    println!("all messages have passed");
    thread::sleep(REST);
    Ok(())
}

/// Writes so many batches of a new key, with their digest if it `hashes`.
pub(crate) fn store(hashes: bool, count: &str) -> Result<(), String> {
    let count: u32 = count.parse().map_err(words)?;
    let pddb = Pddb::new(REST);
    pddb.wait_mounted(REST).map_err(|error| format!("{error:?}"))?;
    let key = DictPath::new(SYSTEM_BASIS, DICT).and_then(|dict| dict.key("stored"));
    let key = key.map_err(|error| format!("{error:?}"))?;
    let mut file = pddb.create(&key, Create { new: true, room: 0 }).map_err(|error| format!("{error:?}"))?;
    let batch = vec![b'x'; BATCH];
    let mut digest = Sha256::new();
    for number in 0..count {
        let at = u64::from(number) * BATCH as u64;
        let written = file.write_at(at, &batch).map_err(|error| format!("{error:?}"))?;
        if written != BATCH {
            return Err(format!("{written} bytes were written"));
        }
        if hashes {
            digest.update(&batch);
        }
    }
    std::hint::black_box(digest.finalize());
    pddb.flush().map_err(|error| format!("{error:?}"))?;
    println!("all messages have passed");
    thread::sleep(REST);
    Ok(())
}
