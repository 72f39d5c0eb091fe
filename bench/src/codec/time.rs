//! Time and allocations of every codec at one case.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::case::Case;
use super::codecs::{Codec, Work};
use crate::raw;

/// How often every codec has its turn.
const ROUNDS: usize = 21;
/// About the length of a turn: long against the clock's steps, short against what else the machine does.
const TURN: Duration = Duration::from_micros(1000);
/// Messages whose allocations are counted.
const COUNTED: usize = 200;

/// What a codec took.
pub(crate) struct Timed {
    /// Per message in nanoseconds, round by round.
    pub(crate) ns: Vec<f64>,
    /// Allocations per message, when everything is warm.
    pub(crate) allocations: f64,
}

/// Measures all codecs at `case`, turn by turn; `None` for those that cannot do it.
pub(crate) fn measure(codecs: &[Codec], case: Case) -> Vec<Option<Timed>> {
    let mut works: Vec<Option<Turns>> =
        codecs.iter().map(|codec| codec.prepare(case).map(Turns::new)).collect();
    for round in 0..ROUNDS {
        // Nobody always follows the same other one.
        let count = works.len();
        for turn in 0..count {
            if let Some(work) = &mut works[(turn + round) % count] {
                work.turn();
            }
        }
    }
    works.into_iter().map(|work| work.map(Turns::finish)).collect()
}

struct Turns {
    work: Work,
    /// Messages per turn.
    messages: usize,
    ns: Vec<f64>,
}

impl Turns {
    fn new(mut work: Work) -> Self {
        // Warm, and fitted to the turn's length.
        let mut messages = 1;
        loop {
            let time = timed(&mut work, messages);
            if time >= TURN / 2 {
                let fitted = messages as f64 * TURN.as_secs_f64() / time.as_secs_f64();
                return Self { work, messages: (fitted as usize).max(1), ns: Vec::new() };
            }
            messages *= 2;
        }
    }

    fn turn(&mut self) {
        let time = timed(&mut self.work, self.messages);
        self.ns.push(time.as_nanos() as f64 / self.messages as f64);
    }

    fn finish(mut self) -> Timed {
        let before = raw::allocations();
        self.work.run(COUNTED);
        let allocations = (raw::allocations() - before) as f64 / COUNTED as f64;
        Timed { ns: self.ns, allocations }
    }
}

/// The time that this thread works on it: what else runs on the machine does not count.
fn timed(work: &mut Work, messages: usize) -> Duration {
    let now = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(now.tv_sec.cast_unsigned(), now.tv_nsec as u32)
    };
    let start = now();
    work.run(messages);
    now().saturating_sub(start)
}

/// Allocations per message of our own codec.
pub(crate) fn allocations_of(codec: &Codec, case: Case) -> Option<f64> {
    let mut work = codec.prepare(case)?;
    work.run(COUNTED);
    Some(Turns { work, messages: 1, ns: Vec::new() }.finish().allocations)
}
