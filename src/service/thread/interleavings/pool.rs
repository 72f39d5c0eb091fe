//! Jobs, permits and workers that come and go.

use std::sync::Arc;
use std::time::Duration;

use shuttle::thread::spawn;

use super::super::pool::{Leaves, Permit, Pool};
use crate::sync::explore::explore;
use crate::sync::{Condvar, FOREVER, Instant, Mutex};

/// Of a stranger who waits.
const LIMIT: Duration = Duration::from_secs(10);

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
            spawn(move || pool.shrink())
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

#[test]
fn a_stranger_who_waits_gets_what_is_given_back() {
    explore(3, || {
        // Two of three workers are the strangers'.
        let pool = Pool::new(3);
        let (_one, two) = (stranger(&pool), stranger(&pool));
        let gives = spawn(move || drop(two));
        assert!(pool.await_for_stranger(programs(1), FOREVER).is_some());
        gives.join().unwrap();
        // Programs have all; one gives its worker back.
        let pool = Pool::new(2);
        let (_one, two) = pool.reserve_pair().unwrap();
        let gives = spawn(move || drop(two));
        assert!(pool.await_for_stranger(programs(1), FOREVER).is_some());
        gives.join().unwrap();
    });
}

#[test]
fn a_stranger_who_waits_gets_the_place_of_one_that_a_program_has_taken() {
    explore(3, || {
        let pool = Pool::new(3);
        let (_one, mut two) = (stranger(&pool), stranger(&pool));
        let taken = spawn(move || {
            two.belongs_to_program();
            two
        });
        let second = pool.await_for_stranger(programs(1), FOREVER);
        let two = taken.join().unwrap();
        assert_eq!((second.is_some(), pool.counts().0), (true, 3));
        drop((second, two));
        assert_eq!(pool.counts().0, 1);
    });
}

#[test]
fn every_stranger_who_waits_is_told() {
    explore(2, || {
        let pool = Pool::new(2);
        let (one, two) = pool.reserve_pair().unwrap();
        let wait = || {
            let pool = pool.clone();
            // The first to get it gives it to the other.
            spawn(move || pool.await_for_stranger(programs(1), FOREVER).is_some())
        };
        let waits = [wait(), wait()];
        drop(one);
        assert!(waits.into_iter().all(|waits| waits.join().unwrap()));
        drop(two);
        assert_eq!(pool.counts().0, 0);
    });
}

#[test]
fn a_stranger_waits_no_longer_than_its_limit_and_keeps_nothing_from_others() {
    explore(3, || {
        let pool = Pool::new(2);
        let (one, two) = pool.reserve_pair().unwrap();
        let gives = spawn(move || drop(two));
        let start = Instant::now();
        let got = pool.await_for_stranger(programs(0), LIMIT);
        assert!(got.is_some() || start.elapsed() >= LIMIT);
        gives.join().unwrap();
        assert_eq!(pool.counts().0, 1 + usize::from(got.is_some()));
        drop((one, got));
        // Nobody waits any more.
        let all = [(); 3].map(|()| pool.reserve_for_stranger(0, programs(0)));
        assert_eq!(all.iter().flatten().count(), 2);
    });
}

/// A worker for a stranger; one is left for programs.
fn stranger(pool: &Arc<Pool>) -> Permit {
    pool.reserve_for_stranger(0, programs(1)).unwrap()
}

/// Leaves so many to programs, and none to other strangers.
fn programs(programs: usize) -> Leaves {
    Leaves { programs, strangers: 0 }
}
