//! What is being measured, for whoever waits.

use std::sync::OnceLock;
use std::time::Instant;

/// Says on stderr what begins now, with the seconds since the start.
pub(crate) fn begin(what: &str) {
    static START: OnceLock<Instant> = OnceLock::new();
    let seconds = START.get_or_init(Instant::now).elapsed().as_secs();
    eprintln!("bench: {seconds:4} s  {what}");
}
