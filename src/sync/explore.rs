//! Which schedules a model is run with: all of them up to so many preemptions.
//!
//! A preemption is a switch away from a thread that could go on. Where a thread waits or yields, every other one is
//! tried. Faults of interleaving are nearly always seen with two preemptions at the most (Musuvathi and Qadeer,
//! "Iterative context bounding", 2007), and the number of schedules grows with their number only, not with the model's
//! length.

use std::cell::Cell;

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use shuttle::{Config, MaxSteps, Runner};

use super::Instant;

/// A model that takes more is too large for a test.
const MAX_SCHEDULES: usize = 2_000_000;
/// Of one run; a model that takes more does not end.
const MAX_STEPS: usize = 20_000;
const STACK: usize = 256 * 1024;

/// Runs a model with every schedule that has at most `preemptions` of them.
///
/// # Panics
/// The model does in one of them, or all of its threads wait for each other; the schedule is printed.
pub(crate) fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = STACK;
    config.max_steps = MaxSteps::FailAfter(MAX_STEPS);
    config.silence_warnings = true;
    let scheduler = Bounded { preemptions, choices: Vec::new(), at: 0, used: 0, schedules: 0 };
    let schedules = Runner::new(scheduler, config).run(move || {
        Instant::reset();
        model();
    });
    println!("{schedules} schedules with up to {preemptions} preemptions");
}

/// Lets others go on, as often as what is looked for is not there.
pub(crate) fn spin() {
    SPINS.set(true);
    shuttle::thread::yield_now();
}

thread_local! {
    /// The thread that yields has nothing to do before others have gone on.
    static SPINS: Cell<bool> = const { Cell::new(false) };
}

/// Goes through the schedules depth first.
struct Bounded {
    /// The most in one schedule.
    preemptions: usize,
    /// The choices of this schedule so far, and those that the next one shares with it.
    choices: Vec<Choice>,
    /// How many of them have been made.
    at: usize,
    /// Preemptions in them.
    used: usize,
    schedules: usize,
}

/// Who may go on at a point of a schedule.
struct Choice {
    threads: Vec<TaskId>,
    chosen: usize,
}

impl Scheduler for Bounded {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.schedules > 0 {
            while self.choices.last().is_some_and(|choice| choice.chosen + 1 == choice.threads.len()) {
                self.choices.pop();
            }
            self.choices.last_mut()?.chosen += 1;
        }
        self.schedules += 1;
        assert!(self.schedules <= MAX_SCHEDULES, "the model has too many schedules");
        (self.at, self.used) = (0, 0);
        Some(Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        let goes_on = current.filter(|current| runnable.iter().any(|task| task.id() == *current));
        let spins = SPINS.take();
        if self.at == self.choices.len() {
            let others = runnable.iter().map(|task| task.id()).filter(|id| Some(*id) != goes_on);
            let threads = match goes_on {
                Some(_) if spins && runnable.len() > 1 => others.collect(),
                Some(current) if is_yielding => others.chain([current]).collect(),
                Some(current) if self.used == self.preemptions => vec![current],
                Some(current) => [current].into_iter().chain(others).collect(),
                None => others.collect(),
            };
            self.choices.push(Choice { threads, chosen: 0 });
        }
        let choice = &self.choices[self.at];
        let next = choice.threads[choice.chosen];
        assert!(runnable.iter().any(|task| task.id() == next), "the model is not deterministic");
        self.used += usize::from(goes_on.is_some_and(|current| current != next) && !is_yielding);
        self.at += 1;
        Some(next)
    }

    fn next_u64(&mut self) -> u64 {
        unreachable!("models draw no random numbers")
    }
}

mod tests {
    use std::collections::BTreeSet;
    use std::sync::{Arc, Mutex as StdMutex};
    use std::time::Duration;

    use shuttle::thread::spawn;

    use super::*;
    use crate::sync::{Condvar, Mutex};

    /// What two threads that read and then write make of a number.
    fn results(preemptions: usize) -> BTreeSet<u32> {
        let seen = Arc::new(StdMutex::new(BTreeSet::new()));
        let all = seen.clone();
        explore(preemptions, move || {
            let number = Arc::new(Mutex::new(0));
            let add = |number: Arc<Mutex<u32>>| {
                spawn(move || {
                    let before = *number.lock();
                    *number.lock() = before + 1;
                })
            };
            let threads = [add(number.clone()), add(number.clone())];
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            all.lock().unwrap().insert(*number.lock());
        });
        Arc::try_unwrap(seen).unwrap().into_inner().unwrap()
    }

    #[test]
    fn a_preemption_shows_what_none_does_not() {
        assert_eq!(results(0), BTreeSet::from([2]));
        assert_eq!(results(1), BTreeSet::from([1, 2]));
    }

    #[test]
    fn a_limit_is_met_and_not_met() {
        let seen = Arc::new(StdMutex::new(BTreeSet::new()));
        let all = seen.clone();
        explore(2, move || {
            let shared = Arc::new((Mutex::new(false), Condvar::new()));
            let other = shared.clone();
            let thread = spawn(move || {
                *other.0.lock() = true;
                other.1.notify_one();
            });
            let mut is_set = shared.0.lock();
            let (start, limit) = (Instant::now(), Duration::from_secs(1));
            while !*is_set && start.elapsed() < limit {
                is_set = shared.1.wait_timeout(is_set, limit);
            }
            all.lock().unwrap().insert((*is_set, start.elapsed() == limit));
            drop(is_set);
            thread.join().unwrap();
        });
        let seen = seen.lock().unwrap().clone();
        assert_eq!(seen, BTreeSet::from([(false, true), (true, false), (true, true)]));
    }

    #[test]
    #[should_panic = "deadlock"]
    fn a_wait_that_nobody_ends_is_found() {
        explore(0, || {
            let (lock, never) = (Mutex::new(()), Condvar::new());
            drop(never.wait(lock.lock()));
        });
    }
}
