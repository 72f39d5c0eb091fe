//! The service's process as the host sees it.

use std::fs;
use std::path::PathBuf;

/// What a process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) threads: usize,
    /// Open files, sockets among them. In hosted mode every thread that calls the kernel has one.
    pub(crate) files: usize,
    /// Memory in use, KiB.
    pub(crate) resident: usize,
}

/// The service in the system that this program is in.
pub(crate) struct Service(PathBuf);

impl Service {
    pub(crate) fn find() -> Self {
        // Kernel, shell, program: so is every process of a system started.
        let kernel = parent(std::os::unix::process::parent_id());
        let service = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let path = entry.unwrap().path();
            let id = path.file_name()?.to_str()?.parse().ok()?;
            let program = fs::read_link(path.join("exe")).ok()?;
            (program == fs::canonicalize(env!("CARGO_BIN_EXE_websocket")).unwrap()
                && parent(parent(id)) == kernel)
                .then_some(path)
        });
        Service(service.into_iter().next().expect("the service is in this system"))
    }

    pub(crate) fn figures(&self) -> Figures {
        let count = |directory| fs::read_dir(self.0.join(directory)).unwrap().count();
        let statm = fs::read_to_string(self.0.join("statm")).unwrap();
        let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
        Figures { threads: count("task"), files: count("fd"), resident: pages * 4 }
    }
}

/// The parent of a process; 0 if it has gone.
fn parent(id: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    line.map_or(0, |id| id.trim().parse().unwrap())
}
