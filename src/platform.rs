//! Where the device and hosted mode differ, both sides beside each other. Nothing else in this crate asks which it is.
//!
//! What differs only in how a call ends (a read that a shutdown cuts short is an error on the device and the end of
//! the stream on a PC) is handled alike on both, where it is met.

/// Lets the heap of this process grow to `bytes`; returns the limit that holds now.
///
/// The kernel allows 512 KiB unless it is asked for more (`AdjustProcessLimit`, xous-core `kernel/src/services.rs`);
/// an allocation beyond it ends the process. Nothing is allocated by this.
///
/// # Errors
/// The kernel has no such limit.
#[cfg(target_os = "xous")]
pub(crate) fn allow_heap(bytes: usize) -> Result<usize, xous::Error> {
    let adjust = |current| {
        let maximum = xous::Limits::HeapMaximum as usize;
        match xous::rsyscall(xous::SysCall::AdjustProcessLimit(maximum, current, bytes))? {
            xous::Result::Scalar2(_, limit) => Ok(limit),
            _ => Err(xous::Error::InternalError),
        }
    };
    // The kernel changes nothing unless it is told the limit that holds, and tells that limit.
    match adjust(0)? {
        limit if limit >= bytes => Ok(limit),
        limit => adjust(limit),
    }
}

/// The heap of a process on a PC has no limit.
#[cfg(not(target_os = "xous"))]
pub(crate) fn allow_heap(_bytes: usize) -> Result<usize, xous::Error> {
    Ok(usize::MAX)
}
