//! A connection in the client role, on the worker that opens it and becomes its reader.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::super::end_guard::EndGuard;
use super::super::opener::OpeningResult;
use super::super::outcome::{ABNORMAL, Outcome};
use super::super::recorder;
use super::super::sink::{Delivery, Sink};
use super::super::suspends;
use super::again::{Again, failed};
use super::connect::{Draw, Opened, open};
use crate::pddb::Pddb;
use crate::service::thread::{Permit, Pool};

/// What a worker needs in order to open a connection.
pub(crate) struct Opening {
    /// The request as it came. It was checked.
    pub(crate) request: Box<[u8]>,
    /// Where chunks go.
    pub(crate) delivery: Delivery,
    /// Where roots and keys may be.
    pub(crate) pddb: Pddb,
    pub(crate) seed: Draw,
    /// Where the workers are of a connection that is opened again.
    pub(crate) pool: Arc<Pool>,
}

/// Opens the connection of `guard`, then reads it until its end. `writer` is the worker for its writer.
pub(crate) fn run(guard: Arc<EndGuard>, opening: Opening, writer: Permit) {
    let conn = &guard.conn.clone();
    let Opening { request, delivery, pddb, seed, pool } = opening;
    let request = Zeroizing::new(request);
    let mut sink = Sink::new(conn.clone(), delivery);
    let database = pddb.clone();
    let keep = |outcome: &Outcome| recorder::ended(conn.recorder.get(), outcome, &database);
    let opened = open(conn, &request, &pddb, &seed);
    // Kept if it is needed again, and else wiped, as it may have a private key.
    let again = conn.lasting().cloned().map(|lasting| Again { lasting, request, pddb, seed, pool });
    let (outcome, next) = match opened {
        // Moved, so that the head is not kept while the connection lasts.
        Ok(Opened { established, sub_protocol, head }) => {
            let outcome = established.run(&guard, &mut sink, writer, move |opener| {
                let result = OpeningResult::Open { sub_protocol, head };
                match opener {
                    Some(page) => result.tell(conn.handle, page),
                    None => conn.tell_opening(result),
                }
            });
            keep(&outcome);
            let lasts = again.as_ref().filter(|_| conn.was_open() || conn.is_one_of_several());
            let next = lasts.and_then(|again| again.ended(outcome.clone()));
            (outcome, next)
        }
        Err(failure) => {
            log::info!("{}", failure.for_others());
            // It is taken anew for the next attempt.
            drop(writer);
            let tries = again.as_ref().filter(|again| again.lasting.before_open());
            let next = tries.and_then(|_| failed(conn, &failure));
            let outcome = Outcome::new(ABNORMAL, &failure.text);
            keep(&Outcome::new(ABNORMAL, failure.for_others()));
            match &next {
                // Which has to know of suspends from now on.
                Some(why) if conn.lasts_before_open(&why.outcome) => suspends::subscribe(),
                _ => conn.fail_opening(failure),
            }
            (outcome, next)
        }
    };
    if let (Some(again), Some(_)) = (again, &next) {
        return again.run(guard, next);
    }
    // The end does not depend on whether somebody takes this last message.
    drop(guard);
    sink.tell(&outcome);
}
