//! Whose a connection is.

use std::sync::Arc;

use xous::PID;
use xous_api_websocket::Lease;

use super::super::deadline::Deadline;
use super::super::recorder::Recorder;
use super::super::told::Told;
use super::Connection;
use crate::service::connection::opener::Opener;
use crate::sync::atomic::Ordering::Relaxed;

impl Connection {
    /// It is this process's.
    pub(crate) fn belongs_to(&self, owner: PID) {
        self.failures.belong_to(owner);
    }

    /// Makes `heir` the owner. Nothing that the former one has begun, lent or failed at is the heir's: its pages go back,
    /// and a message that it has sent in parts ends. But for what it has `left`: that comes first. Nor is anything of the heir's
    /// in a recording that the former one has asked for.
    pub(crate) fn hand_over(self: &Arc<Self>, heir: PID, left: Vec<Told>) {
        if let Some(next) = self.next() {
            return next.hand_over(heir, left);
        }
        self.outbox.hand_over();
        self.belongs_to(heir);
        self.untouched.store(true, Relaxed);
        self.answers.store(false, Relaxed);
        self.answer_opener(Opener::cancel);
        self.inbox.hand_over(left);
        self.recorder.get().inspect(|recorder| recorder.hand_over());
        self.disarm(Some(Deadline::TakeUp));
        self.arm(Deadline::TakeUp, self.deadlines.stall);
        // Another one may have taken its place meanwhile, which forgets its deadlines.
        if let Some(next) = self.next() {
            next.arm(Deadline::TakeUp, self.deadlines.stall);
        }
    }

    /// Records it for the first owner.
    pub(crate) fn record(&self, recorder: Recorder) {
        let recorder = self.recorder.get_or_init(|| recorder);
        // Behind that, as a hand-over looks for it behind the change of the owner.
        if self.is_granted() {
            recorder.hand_over();
        }
    }

    /// It was handed over, or one before it.
    pub(crate) fn is_granted(&self) -> bool {
        self.inbox.owner() > 0
    }

    /// What becomes of it when its owner has ended.
    pub(crate) fn lease(&self) -> Lease {
        let lease = Lease::new().answers(self.answers.load(Relaxed));
        self.silence.map_or(lease, |silence| lease.silence(silence))
    }

    /// The owner has asked for something.
    pub(crate) fn touch(self: &Arc<Self>) {
        if self.untouched.load(Relaxed) && self.untouched.swap(false, Relaxed) {
            self.disarm(Some(Deadline::TakeUp));
        }
    }
}
