//! The model checker's locks, conditions, atomics, threads and clock: every use is a point at which another thread may
//! go on. They work inside of a model only (`explore`).
//!
//! Time is what waits make of it: a wait with a limit may end at any moment, and the clock then shows that its limit is
//! over. So each deadline is met early, late, and not at all.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ops::{Add, Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{PoisonError, TryLockError};
use std::time::Duration;

pub(crate) use shuttle::sync::atomic;

/// What a model waits for that is to find out who is not told: nobody notices there that time is over.
pub(crate) const FOREVER: Duration = Duration::from_secs(1_000_000_000);

/// A lock. Not to be taken twice by one thread.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

/// The lock while it is held.
#[derive(Debug)]
pub(crate) struct MutexGuard<'a, T> {
    /// None only while it waits for a condition.
    held: Option<shuttle::sync::MutexGuard<'a, T>>,
    mutex: &'a Mutex<T>,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Mutex(shuttle::sync::Mutex::new(value))
    }

    /// Waits for the lock.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        MutexGuard { held: Some(held), mutex: self }
    }

    /// The lock if nobody has it.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let held = match self.0.try_lock() {
            Ok(held) => held,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(MutexGuard { held: Some(held), mutex: self })
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.held.as_ref().expect("held")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.held.as_mut().expect("held")
    }
}

/// What threads wait for that hold a [`Mutex`].
#[derive(Debug, Default)]
pub(crate) struct Condvar {
    /// Waits without a limit.
    unlimited: shuttle::sync::Condvar,
    /// Those with one, the oldest first; a wait has ended when this is set. Never held at a point where another thread
    /// may go on.
    limited: std::sync::Mutex<VecDeque<Arc<AtomicBool>>>,
}

impl Condvar {
    pub(crate) const fn new() -> Self {
        Condvar { unlimited: shuttle::sync::Condvar::new(), limited: std::sync::Mutex::new(VecDeque::new()) }
    }

    /// Waits without the lock, and takes it again.
    pub(crate) fn wait<'a, T>(&self, mut guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        let held = guard.held.take().expect("held");
        guard.held = Some(self.unlimited.wait(held).unwrap_or_else(PoisonError::into_inner));
        guard
    }

    /// As [`Condvar::wait`], until the scheduler lets the limit be over; a limit of [`FOREVER`] never is.
    pub(crate) fn wait_timeout<'a, T>(&self, guard: MutexGuard<'a, T>, limit: Duration) -> MutexGuard<'a, T> {
        // What is left of it, if the clock went on.
        if limit >= FOREVER / 2 {
            return self.wait(guard);
        }
        let deadline = Instant::now() + limit;
        let ended = Arc::new(AtomicBool::new(false));
        self.queue().push_back(ended.clone());
        let mutex = guard.mutex;
        drop(guard);
        // It can go on at any moment; if nobody has ended its wait by then, time has.
        shuttle::thread::yield_now();
        if !ended.load(SeqCst) {
            self.queue().retain(|other| !Arc::ptr_eq(other, &ended));
            NOW.set(NOW.get().max(deadline.0));
        }
        mutex.lock()
    }

    /// Ends one wait: of those with a limit the oldest, if there is any.
    pub(crate) fn notify_one(&self) {
        if !self.queue().is_empty() {
            // Another thread may go on, as with all that is done here.
            shuttle::thread::sleep(Duration::ZERO);
            if let Some(ended) = self.queue().pop_front() {
                return ended.store(true, SeqCst);
            }
        }
        self.unlimited.notify_one();
    }

    /// Ends all waits.
    pub(crate) fn notify_all(&self) {
        self.unlimited.notify_all();
        self.queue().drain(..).for_each(|ended| ended.store(true, SeqCst));
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<AtomicBool>>> {
        self.limited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As a server of this process is on the device, where its kernel has one; in a model there is always one.
#[derive(Debug)]
pub(super) struct OwnServer {
    /// Messages that wait.
    queue: Mutex<usize>,
    came: Condvar,
}

impl OwnServer {
    pub(super) fn new() -> Option<Self> {
        Some(OwnServer { queue: Mutex::new(0), came: Condvar::new() })
    }

    pub(super) fn receive(&self) {
        let mut queue = self.queue.lock();
        while *queue == 0 {
            queue = self.came.wait(queue);
        }
        *queue -= 1;
    }

    pub(super) fn send(&self) {
        let mut queue = self.queue.lock();
        assert_eq!(*queue, 0, "a second message");
        *queue += 1;
        drop(queue);
        self.came.notify_one();
    }
}

thread_local! {
    /// The time of the model that this thread runs.
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// A moment of the model's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(Duration);

impl Instant {
    pub(crate) fn now() -> Self {
        Instant(NOW.get())
    }

    /// A model begins.
    pub(super) fn reset() {
        NOW.set(Duration::ZERO);
    }

    pub(crate) fn elapsed(self) -> Duration {
        Self::now().saturating_duration_since(self)
    }

    pub(crate) fn saturating_duration_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    pub(crate) fn checked_add(self, time: Duration) -> Option<Self> {
        self.0.checked_add(time).map(Instant)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Instant(self.0 + time)
    }
}

/// Threads that are not waited for: a model is over when its own threads are.
pub(crate) mod thread {
    /// How a thread is started.
    pub(crate) struct Builder;

    impl Builder {
        pub(crate) fn new() -> Self {
            Builder
        }

        pub(crate) fn name(self, _name: String) -> Self {
            self
        }

        pub(crate) fn stack_size(self, _bytes: usize) -> Self {
            self
        }

        /// Starts it. Never fails.
        pub(crate) fn spawn<T>(self, work: impl FnOnce() -> T + Send + 'static) -> std::io::Result<()> {
            drop(shuttle::future::spawn(async move {
                work();
            }));
            Ok(())
        }
    }
}
