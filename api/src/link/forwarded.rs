//! The links whose messages are lent on to a server of the program.

use std::ptr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use xous::CID;

use crate::link::Link;
use crate::sync::lock;
use crate::wire::Opcode;

/// The connections that are forwarded.
pub(crate) static FORWARDED: Mutex<Forwarded> = Mutex::new(Forwarded { entries: Vec::new(), runs: false });

pub(crate) struct Forwarded {
    pub(crate) entries: Vec<Entry>,
    /// There is a thread for them.
    pub(crate) runs: bool,
}

#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) link: Arc<Link>,
    pub(crate) cid: CID,
    pub(crate) opcode: usize,
    pub(crate) stopped: Arc<AtomicBool>,
}

impl Entry {
    /// It is not forwarded any more.
    pub(crate) fn remove(&self) {
        lock(&FORWARDED).entries.retain(|other| !Arc::ptr_eq(&other.stopped, &self.stopped));
    }
}

/// Somebody has received more than he takes. If the connection is forwarded, the service does not name it for that.
pub(crate) fn has_rest(link: &Link) {
    let is_forwarded = lock(&FORWARDED).entries.iter().any(|entry| ptr::eq(&*entry.link, link));
    if is_forwarded {
        link.address().ask(Opcode::Ready, 1).ok();
    }
}
