//! A time limit for a test whose fault would be to take too long.

use std::sync::mpsc;
use std::time::Duration;

/// Runs `work`, which may take a minute at the most: ten times and more of what it needs on a slow machine.
pub(crate) fn within_a_minute(work: impl FnOnce() + Send + 'static) {
    let (done, outcome) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        work();
        let _ = done.send(());
    });
    match outcome.recv_timeout(Duration::from_secs(60)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("still at work after a minute"),
        // A panic in the work is this test's.
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    }
}
