//! Servers of other processes that start when this one does, and may come a moment later.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::sleep;
use std::time::Duration;

/// The pauses between the attempts to reach such a server, 1.27 s in all. That is less than the silence after which others
/// take the PDDB for one that asks its user: they wait meanwhile, and are to be told that it is not there, too.
const PAUSES: [Duration; 7] = [ms(10), ms(20), ms(40), ms(80), ms(160), ms(320), ms(640)];

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A server that a system may be without. The name server cannot be told to wait for it for a time, only for ever.
pub(crate) struct Starting {
    /// It was waited for in vain.
    is_missing: AtomicBool,
}

impl Starting {
    /// One that was not asked for yet.
    pub(crate) const fn new() -> Self {
        Starting { is_missing: AtomicBool::new(false) }
    }

    /// Tries until there is something. A server that was waited for in vain is asked for a single time from then on.
    pub(crate) fn wait_for<T>(&self, mut connect: impl FnMut() -> Option<T>) -> Option<T> {
        if !self.is_missing.load(Relaxed) {
            for pause in PAUSES {
                if let Some(connected) = connect() {
                    return Some(connected);
                }
                sleep(pause);
            }
        }
        let connected = connect();
        self.is_missing.store(connected.is_none(), Relaxed);
        connected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_comes_late_is_found_and_one_that_never_comes_is_waited_for_once() {
        let server = Starting::new();
        let mut asked = 0;
        let found = server.wait_for(|| {
            asked += 1;
            (asked == 3).then_some(asked)
        });
        assert_eq!(found, Some(3));
        assert_eq!(server.wait_for(|| None::<()>), None);
        let mut asked = 0;
        let missing = server.wait_for(|| {
            asked += 1;
            None::<()>
        });
        assert_eq!((missing, asked), (None, 1));
    }
}
