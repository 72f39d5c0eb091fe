//! The timer's thread, those who arm and disarm it, and a watch between the timer and one who waits.

use std::sync::{Arc, Weak};
use std::time::Duration;

use shuttle::thread::spawn;

use super::super::timer::{Timer, Wake, Watch};
use crate::sync::explore::explore;
use crate::sync::{Condvar, Instant, Mutex};

/// The limit of a watched wait.
const LIMIT: Duration = Duration::from_secs(10);

/// Notes which deadlines were over, and when.
#[derive(Default)]
struct Bell {
    rung: Mutex<Vec<(usize, Instant)>>,
    more: Condvar,
}

impl Bell {
    fn wait(&self, rings: usize) -> Vec<(usize, Instant)> {
        let mut rung = self.rung.lock();
        while rung.len() < rings {
            rung = self.more.wait(rung);
        }
        rung.clone()
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>, kind: usize, _timer: &Timer) {
        self.rung.lock().push((kind, Instant::now()));
        self.more.notify_all();
    }
}

#[test]
fn every_deadline_is_met_and_none_before_its_time() {
    explore(2, || {
        let timer = Timer::start().unwrap();
        let bell = Arc::new(Bell::default());
        let start = Instant::now();
        let arm = |kind: usize| {
            let whom: Arc<dyn Wake> = bell.clone();
            timer.arm(Arc::downgrade(&whom), kind, Duration::from_secs(kind as u64));
        };
        arm(30);
        let other = {
            let (timer, bell) = (timer.clone(), bell.clone());
            spawn(move || {
                let whom: Arc<dyn Wake> = bell;
                timer.arm(Arc::downgrade(&whom), 10, Duration::from_secs(10));
            })
        };
        arm(20);
        other.join().unwrap();
        let rung = bell.wait(3);
        for (kind, at) in &rung {
            assert!(at.saturating_duration_since(start) >= Duration::from_secs(*kind as u64), "{rung:?}");
        }
        let mut kinds: Vec<_> = rung.iter().map(|(kind, _)| *kind).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, [10, 20, 30]);
        assert_eq!(timer.len(), 0);
    });
}

#[test]
fn what_is_disarmed_and_what_is_gone_holds_up_nobody() {
    explore(2, || {
        let timer = Timer::start().unwrap();
        let (bell, gone) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
        let weak = |bell: &Arc<Bell>| -> Weak<dyn Wake> {
            let weak: Weak<Bell> = Arc::downgrade(bell);
            weak
        };
        timer.arm(weak(&bell), 5, Duration::from_secs(5));
        timer.arm(weak(&gone), 6, Duration::from_secs(6));
        timer.arm(weak(&bell), 7, Duration::from_secs(7));
        let other = spawn(move || drop(gone));
        timer.disarm(&weak(&bell), Some(5));
        other.join().unwrap();
        let rung: Vec<_> = bell.wait(1).into_iter().map(|(kind, _)| kind).collect();
        // The one that is disarmed may have been over before.
        let rung = if rung == [5] { bell.wait(2).into_iter().map(|(kind, _)| kind).collect() } else { rung };
        assert!(rung == [7] || rung == [5, 7], "{rung:?}");
        assert_eq!(timer.len(), 0);
    });
}

/// As a connection has it.
#[derive(Default)]
struct Watched {
    watch: Watch,
    timer: Mutex<Option<Arc<Timer>>>,
    state: Mutex<State>,
    over: Condvar,
}

#[derive(Default)]
struct State {
    /// When the wait that is on began.
    began: Option<Instant>,
    over: bool,
}

impl Watched {
    fn arm(self: &Arc<Self>) {
        let whom: Arc<dyn Wake> = self.clone();
        let timer = self.timer.lock().clone().unwrap();
        timer.arm(Arc::downgrade(&whom), 0, LIMIT);
    }

    fn begin(self: &Arc<Self>) {
        self.state.lock().began = Some(Instant::now());
        self.watch.begin(|| self.arm());
    }

    fn end(&self) {
        self.watch.end();
        self.state.lock().began = None;
    }
}

impl Wake for Watched {
    fn wake(self: Arc<Self>, _kind: usize, _timer: &Timer) {
        let before = self.state.lock().began;
        if self.watch.is_over(|| self.arm()) {
            let mut state = self.state.lock();
            // If the wait was on all the time that the timer looked.
            if let (Some(began), true) = (state.began, state.began == before) {
                assert!(began.elapsed() >= LIMIT, "over too early: after {:?}", began.elapsed());
            }
            state.over = true;
            self.over.notify_all();
        }
    }
}

#[test]
fn a_wait_that_lasts_is_noticed_after_one_to_two_periods() {
    explore(3, || {
        let timer = Timer::start().unwrap();
        let watched = Arc::new(Watched::default());
        *watched.timer.lock() = Some(timer.clone());
        for _ in 0..2 {
            watched.begin();
            watched.end();
        }
        let began = Instant::now();
        watched.begin();
        let mut state = watched.state.lock();
        while !state.over {
            state = watched.over.wait(state);
        }
        assert!(began.elapsed() <= 2 * LIMIT, "noticed only after {:?}", began.elapsed());
        assert_eq!(timer.len(), 0, "nobody looks any more");
    });
}

#[test]
fn waits_that_come_and_go_are_looked_at_once_per_period() {
    explore(3, || {
        let timer = Timer::start().unwrap();
        let watched = Arc::new(Watched::default());
        *watched.timer.lock() = Some(timer.clone());
        for _ in 0..3 {
            watched.begin();
            assert!(timer.len() <= 1, "armed once");
            watched.end();
        }
    });
}
