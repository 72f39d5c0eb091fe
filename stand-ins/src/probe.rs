//! Answers the launcher's question whether the kernel still lives.
//!
//! A client of the hosted kernel exits with 0 when the kernel ends, as it does when all went well. So the launcher asks,
//! by a byte in the probe pipe, before it takes an end for a success. The answer is given after a call to the kernel:
//! when that has ended, this process ends at it, which the launcher learns instead.

use std::fs::File;
use std::io::Read;

use crate::control::{self, PROBE_FD, Report};

/// Starts the thread that answers.
pub(crate) fn start() {
    std::thread::spawn(|| {
        let Ok(mut probes) = File::open(format!("/dev/fd/{PROBE_FD}")) else { return };
        while probes.read_exact(&mut [0]).is_ok() {
            if xous::create_server_id().is_ok() {
                control::report(&Report::KernelLives);
            }
        }
    });
}
