//! How long the calls of a thread wait for a PDDB that may be asking its user.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

thread_local! {
    static PATIENCE: RefCell<Option<Patience>> = const { RefCell::new(None) };
}

/// What a thread does instead of giving up.
#[derive(Clone)]
pub struct Patience {
    /// For how long the PDDB may be silent.
    limit: Duration,
    /// When it has been silent for so long, this is called, once.
    tells_after: Duration,
    tell: Rc<dyn Fn()>,
    told: Rc<Cell<bool>>,
}

/// The patience that a thread had before, which it has again when this is dropped.
struct Before(Option<Patience>);

impl Patience {
    /// Waits for a PDDB that is silent for up to `limit`, and calls `tell` when that has lasted for `tells_after`.
    pub fn new(limit: Duration, tells_after: Duration, tell: impl Fn() + 'static) -> Self {
        Patience { limit, tells_after, tell: Rc::new(tell), told: Rc::default() }
    }

    /// Runs `act`, all of whose calls to any PDDB on this thread are patient.
    pub fn during<T>(self, act: impl FnOnce() -> T) -> T {
        let _before = Before(PATIENCE.replace(Some(self)));
        act()
    }

    /// The PDDB has answered: the next silence is told of as well.
    pub fn renew() {
        PATIENCE.with_borrow(|own| {
            if let Some(own) = own {
                own.told.set(false);
            }
        });
    }

    /// That of this thread.
    pub(super) fn limit() -> Option<Duration> {
        PATIENCE.with_borrow(|own| own.as_ref().map(|own| own.limit))
    }

    /// After how long this thread tells somebody, if it has not.
    pub(super) fn tells_after() -> Option<Duration> {
        PATIENCE.with_borrow(|own| own.as_ref().filter(|own| !own.told.get()).map(|own| own.tells_after))
    }

    /// Tells it.
    pub(super) fn tell() {
        let own = PATIENCE.with_borrow(Clone::clone);
        if let Some(own) = own
            && !own.told.replace(true)
        {
            (own.tell)();
        }
    }
}

impl Drop for Before {
    fn drop(&mut self) {
        PATIENCE.set(self.0.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_patient_for_as_long_as_it_says_and_tells_once() {
        assert_eq!((Patience::limit(), Patience::tells_after()), (None, None));
        let told = Rc::new(Cell::new(0));
        let counts = told.clone();
        let (long, short) = (Duration::from_secs(600), Duration::from_secs(2));
        let patience = Patience::new(long, short, move || counts.set(counts.get() + 1));
        patience.during(|| {
            assert_eq!((Patience::limit(), Patience::tells_after()), (Some(long), Some(short)));
            Patience::tell();
            Patience::tell();
            assert_eq!((told.get(), Patience::tells_after()), (1, None));
            Patience::renew();
            Patience::tell();
        });
        Patience::tell();
        assert_eq!((Patience::limit(), told.get()), (None, 2));
    }
}
