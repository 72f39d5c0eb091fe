//! The one worker that clears the database of what nobody goes on with: what a crash has left, and transfers whose senders have
//! not come back.
//!
//! Who competes: routes, when they come, go, or have waited long enough for a sender. Full, or without a worker: a job is not
//! done; what it was for is cleared with the next request for a file. A pair of workers is left besides.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::service::limits::CLEARED;
use crate::service::thread::{PAIR, Pool};
use crate::sync::Mutex;

/// What is to be done. It waits for the database.
type Job = Box<dyn FnOnce() + Send>;

/// Does one job at a time.
pub(crate) struct Clearer {
    pool: Arc<Pool>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// A worker goes through them.
    runs: bool,
}

impl Clearer {
    pub(super) fn new(pool: Arc<Pool>) -> Arc<Self> {
        Arc::new(Clearer { pool, state: Mutex::default() })
    }

    /// Has a worker do a job when it is done with those before. Returns `false` if it is not done.
    pub(crate) fn run(self: &Arc<Self>, job: Job) -> bool {
        let mut state = self.state.lock();
        if state.jobs.len() >= CLEARED {
            return false;
        }
        if !state.runs {
            let own = self.clone();
            state.runs = self.pool.try_spawn_beside(PAIR, move || own.work());
        }
        let runs = state.runs;
        if runs {
            state.jobs.push_back(job);
        }
        runs
    }

    fn work(&self) {
        loop {
            let mut state = self.state.lock();
            let Some(job) = state.jobs.pop_front() else {
                state.runs = false;
                return;
            };
            drop(state);
            job();
        }
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_worker_does_as_many_jobs_as_may_wait() {
        let pool = Pool::new(PAIR + 1);
        let clearer = Clearer::new(pool.clone());
        let (go_on, waits) = channel::<()>();
        let (begun, begins) = channel();
        assert!(clearer.run(Box::new(move || {
            begun.send(()).unwrap();
            waits.recv().ok();
        })));
        let soon = Duration::from_secs(10);
        begins.recv_timeout(soon).unwrap();
        let (done, all) = channel();
        let job = || -> Job {
            let done = done.clone();
            Box::new(move || done.send(()).unwrap())
        };
        assert!((0..CLEARED).all(|_| clearer.run(job())));
        assert!(!clearer.run(job()), "too many wait");
        assert_eq!(pool.counts().0, 1);
        drop(go_on);
        (0..CLEARED).for_each(|_| all.recv_timeout(soon).unwrap());
        while pool.counts().0 > 0 {
            std::thread::yield_now();
        }
        let _one = pool.reserve().unwrap();
        assert!(!clearer.run(job()), "a pair is left");
    }
}
