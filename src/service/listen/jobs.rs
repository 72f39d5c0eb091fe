//! What programs ask for that a worker does, as it waits for the database, for other servers, or for arithmetic.
//!
//! Who competes: programs that ask for jobs of one kind. Full: they are refused, each by its own share. A process that has a
//! connection or a job leaves a pair of workers besides: the last connection is for a process that has none.

use std::sync::Arc;

use xous::PID;
use xous_api_websocket::Code;

use crate::service::connection::Table;
use crate::service::limits::{JOBS, JOBS_PER_PROCESS};
use crate::service::message::{Lent, Quota};
use crate::service::thread::{Note, PAIR, Permit, Pool, note};
use crate::sync::Mutex;

/// Jobs of one kind.
pub(crate) struct Jobs {
    pool: Arc<Pool>,
    table: Arc<Table>,
    quota: Arc<Quota>,
    /// The processes whose jobs are underway.
    underway: Arc<Mutex<Vec<PID>>>,
}

/// A place among those whose jobs are done, and the worker. Given back on drop: before the answer, as who has it may ask
/// again at once.
pub(crate) struct Place {
    _permit: Permit,
    _share: Share,
}

struct Share {
    underway: Arc<Mutex<Vec<PID>>>,
    process: PID,
}

impl Jobs {
    pub(crate) fn new(pool: &Arc<Pool>, table: &Arc<Table>, quota: &Arc<Quota>) -> Self {
        let (pool, table, quota) = (pool.clone(), table.clone(), quota.clone());
        Jobs { pool, table, quota, underway: Arc::default() }
    }

    /// Has a worker do what `page` asks for, or refuses it.
    pub(crate) fn run(&self, process: PID, mut page: Lent, job: impl FnOnce(Lent, Place) + Send + 'static) {
        page.answer_on_drop(Code::NoWorker as usize);
        match self.begin(process) {
            Ok((permit, share)) => {
                let job = move |permit| job(page, Place { _permit: permit, _share: share });
                if permit.run(job).is_err() {
                    note(Note::NoThread);
                }
            }
            Err(code) => page.answer(self.quota.refuse(code) as usize, 0),
        }
    }

    /// The last place is for a process that has none.
    fn begin(&self, process: PID) -> Result<(Permit, Share), Code> {
        let mut underway = self.underway.lock();
        let own = underway.iter().filter(|&&other| other == process).count();
        if own >= JOBS_PER_PROCESS {
            return Err(Code::BusyMessages);
        }
        if underway.len() + usize::from(own > 0) >= JOBS {
            return Err(Code::BusyService);
        }
        let left = if own > 0 || self.table.has_any(process) { PAIR } else { 0 };
        let permit = self.pool.reserve_beside(left).ok_or(Code::NoWorker)?;
        underway.push(process);
        Ok((permit, Share { underway: self.underway.clone(), process }))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut underway = self.underway.lock();
        if let Some(at) = underway.iter().position(|&process| process == self.process) {
            underway.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(workers: usize) -> Jobs {
        Jobs::new(&Pool::new(workers), &Table::new(), &Quota::new())
    }

    fn process(number: u8) -> PID {
        PID::new(number).unwrap()
    }

    #[test]
    fn the_last_place_is_for_a_process_that_has_none() {
        let jobs = jobs(24);
        let held: Vec<_> = (1..=JOBS as u8)
            .flat_map(|number| [process(number), process(number)])
            .filter_map(|process| jobs.begin(process).ok())
            .collect();
        assert_eq!(held.len(), JOBS);
        assert_eq!(jobs.begin(process(99)).err(), Some(Code::BusyService));
        drop(held);
        let held: Vec<_> = std::iter::from_fn(|| jobs.begin(process(1)).ok()).collect();
        assert_eq!(held.len(), JOBS_PER_PROCESS);
        assert_eq!(jobs.begin(process(1)).err(), Some(Code::BusyMessages));
        assert!(jobs.begin(process(2)).is_ok());
        drop(held);
        assert_eq!(jobs.pool.counts().0, 0);
    }

    #[test]
    fn the_last_pair_of_workers_is_for_a_process_that_has_nothing() {
        let jobs = jobs(3);
        let one = jobs.begin(process(1)).ok();
        assert!(one.is_some());
        assert_eq!(jobs.begin(process(1)).err(), Some(Code::NoWorker));
        assert!(jobs.begin(process(2)).is_ok());
        drop(one);
        let _pair = jobs.pool.reserve_pair().unwrap();
        assert!(jobs.begin(process(1)).is_ok());
    }
}
