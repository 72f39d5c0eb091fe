//! Open keys by process, with the habits of the real server.

use std::collections::HashMap;

use super::Code;
use super::path::Place;

/// An open key.
pub(super) struct Handle {
    pub(super) place: Place,
    pub(super) position: u64,
    /// When it was opened.
    pub(super) length: u64,
    pub(super) deleted: bool,
}

/// All open keys. A descriptor is a process's own.
#[derive(Default)]
pub(super) struct Handles {
    by_process: HashMap<u8, Vec<Option<Handle>>>,
}

impl Handles {
    pub(super) fn open(&mut self, pid: u8, handle: Handle) -> u16 {
        let handles = self.by_process.entry(pid).or_default();
        let free = handles.iter().position(Option::is_none).unwrap_or(handles.len());
        if free == handles.len() {
            handles.push(Some(handle));
        } else {
            handles[free] = Some(handle);
        }
        free as u16
    }

    pub(super) fn find(&mut self, pid: u8, descriptor: usize) -> Result<&mut Handle, Code> {
        let handles = self.by_process.entry(pid).or_default();
        let handle = handles.get_mut(descriptor).and_then(Option::as_mut).ok_or(Code::UnexpectedEof)?;
        if handle.deleted { Err(Code::BasisLost) } else { Ok(handle) }
    }

    pub(super) fn close(&mut self, pid: u8, descriptor: usize) -> Result<(), Code> {
        let handles = self.by_process.entry(pid).or_default();
        handles.get_mut(descriptor).and_then(Option::take).map(drop).ok_or(Code::UnexpectedEof)
    }

    /// Drops all of a process, as a blocking close does.
    pub(super) fn forget(&mut self, pid: u8) {
        self.by_process.remove(&pid);
    }

    /// `arguments`: from where (0 start, 1 here, 2 end), and how far as two 32-bit words.
    pub(super) fn seek(&mut self, pid: u8, descriptor: usize, arguments: [usize; 3]) -> Result<u64, Code> {
        let handle = self.find(pid, descriptor)?;
        let [from, low, high] = arguments;
        let by = (u64::from(high as u32) << 32) | u64::from(low as u32);
        let base = match from {
            0 => 0,
            1 => handle.position,
            2 => handle.length,
            _ => return Err(Code::UnexpectedEof),
        };
        // The real server takes the two's complement off for a distance back, which goes below 0 always.
        let target = if (by as i64) < 0 { base.checked_sub(by) } else { base.checked_add(by) };
        handle.position = target.ok_or(Code::UnexpectedEof)?;
        Ok(handle.position)
    }

    /// A key was deleted by a path that names its basis.
    pub(super) fn mark_deleted(&mut self, place: &Place) {
        for handle in self.by_process.values_mut().flatten().flatten() {
            if handle.place.dict == place.dict && handle.place.key == place.key {
                handle.deleted = true;
            }
        }
    }
}
