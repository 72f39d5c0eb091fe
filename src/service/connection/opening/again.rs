//! Opens a connection again that has ended, on the worker that was its reader: again and again, as its policy says.
//!
//! While it waits it keeps this one worker; the one for the writer is taken anew for each attempt. Each attempt is a
//! connection of its own in the place of the one before it, so that nothing of that one is left but what the owner has
//! lent and queued.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use xous_api_websocket::Code;
use xous_api_websocket::wire::{ReceiveWord, Reconnecting, Reply, Status};

use super::super::connection::Connection;
use super::super::end_guard::EndGuard;
use super::super::failure::Failure;
use super::super::lasting::{Lasting, RequestBytes};
use super::super::outcome::{ABNORMAL, Outcome};
use super::super::recorder;
use super::super::sink::{Delivery, Sink};
use super::connect::{self, Draw, Opened};
use crate::http::retry_after;
use crate::pddb::Pddb;
use crate::service::limits::HEAD_KEPT;
use crate::service::thread::{Permit, Pool};

/// What each attempt needs.
pub(super) struct Again {
    pub(super) lasting: Arc<Lasting>,
    pub(super) request: RequestBytes,
    pub(super) pddb: Pddb,
    pub(super) seed: Draw,
    pub(super) pool: Arc<Pool>,
}

/// Why there is to be another attempt.
pub(super) struct Why {
    code: Code,
    pub(super) outcome: Outcome,
    /// For how long the server wants to be left alone.
    asked: Option<Duration>,
}

impl Again {
    /// The connection of `guard` has ended, and there is to be another one if there is a reason. Returns when there is none
    /// any more.
    pub(super) fn run(mut self, mut guard: Arc<EndGuard>, mut next: Option<Why>) {
        let mut backoff = self.lasting.backoff();
        while let Some(why) = next {
            if backoff.is_spent() || self.lasting.is_stopped() {
                return guard.conn.is_the_last(why.outcome);
            }
            // At once, so that what is sent meanwhile meets an end as seldom as can be.
            let Some(following) = guard.pass_on(why.outcome.clone()) else { return };
            guard = following;
            let Some(wait) = backoff.next(self.chance(), why.asked) else { return };
            log::info!("opened again in {wait:?}: {}", why.outcome.reason);
            self.lasting.begin(why.asked.unwrap_or_default());
            self.tell(&guard, &why, wait, backoff.failures());
            if !self.lasting.wait(wait, || guard.conn.is_wanted()) {
                return;
            }
            if let Some(request) = self.lasting.take_request() {
                self.request = request;
            }
            next = match self.attempt(&guard) {
                Ok((outcome, lasted)) => {
                    recorder::ended(guard.conn.recorder.get(), &outcome, &self.pddb);
                    backoff.ended(lasted);
                    self.ended(outcome)
                }
                Err(failure) => {
                    log::info!("{}", failure.for_others());
                    let outcome = Outcome::new(ABNORMAL, failure.for_others());
                    recorder::ended(guard.conn.recorder.get(), &outcome, &self.pddb);
                    failed(&guard.conn, &failure)
                }
            };
        }
    }

    /// One session: how it ended, and how long it lasted.
    fn attempt(&self, guard: &Arc<EndGuard>) -> Result<(Outcome, Duration), Failure> {
        let conn = &guard.conn;
        let opened = self.open(conn);
        self.lasting.attempted();
        let (Opened { established, sub_protocol, head }, writer) = opened?;
        let mut sink = Sink::new(conn.clone(), Delivery::Pull);
        let start = Instant::now();
        let outcome = established.run(guard, &mut sink, writer, |_| {
            let mut reply = Reply::new(conn.handle, 101);
            (reply.sub_protocol, reply.head) = (sub_protocol.as_deref(), &head);
            let mut page = vec![0; HEAD_KEPT];
            let len = reply.write(&mut page).unwrap_or_default();
            page.truncate(len);
            conn.tell(ReceiveWord::new(Status::Reopened).to_word(), page);
        });
        Ok((outcome, start.elapsed()))
    }

    /// An opening handshake, and a worker for the writer.
    fn open(&self, conn: &Arc<Connection>) -> Result<(Opened, Permit), Failure> {
        let no_worker = || Failure::new(Code::NoWorker, format_args!("all workers are in use"));
        let writer = self.pool.reserve().ok_or_else(no_worker)?;
        conn.opening();
        Ok((connect::open(conn, &self.request, &self.pddb, &self.seed)?, writer))
    }

    /// A connection has ended that was open.
    pub(super) fn ended(&self, outcome: Outcome) -> Option<Why> {
        let code = outcome.why.unwrap_or(Code::Closed);
        self.lasting.continues(&outcome).then_some(Why { code, outcome, asked: None })
    }

    fn tell(&self, guard: &EndGuard, why: &Why, wait: Duration, attempt: u32) {
        let mut told = Reconnecting::new(why.code, why.outcome.code, &why.outcome.reason);
        (told.wait, told.attempt, told.asks) = (wait, attempt, self.lasting.asks().is_some());
        guard.conn.tell(ReceiveWord::new(Status::Reconnecting).to_word(), told.to_bytes());
    }

    /// A number of the system's generator; the middle if that does not answer.
    fn chance(&self) -> u32 {
        (self.seed)().map_or(u32::MAX / 2, |seed| ChaCha8Rng::from_seed(seed.masks).next_u32())
    }
}

/// An attempt has failed: whether there is to be another one.
pub(super) fn failed(conn: &Connection, failure: &Failure) -> Option<Why> {
    let transient = match failure.status {
        0 => failure.code.is_transient(),
        status => matches!(status, 408 | 429 | 502..=504),
    };
    let code = failure.code;
    let outcome = Outcome { why: Some(code), ..Outcome::new(ABNORMAL, &failure.text) };
    if transient {
        return Some(Why { code, outcome, asked: retry_after(&failure.head) });
    }
    conn.is_the_last(outcome);
    None
}
