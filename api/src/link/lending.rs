//! Whether somebody sends what is queued, for those who have to come behind it and do not wait for the peer.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::sync::lock;

/// A thread that is about to lend has done so by then, however many others run. Only with the lend does the kernel bring
/// things into an order, and nobody can see from outside that it has.
pub(crate) const IS_LENT: Duration = Duration::from_millis(250);

/// What is queued, on its way to the service.
///
/// Who competes: the thread that holds what is queued and lends it, and threads that send or close without a wait for the
/// peer. These wait for the end of the lend, which is soon unless the peer takes nothing, or until the service has it for
/// sure; once for each lend.
#[derive(Default)]
pub(crate) struct Lending {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    /// How many have begun.
    number: u32,
    /// The last of them has not ended.
    lasts: bool,
    /// The service has it.
    is_lent: bool,
}

impl Lending {
    /// A lend of what is queued begins. Its lender holds `outgoing`, so that there is one at a time.
    pub(crate) fn begin(&self) {
        let mut state = lock(&self.state);
        *state = State { number: state.number.wrapping_add(1), lasts: true, is_lent: false };
    }

    /// It has ended, and it can be seen whether something is queued still.
    pub(crate) fn end(&self) {
        lock(&self.state).lasts = false;
        self.ended.notify_all();
    }

    /// Waits until no lend is under way, or for this time. `true` if one is, and the service has it.
    pub(crate) fn is_lent_in(&self, time: Duration) -> bool {
        let state = lock(&self.state);
        let number = state.number;
        let waited = self
            .ended
            .wait_timeout_while(state, time, |state| state.lasts && !state.is_lent && state.number == number);
        let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_lent |= waited.timed_out();
        state.lasts && state.is_lent
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

    use super::*;

    /// No test waits for so long.
    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn what_is_with_the_service_is_waited_for_once() {
        let lending = Lending::default();
        assert!(!lending.is_lent_in(LONG), "nobody sends");
        lending.begin();
        assert!(lending.is_lent_in(Duration::ZERO));
        assert!(lending.is_lent_in(LONG), "it is known");
        lending.end();
        assert!(!lending.is_lent_in(LONG));
        lending.begin();
        assert!(lending.is_lent_in(Duration::from_millis(1)), "another one is not known");
        lending.end();
    }

    #[test]
    fn the_end_of_a_lend_ends_the_wait_for_it() {
        let (lending, ended) = (Lending::default(), AtomicBool::new(false));
        lending.begin();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    assert!(!lending.is_lent_in(LONG));
                    assert!(ended.load(SeqCst));
                });
            }
            ended.store(true, SeqCst);
            lending.end();
        });
    }
}
