//! One core for everything that is measured.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::Failure;

/// This process and all that it starts stay on one core, as a device has only one. On several, threads that wake each
/// other across cores fall into one of two modes that differ by a factor of two, and a system keeps its own for long.
///
/// # Errors
/// Those of the host.
pub(crate) fn stay_on_one() -> Result<(), Failure> {
    let allowed = sched_getaffinity(None)?;
    // The last one: the first often serves interrupts.
    if let Some(core) = (0..CpuSet::MAX_CPU).rev().find(|core| allowed.is_set(*core)) {
        let mut one = CpuSet::new();
        one.set(core);
        sched_setaffinity(None, &one)?;
    }
    Ok(())
}
