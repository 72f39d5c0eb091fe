//! How often which requests of a port were refused.
//!
//! Who competes: workers and the thread for refused clients count, and who looks. Full: never, as there are only so many
//! reasons.

use xous_api_websocket::state::Refused;

use crate::http::Reason;
use crate::sync::Mutex;

/// What counts for a status that a program has decided on.
const BY_PROGRAM: &str = "The program has decided so.";
/// What counts for a client that has not come as far as a request.
const NO_TLS: &str = "TLS was not agreed on.";

/// Of a port.
#[derive(Default)]
pub(crate) struct Refusals {
    counts: Mutex<Vec<Count>>,
}

struct Count {
    status: u16,
    text: &'static str,
    count: u32,
}

impl Refusals {
    /// One more for this reason.
    pub(crate) fn count(&self, reason: Reason) {
        self.add(reason.status(), reason.text());
    }

    /// One more by a program. All of its statuses count as one class of a hundred, as it may have many.
    pub(crate) fn count_decided(&self, status: u16) {
        self.add(status / 100 * 100, BY_PROGRAM);
    }

    /// One more with which TLS was not agreed on.
    pub(crate) fn count_no_tls(&self) {
        self.add(0, NO_TLS);
    }

    /// How many there were.
    pub(crate) fn all(&self) -> Vec<Refused> {
        let counts = self.counts.lock();
        counts.iter().map(|one| Refused::new(one.status, one.count, one.text)).collect()
    }

    fn add(&self, status: u16, text: &'static str) {
        let mut counts = self.counts.lock();
        match counts.iter_mut().find(|one| one.status == status && one.text == text) {
            Some(one) => one.count = one.count.wrapping_add(1),
            None => counts.push(Count { status, text, count: 1 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_counted_by_reason() {
        let refusals = Refusals::default();
        for _ in 0..3 {
            refusals.count(Reason::NotFound);
        }
        refusals.count(Reason::NoFile);
        refusals.count_no_tls();
        refusals.count_decided(404);
        refusals.count_decided(451);
        let counts: Vec<_> = refusals.all().iter().map(|one| (one.status, one.count)).collect();
        assert_eq!(counts, [(404, 3), (404, 1), (0, 1), (400, 2)]);
    }
}
