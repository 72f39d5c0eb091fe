//! Jobs, permits and workers that come and go.

use std::sync::Arc;

use shuttle::thread::spawn;

use super::super::pool::{Permit, Pool};
use crate::sync::explore::explore;
use crate::sync::{Condvar, Mutex};

/// Jobs that are done.
#[derive(Default)]
struct Done {
    jobs: Mutex<usize>,
    more: Condvar,
}

impl Done {
    fn add(&self) {
        *self.jobs.lock() += 1;
        self.more.notify_all();
    }

    fn wait(&self, jobs: usize) {
        let mut done = self.jobs.lock();
        while *done < jobs {
            done = self.more.wait(done);
        }
    }
}

/// Runs a job that gives its permit back, then says so.
fn run(permit: Permit, done: &Arc<Done>) {
    let done = done.clone();
    let started = permit.run(move |permit| {
        drop(permit);
        done.add();
    });
    started.unwrap();
}

#[test]
fn a_worker_on_its_way_back_takes_the_next_job() {
    explore(3, || {
        let (pool, done) = (Pool::new(1), Arc::new(Done::default()));
        for jobs in 1..=3 {
            // The last job has given its permit back.
            run(pool.reserve().unwrap(), &done);
            done.wait(jobs);
        }
        assert_eq!(pool.counts(), (0, 1));
    });
}

#[test]
fn every_job_with_a_permit_runs_and_threads_are_no_more_than_permits() {
    explore(1, || {
        let (pool, done) = (Pool::new(2), Arc::new(Done::default()));
        let (other, others) = (pool.clone(), done.clone());
        let thread = spawn(move || other.reserve().map(|permit| run(permit, &others)).is_some());
        let mut jobs = 0;
        for _ in 0..2 {
            if let Some(permit) = pool.reserve() {
                run(permit, &done);
                jobs += 1;
                // So that the worker is on its way back when the next job comes.
                done.wait(jobs);
            }
        }
        jobs += usize::from(thread.join().unwrap());
        done.wait(jobs);
        let (busy, threads) = pool.counts();
        assert!(busy == 0 && threads <= 2, "{busy} {threads}");
        assert!(jobs >= 2, "one of the two is always free");
    });
}

#[test]
fn two_jobs_that_need_each_other_have_a_worker_each() {
    explore(2, || {
        let (pool, done) = (Pool::new(2), Arc::new(Done::default()));
        run(pool.reserve().unwrap(), &done);
        done.wait(1);
        // One worker is there, or on its way back.
        let (one, two) = pool.reserve_pair().unwrap();
        run(two, &done);
        let waits = done.clone();
        let started = one.run(move |permit| {
            waits.wait(2);
            drop(permit);
            waits.add();
        });
        started.unwrap();
        done.wait(3);
    });
}

#[test]
fn a_pair_is_two_or_none() {
    explore(3, || {
        let pool = Pool::new(3);
        let other = {
            let pool = pool.clone();
            spawn(move || drop(pool.reserve_pair()))
        };
        let pair = pool.reserve_pair();
        let one = pool.reserve();
        assert!(pair.is_some() || one.is_some(), "two of three are all that the other has");
        let busy = pool.counts().0;
        assert!(busy <= 3, "{busy} of three");
        other.join().unwrap();
        assert_eq!(pool.counts().0, 2 * usize::from(pair.is_some()) + usize::from(one.is_some()));
        drop((pair, one));
        assert_eq!(pool.counts().0, 0);
    });
}

#[test]
fn a_pool_that_shrinks_forgets_no_job() {
    explore(1, || {
        let (pool, done) = (Pool::new(2), Arc::new(Done::default()));
        let (one, two) = pool.reserve_pair().unwrap();
        run(one, &done);
        run(two, &done);
        let shrinks = {
            let pool = pool.clone();
            spawn(move || pool.shrink(1))
        };
        let late = pool.reserve().map(|permit| run(permit, &done)).is_some();
        shrinks.join().unwrap();
        done.wait(2 + usize::from(late));
        assert!(pool.counts().1 <= 2);
        // One worker is left, and takes what comes.
        run(pool.reserve().unwrap(), &done);
        done.wait(3 + usize::from(late));
    });
}
