//! Servers of other processes that start when this one does, and may come a moment later.

use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long such a server is waited for, from when it was first asked for. Less than the silence after which others take
/// the PDDB for one that asks its user: they wait meanwhile, and are to be told that it is not there, too.
const GRACE: Duration = Duration::from_millis(1500);
/// The first pause; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// A server that a system may be without. The name server cannot be told to wait for it for a time, only for ever.
pub(crate) struct Starting {
    since: OnceLock<Instant>,
}

impl Starting {
    /// One that was not asked for yet.
    pub(crate) const fn new() -> Self {
        Starting { since: OnceLock::new() }
    }

    /// Tries until there is something, at first; once the server has been waited for, a single time.
    pub(crate) fn wait_for<T>(&self, mut connect: impl FnMut() -> Option<T>) -> Option<T> {
        let since = *self.since.get_or_init(Instant::now);
        let mut pause = FIRST_PAUSE;
        loop {
            let connected = connect();
            let rest = GRACE.saturating_sub(since.elapsed());
            if connected.is_some() || rest.is_zero() {
                return connected;
            }
            sleep(pause.min(rest));
            pause *= 2;
        }
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
