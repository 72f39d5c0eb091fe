//! Worker threads that are used again.
//!
//! A process has about thirty threads in its life in hosted mode, and 29 at a time on the device, so none is ever
//! started for one connection alone. Work is only accepted when a thread is free for it: nothing queues here.
//!
//! Who competes: programs of the device, and strangers who have come to a port and whom no program has taken. A share
//! is kept for programs, which strangers never get.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::notes::{self, Note, note};
use crate::sync::{Condvar, Instant, Mutex, thread};

/// What a worker runs.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// The buffers of readers and writers are on the heap, but the device's std keeps whole pages on the stack: 40 KiB to
/// look up a name and 20 KiB within that for the first use of a std service, 16 KiB for a write or a log line, 32 KiB
/// for a panic (`cargo xtask target --top`). The deepest is a look-up with a panic in it. What is not touched takes
/// no memory. The default would be 128 KiB.
///
/// A TLS handshake takes up to 40 KiB on top (measured with RustCrypto, optimised, on a PC), and 190 KiB without
/// optimisation.
const STACK: usize = match (cfg!(debug_assertions), cfg!(feature = "tls")) {
    (true, _) => 1024 * 1024,
    (false, true) => 128 * 1024,
    (false, false) => 96 * 1024,
};

/// Workers of a connection.
pub(crate) const PAIR: usize = 2;

/// The pool.
pub(crate) struct Pool {
    state: Mutex<State>,
    work: Condvar,
    /// A permit was given back.
    free: Condvar,
    /// Called when a permit was given back.
    freed: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

struct State {
    jobs: Vec<Job>,
    /// Threads that wait for a job.
    idle: usize,
    threads: usize,
    /// Permits that are out.
    busy: usize,
    /// Those of them that strangers have.
    strangers: usize,
    /// Strangers who wait for a second one, which others do not get.
    awaited: usize,
    /// The most permits, and threads.
    most: usize,
}

/// What of the workers a stranger leaves to others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaves {
    /// Of all workers, for programs.
    pub(crate) programs: usize,
    /// Of those that strangers may have, for other strangers.
    pub(crate) strangers: usize,
}

/// The right to run one job on a worker; given back on drop.
pub(crate) struct Permit {
    pool: Arc<Pool>,
    /// It counts as a stranger's.
    stranger: bool,
}

impl Pool {
    /// A pool of at most `most` threads. None is started before there is work.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        let state = State { jobs: Vec::new(), idle: 0, threads: 0, busy: 0, strangers: 0, awaited: 0, most };
        Arc::new(Pool {
            state: Mutex::new(state),
            work: Condvar::new(),
            free: Condvar::new(),
            freed: OnceLock::new(),
        })
    }

    /// Calls `freed` from now on whenever a worker is free again. It holds no lock then.
    pub(crate) fn when_free(&self, freed: impl Fn() + Send + Sync + 'static) {
        self.freed.set(Box::new(freed)).ok();
    }

    /// Has one thread less from now on. A thread too many ends when it has nothing to do.
    pub(crate) fn shrink(&self) {
        let mut state = self.state.lock();
        state.most = state.most.saturating_sub(1);
        drop(state);
        self.work.notify_all();
    }

    /// The most pairs of workers.
    pub(crate) fn pairs(&self) -> usize {
        self.state.lock().most / PAIR
    }

    /// Two workers, or none.
    pub(crate) fn reserve_pair(self: &Arc<Self>) -> Option<(Permit, Permit)> {
        let mut state = self.state.lock();
        if state.busy + PAIR > state.most {
            return None;
        }
        state.busy += PAIR;
        Some((self.permit(false), self.permit(false)))
    }

    /// One worker, if there is one.
    pub(crate) fn reserve(self: &Arc<Self>) -> Option<Permit> {
        self.reserve_beside(0)
    }

    /// One worker, if so many are left besides.
    pub(crate) fn reserve_beside(self: &Arc<Self>, left: usize) -> Option<Permit> {
        let mut state = self.state.lock();
        if state.busy + left >= state.most {
            return None;
        }
        state.busy += 1;
        Some(self.permit(false))
    }

    /// One worker for a stranger who `has` so many.
    pub(crate) fn reserve_for_stranger(self: &Arc<Self>, has: usize, leaves: Leaves) -> Option<Permit> {
        let mut state = self.state.lock();
        if state.is_full_for_strangers(has, leaves, state.awaited) {
            return None;
        }
        state.busy += 1;
        state.strangers += 1;
        Some(self.permit(true))
    }

    /// As [`Pool::reserve_for_stranger`] for one who has a worker and needs a second: waits for it up to `limit`.
    pub(crate) fn await_for_stranger(self: &Arc<Self>, leaves: Leaves, limit: Duration) -> Option<Permit> {
        let start = Instant::now();
        let mut state = self.state.lock();
        state.awaited += 1;
        while state.is_full_for_strangers(1, leaves, 0) {
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                state.awaited -= 1;
                return None;
            }
            state = self.free.wait_timeout(state, left);
        }
        state.awaited -= 1;
        state.busy += 1;
        state.strangers += 1;
        Some(self.permit(true))
    }

    fn permit(self: &Arc<Self>, stranger: bool) -> Permit {
        Permit { pool: self.clone(), stranger }
    }

    /// Runs a job on a worker of its own. If there is no worker, drops the job and returns `false`.
    pub(crate) fn try_spawn(self: &Arc<Self>, job: impl FnOnce() + Send + 'static) -> bool {
        self.try_spawn_beside(0, job)
    }

    /// As [`Pool::try_spawn`], if so many workers are left besides.
    pub(crate) fn try_spawn_beside(
        self: &Arc<Self>,
        left: usize,
        job: impl FnOnce() + Send + 'static,
    ) -> bool {
        let Some(permit) = self.reserve_beside(left) else { return false };
        let started = permit.run(move |permit| {
            job();
            drop(permit);
        });
        if started.is_err() {
            note(Note::NoThread);
        }
        started.is_ok()
    }

    /// Workers that are reserved or at work, and threads in all.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.busy, state.threads)
    }

    fn run(self: &Arc<Self>, job: Job) -> std::io::Result<()> {
        self.run_on(job, |work| {
            let thread = thread::Builder::new().name("ws-worker".into()).stack_size(STACK);
            thread.spawn(work).map(drop)
        })
    }

    fn run_on(
        self: &Arc<Self>,
        job: Job,
        start: impl FnOnce(Job) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let mut state = self.state.lock();
        state.jobs.push(job);
        // With a thread for every permit, one is on its way back from a job whose permit it has given back.
        if state.idle >= state.jobs.len() || state.threads >= state.busy {
            self.work.notify_one();
            return Ok(());
        }
        let pool = self.clone();
        if let Err(error) = start(Box::new(move || pool.work())) {
            let job = state.jobs.pop();
            // The job gives its permit back, which takes the lock.
            drop(state);
            drop(job);
            return Err(error);
        }
        state.threads += 1;
        Ok(())
    }

    fn work(&self) {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop() {
                drop(state);
                job();
                notes::print();
                state = self.state.lock();
            } else if state.threads > state.most {
                state.threads -= 1;
                return;
            } else {
                state.idle += 1;
                state = self.work.wait(state);
                state.idle -= 1;
            }
        }
    }
}

impl State {
    /// Strangers get no more workers if they leave as many to programs, and those `awaited`. Those whom programs have taken count
    /// among these, so that they can fill what is kept; then there are strangers as long as a pair is free besides, for a
    /// program that opens a connection. One alone, who `has` so many workers, may always have another: it may be a
    /// program's next.
    fn is_full_for_strangers(&self, has: usize, leaves: Leaves, awaited: usize) -> bool {
        let kept = leaves.programs + awaited;
        let leaves_a_pair = self.busy + kept.min(PAIR) + leaves.strangers < self.most;
        self.busy >= self.most
            || self.strangers + kept + leaves.strangers >= self.most
            || (self.strangers > has && !leaves_a_pair)
    }
}

impl Permit {
    /// A program has taken the stranger: the worker counts as the program's from now on.
    pub(crate) fn belongs_to_program(&mut self) {
        if std::mem::take(&mut self.stranger) {
            self.pool.state.lock().strangers -= 1;
            self.pool.free.notify_all();
        }
    }

    /// Runs `job` on a worker. The job gets the permit, and gives it back when it is done with everything that
    /// blocks.
    ///
    /// # Errors
    /// No thread could be started. The job was dropped.
    pub(crate) fn run(self, job: impl FnOnce(Permit) + Send + 'static) -> std::io::Result<()> {
        let pool = self.pool.clone();
        pool.run(Box::new(move || job(self)))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.pool.state.lock();
        state.busy -= 1;
        state.strangers -= usize::from(self.stranger);
        let awaited = state.awaited > 0;
        drop(state);
        if awaited {
            self.pool.free.notify_all();
        }
        if let Some(freed) = self.pool.freed.get() {
            freed();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::sync::mpsc::channel;

    use super::*;

    /// Leaves so many to programs, and none to other strangers.
    fn programs(programs: usize) -> Leaves {
        Leaves { programs, strangers: 0 }
    }

    #[test]
    fn a_thread_that_does_not_start_gives_the_permit_back() {
        let (sender, done) = channel();
        std::thread::spawn(move || {
            let pool = Pool::new(1);
            let permit = pool.reserve().unwrap();
            let failed = pool.run_on(Box::new(move || drop(permit)), |_| Err(ErrorKind::OutOfMemory.into()));
            sender.send((failed.is_err(), pool.counts())).unwrap();
        });
        assert_eq!(done.recv_timeout(Duration::from_secs(10)), Ok((true, (0, 0))));
    }

    #[test]
    fn workers_are_reserved_used_again_and_never_more_than_allowed() {
        let pool = Pool::new(4);
        for _ in 0..20 {
            let (one, two) = pool.reserve_pair().unwrap();
            let rest = pool.reserve_pair().unwrap();
            assert!(pool.reserve_pair().is_none());
            drop(rest);
            let (done, both) = channel();
            let other = done.clone();
            one.run(move |permit| {
                drop(permit);
                done.send(()).unwrap();
            })
            .unwrap();
            two.run(move |permit| {
                drop(permit);
                other.send(()).unwrap();
            })
            .unwrap();
            both.recv().unwrap();
            both.recv().unwrap();
            assert_eq!(pool.counts().0, 0);
        }
        assert!(pool.counts().1 <= 4, "{} threads", pool.counts().1);
    }

    #[test]
    fn strangers_leave_a_share_to_programs_and_say_when_they_go() {
        let pool = Pool::new(6);
        let (sender, freed) = channel();
        let sender = Mutex::new(sender);
        pool.when_free(move || sender.lock().send(()).unwrap());
        let mut one = pool.reserve_for_stranger(0, programs(4)).unwrap();
        let two = pool.reserve_for_stranger(0, programs(4)).unwrap();
        assert!(pool.reserve_for_stranger(0, programs(4)).is_none());
        let pairs = [(); 2].map(|()| pool.reserve_pair().unwrap());
        assert!(pool.reserve().is_none());
        assert!(freed.try_recv().is_err());
        drop(pairs);
        assert_eq!(freed.try_iter().count(), 4);
        one.belongs_to_program();
        let _three = pool.reserve_for_stranger(0, programs(4)).unwrap();
        assert!(pool.reserve_for_stranger(0, programs(4)).is_none());
        drop((one, two));
        assert_eq!((pool.counts().0, freed.try_iter().count()), (1, 2));
    }

    #[test]
    fn a_stranger_leaves_workers_to_others_however_few_programs_have() {
        let pool = Pool::new(8);
        let shy = Leaves { programs: 2, strangers: 2 };
        let _own = [(); 4].map(|()| pool.reserve_for_stranger(0, shy).unwrap());
        assert!(pool.reserve_for_stranger(0, shy).is_none());
        let _others = [(); 2].map(|()| pool.reserve_for_stranger(0, programs(2)).unwrap());
        assert!(pool.reserve_for_stranger(0, programs(2)).is_none());
        let pool = Pool::new(8);
        let _programs = [(); 3].map(|()| pool.reserve().unwrap());
        let _one = pool.reserve_for_stranger(0, shy).unwrap();
        assert!(pool.reserve_for_stranger(0, shy).is_none(), "a pair is left besides");
        let _other = pool.reserve_for_stranger(0, programs(2)).unwrap();
    }

    #[test]
    fn several_strangers_leave_a_pair_whatever_programs_have() {
        let pool = Pool::new(6);
        let _programs = [(); 3].map(|()| pool.reserve().unwrap());
        let one = pool.reserve_for_stranger(0, programs(2)).unwrap();
        assert!(pool.reserve_for_stranger(0, programs(2)).is_none());
        drop(pool.reserve_pair().unwrap());
        // Alone it may become a connection.
        let _second = pool.reserve_for_stranger(1, programs(2)).unwrap();
        drop(one);
        assert!(pool.reserve_for_stranger(0, programs(2)).is_none());
    }

    #[test]
    fn a_pool_that_shrinks_lets_its_threads_go() {
        let pool = Pool::new(3);
        let permits: Vec<_> = (0..3).map(|_| pool.reserve().unwrap()).collect();
        let (started, all) = channel();
        let (end, ends) = channel::<()>();
        let ends = Arc::new(Mutex::new(ends));
        for permit in permits {
            let (started, ends) = (started.clone(), ends.clone());
            permit
                .run(move |permit| {
                    started.send(()).unwrap();
                    ends.lock().recv().ok();
                    drop(permit);
                })
                .unwrap();
        }
        (0..3).for_each(|_| all.recv().unwrap());
        assert_eq!(pool.counts(), (3, 3));
        pool.shrink();
        assert!(pool.reserve().is_none());
        drop(end);
        while pool.counts() != (0, 2) {
            std::thread::yield_now();
        }
        let _two = pool.reserve_pair().unwrap();
        assert!(pool.reserve().is_none());
    }
}
