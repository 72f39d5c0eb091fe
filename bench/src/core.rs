//! One core for everything that is measured.

use std::sync::OnceLock;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::Failure;

/// The cores that there are beside the one, if a process is kept on one.
static OTHERS: OnceLock<CpuSet> = OnceLock::new();

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
        let mut others = allowed;
        others.unset(core);
        OTHERS.set(others).ok();
    }
    Ok(())
}

/// Has this thread leave the one core, if there are others, for what is no part of the device.
///
/// # Errors
/// Those of the host.
pub(crate) fn leave() -> Result<(), Failure> {
    match OTHERS.get() {
        Some(others) if others.count() > 0 => Ok(sched_setaffinity(None, others)?),
        _ => Ok(()),
    }
}
