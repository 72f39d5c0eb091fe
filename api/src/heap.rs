//! How much heap a program may use, and room in it for what is sized by others.

use std::collections::TryReserveError;

/// Lets the heap of this process grow to `bytes`, unless it may already. This allocates nothing.
///
/// The kernel allows 512 KiB unless it is asked for more (xous-core, `kernel/src/services.rs` and `syscall.rs`). An
/// allocation beyond the limit fails, and most of Rust's collections then end the process. One call is enough, as the
/// limit never shrinks. On a PC a process has no such limit, and this does nothing.
///
/// # Errors
/// The kernel refuses, or allows less.
#[cfg(target_os = "xous")]
pub fn allow_heap(bytes: usize) -> Result<(), xous::Error> {
    // The kernel sets the limit if it is told the one that holds, and tells in any case which one holds now.
    let adjust = |current| {
        let maximum = xous::Limits::HeapMaximum as usize;
        match xous::rsyscall(xous::SysCall::AdjustProcessLimit(maximum, current, bytes))? {
            xous::Result::Scalar2(_, limit) => Ok(limit),
            _ => Err(xous::Error::InternalError),
        }
    };
    let current = adjust(0)?;
    if current >= bytes || adjust(current)? >= bytes { Ok(()) } else { Err(xous::Error::OutOfMemory) }
}

/// Does nothing: the heap of a process on a PC has no limit.
///
/// # Errors
/// None.
#[cfg(not(target_os = "xous"))]
pub fn allow_heap(_bytes: usize) -> Result<(), xous::Error> {
    Ok(())
}

/// Makes room for `more` behind what is there, twice as much as that if it can be had. What a peer or a stranger's file
/// needs may be more than the heap has, which is no reason to end the program.
///
/// # Errors
/// There is no room. Nothing has changed.
pub(crate) fn reserve<T>(list: &mut Vec<T>, more: usize) -> Result<(), TryReserveError> {
    list.try_reserve(more).or_else(|_| list.try_reserve_exact(more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_an_error_and_changes_nothing() {
        let mut list = vec![7];
        for most in [usize::MAX, isize::MAX as usize, isize::MAX as usize / 2] {
            assert!(reserve(&mut list, most).is_err());
        }
        reserve(&mut list, 1000).unwrap();
        assert!(list == [7] && list.capacity() > 1000);
    }
}
