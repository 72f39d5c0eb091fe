//! Keys of the system's PDDB, as the stand-in keeps them: plain files.

use std::fs;

use hosted::{PDDB_MOUNT, pddb_directory};
use xous::CID;
use xous_api_names::XousNames;

/// Waits until the PDDB is there, mounted or not: the service does not.
pub(crate) fn pddb() -> CID {
    let names = XousNames::new().unwrap();
    let cid = names.request_connection_blocking("_Plausibly Deniable Database_").unwrap();
    // The last one to be dropped would end the connection to the name server for the whole process.
    std::mem::forget(names);
    cid
}

/// Opens an unmounted PDDB, as its user would.
pub(crate) fn mount() {
    let message = xous::Message::new_blocking_scalar(PDDB_MOUNT, 0, 0, 0, 0);
    xous::send_message(pddb(), message).unwrap();
}

/// Puts this into a key, which need not be there.
pub(crate) fn store(dict: &str, key: &str, content: impl AsRef<[u8]>) {
    let directory = pddb_directory().join(".System").join(dict.replace('/', "+"));
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join(key), content).unwrap();
}
