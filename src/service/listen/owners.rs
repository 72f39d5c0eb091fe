//! Processes that have ended. Xous does not tell of that, so they are looked for when somebody is refused for want of what
//! they may hold: a connection, a port, a route, a message.
//!
//! A process with a page here gets it back with `Again`, and lends it anew if it is there; the kernel may say at once that
//! it is not. One without is given the time of its lease. Any message of a process shows that it is there. Nothing is
//! done, and nothing is waited for, while nobody is refused.

use std::sync::{Arc, Weak};
use std::time::Duration;

use xous::PID;

use super::listeners::{Listener, Listeners};
use super::shared::Shared;
use crate::proto::CloseCode;
use crate::service::connection::{Connection, Watch};
use crate::service::limits::SIGN_OF_LIFE;
use crate::service::message::{Asked, Quota};
use crate::service::thread::{Note, Timer, Wake, note};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Set in the kind of a deadline behind the process number: it is that of a lease.
const LEASE: usize = 1 << 8;
/// The same: all others are to be asked. By the timer, which holds no lock of those who are refused.
const LOOK: usize = 1 << 9;

/// Looks for processes that have ended.
pub(crate) struct Owners {
    shared: Arc<Shared>,
    listeners: Listeners,
    quota: Arc<Quota>,
    /// The timer is about to ask.
    looks: AtomicBool,
    /// Those that are asked or whose lease runs.
    under_way: Mutex<Vec<(PID, Stage)>>,
}

/// How far the look for a process is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It has a page back, and two seconds to show that it is there.
    Asked,
    /// It had no page, and has the time of its lease.
    Lease,
}

/// What a process has here.
struct Holdings {
    connections: Vec<Arc<Connection>>,
    listeners: Vec<Arc<Listener>>,
    /// Where it waits for all connections together.
    watch: Option<Arc<Watch>>,
}

impl Owners {
    pub(crate) fn new(shared: Arc<Shared>, listeners: Listeners, quota: Arc<Quota>) -> Arc<Self> {
        Arc::new(Owners {
            shared,
            listeners,
            quota,
            looks: AtomicBool::new(false),
            under_way: Mutex::default(),
        })
    }

    /// Somebody was refused: has all other processes that hold something show that they are there. `besides` is the one
    /// that asked for it.
    pub(crate) fn look(self: &Arc<Self>, besides: Option<PID>) {
        if !self.looks.swap(true, Relaxed) {
            self.arm(besides.map_or(0, |pid| usize::from(pid.get())) | LOOK, Duration::ZERO);
        }
    }

    fn look_now(self: &Arc<Self>, besides: Option<PID>) {
        self.looks.store(false, Relaxed);
        let mut owners: Vec<PID> = self.shared.table.owners();
        owners.extend(self.listeners.owners());
        owners.sort_unstable();
        owners.dedup();
        self.end_leases(|owner| !owners.contains(&owner));
        for owner in owners.into_iter().filter(|&owner| Some(owner) != besides) {
            self.ask(owner);
        }
    }

    fn ask(self: &Arc<Self>, owner: PID) {
        let holdings = self.holdings(owner);
        match self.stage(owner) {
            Some(Stage::Asked) => return,
            // It has had a page here since, or still has none.
            Some(Stage::Lease) if holdings.waits() => self.end_leases(|other| other == owner),
            Some(Stage::Lease) => return,
            None => (),
        }
        self.quota.forget(owner);
        match (holdings.ask(), holdings.lease()) {
            (Asked::Gone, _) => self.take_all(&holdings),
            (Asked::Waiting, _) => self.wait_for(owner, Stage::Asked, SIGN_OF_LIFE),
            (Asked::Nothing, Some(lease)) => self.wait_for(owner, Stage::Lease, lease),
            (Asked::Nothing, None) => (),
        }
    }

    fn stage(&self, owner: PID) -> Option<Stage> {
        self.under_way.lock().iter().find(|(other, _)| *other == owner).map(|(_, stage)| *stage)
    }

    fn wait_for(self: &Arc<Self>, owner: PID, stage: Stage, wait: Duration) {
        self.under_way.lock().push((owner, stage));
        let lease = if stage == Stage::Lease { LEASE } else { 0 };
        self.arm(usize::from(owner.get()) | lease, wait);
    }

    /// Forgets the leases of those processes.
    fn end_leases(self: &Arc<Self>, whose: impl Fn(PID) -> bool) {
        let ends = |under_way: &(PID, Stage)| under_way.1 == Stage::Lease && whose(under_way.0);
        let ended: Vec<_> = self.under_way.lock().extract_if(.., |under_way| ends(under_way)).collect();
        let whom: Weak<dyn Wake> = self.weak();
        for (owner, _) in ended {
            self.shared.timer.disarm(&whom, Some(usize::from(owner.get()) | LEASE));
        }
    }

    fn arm(self: &Arc<Self>, kind: usize, wait: Duration) {
        self.shared.timer.arm(self.weak(), kind, wait);
    }

    fn weak(self: &Arc<Self>) -> Weak<dyn Wake> {
        let weak: Weak<Self> = Arc::downgrade(self);
        weak
    }

    fn done(&self, owner: PID) {
        self.under_way.lock().retain(|(other, _)| *other != owner);
    }

    fn holdings(&self, owner: PID) -> Holdings {
        Holdings {
            connections: self.shared.table.of(owner),
            listeners: self.listeners.of(owner),
            watch: self.shared.watches.find(owner),
        }
    }

    fn take_all(&self, holdings: &Holdings) {
        note(Note::OwnerGone);
        for listener in &holdings.listeners {
            self.listeners.unlisten(listener);
        }
        for connection in &holdings.connections {
            connection.give_up(CloseCode::GOING_AWAY, "its program is gone");
        }
    }
}

impl Wake for Owners {
    fn wake(self: Arc<Self>, kind: usize, _timer: &Timer) {
        let owner = u8::try_from(kind & 0xff).ok().and_then(PID::new);
        if kind & LOOK != 0 {
            return self.look_now(owner);
        }
        let Some(owner) = owner else { return };
        self.done(owner);
        if self.quota.was_heard(owner) {
            return;
        }
        let mut holdings = self.holdings(owner);
        if kind & LEASE != 0 {
            if holdings.waits() {
                return;
            }
            holdings.connections.retain(|connection| connection.lease().silence.is_some());
            holdings.listeners.retain(|listener| listener.lease.silence.is_some());
        }
        self.take_all(&holdings);
    }
}

impl Holdings {
    /// Gives one page back that its lender lends anew if it is there.
    fn ask(&self) -> Asked {
        let listeners = self.listeners.iter().filter(|listener| listener.lease.answers);
        let connections = self.connections.iter().filter(|connection| connection.lease().answers);
        let answers = self.connections.iter().any(|connection| connection.lease().answers);
        let watch = self.watch.iter().filter(|_| answers);
        listeners
            .map(|listener| listener.ask())
            .chain(watch.map(|watch| watch.ask()))
            .chain(connections.map(|connection| connection.inbox.ask()))
            .find(|asked| *asked != Asked::Nothing)
            .unwrap_or(Asked::Nothing)
    }

    /// It waits for something, so that somebody is there or was when he began to.
    fn waits(&self) -> bool {
        self.listeners.iter().any(|listener| listener.waits())
            || self.connections.iter().any(|connection| connection.inbox.waits())
            || self.watch.as_ref().is_some_and(|watch| watch.waits())
    }

    /// The longest silence that it has agreed to.
    fn lease(&self) -> Option<Duration> {
        let listeners = self.listeners.iter().filter_map(|listener| listener.lease.silence);
        listeners.chain(self.connections.iter().filter_map(|connection| connection.lease().silence)).max()
    }
}
