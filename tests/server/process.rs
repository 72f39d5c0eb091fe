//! Processes of the system that this program is in, as the host sees them.

use std::fs;
use std::path::{Path, PathBuf};

/// What a process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) threads: usize,
    /// Open files, sockets among them. In hosted mode every thread that calls the kernel has one.
    pub(crate) files: usize,
    /// Memory in use, KiB.
    pub(crate) resident: usize,
}

/// One of them.
pub(crate) struct Process(PathBuf);

impl Process {
    /// The service.
    pub(crate) fn service() -> Self {
        let service = fs::canonicalize(env!("CARGO_BIN_EXE_websocket")).unwrap();
        Self::numbered(find(|program| program == service))
    }

    /// The kernel, which is a program here.
    pub(crate) fn kernel() -> Self {
        Self::numbered(kernel())
    }

    fn numbered(id: u32) -> Self {
        Process(PathBuf::from(format!("/proc/{id}")))
    }

    pub(crate) fn figures(&self) -> Figures {
        let count = |directory| fs::read_dir(self.0.join(directory)).unwrap().count();
        let statm = fs::read_to_string(self.0.join("statm")).unwrap();
        let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
        Figures { threads: count("task"), files: count("fd"), resident: pages * 4 }
    }
}

/// The process number, on the host, of the program of that name in the system that this program is in.
pub(crate) fn program_of_system(name: &str) -> u32 {
    find(|program| program.file_name().is_some_and(|file| file == name))
}

/// The process of this system whose program is as wanted.
fn find(wanted: impl Fn(&Path) -> bool) -> u32 {
    let kernel = kernel();
    let found = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        let id = path.file_name()?.to_str()?.parse().ok()?;
        let program = fs::read_link(path.join("exe")).ok()?;
        (wanted(&program) && parent(parent(id)) == kernel).then_some(id)
    });
    found.into_iter().next().expect("it is in this system")
}

/// Kernel, shell, program: so is every process of a system started.
fn kernel() -> u32 {
    parent(std::os::unix::process::parent_id())
}

/// The parent of a process; 0 if it has gone.
fn parent(id: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    line.map_or(0, |id| id.trim().parse().unwrap())
}
