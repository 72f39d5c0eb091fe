//! How much memory the kernel of a system has taken.
//!
//! The published hosted kernel keeps every page that a message has carried: 5,000 echoes of 100 bytes cost it 80 MB, for
//! ever. A system that is left running under load would take all of the host's memory, so it is ended before that.

use std::fs;
use std::time::{Duration, Instant};

/// How often the kernel's size is looked at: at its fastest it takes about 1 GiB in this time.
const INTERVAL: Duration = Duration::from_secs(1);
/// The default limit is this share of the host's memory,
const SHARE: u64 = 2;
/// but no more than this many bytes.
const MAX_DEFAULT: u64 = 8 << 30;
/// What a container may have, by the second and by the first version of control groups.
const CONTAINER: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
/// The default where the host does not tell how much it has.
const FALLBACK: u64 = 2 << 30;

/// The kernel of a system, and what it may take.
pub(crate) struct KernelMemory {
    /// The process that started the kernel and nothing else.
    guardian: u32,
    /// The kernel's process number, once it is found.
    kernel: Option<u32>,
    limit: u64,
    next: Instant,
}

impl KernelMemory {
    pub(crate) fn new(guardian: u32, limit: Option<u64>) -> Self {
        let limit = limit.unwrap_or_else(default_limit);
        Self { guardian, kernel: None, limit, next: Instant::now() + INTERVAL }
    }

    /// When to look next.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// Looks when it is time to; the bytes of the kernel's memory and its limit if it has taken more.
    pub(crate) fn over(&mut self) -> Option<(u64, u64)> {
        if Instant::now() < self.next {
            return None;
        }
        self.next = Instant::now() + INTERVAL;
        self.kernel = self.kernel.or_else(|| child(self.guardian));
        let taken = taken(self.kernel?)?;
        (taken > self.limit).then_some((taken, self.limit))
    }
}

/// Half of the host's memory, or of what a container may have of it; 8 GiB at most.
fn default_limit() -> u64 {
    let host = fs::read_to_string("/proc/meminfo").ok().and_then(|text| kibibytes(&text, "MemTotal:"));
    // Without a limit it says "max".
    let container = |path| fs::read_to_string(path).ok()?.trim().parse().ok();
    let container: Option<u64> = CONTAINER.iter().find_map(container);
    host.into_iter().chain(container).min().map_or(FALLBACK, |bytes| bytes / SHARE).min(MAX_DEFAULT)
}

/// The bytes that a process has taken. What it does not touch again may have been swapped out, and what the kernel keeps
/// for ever is such.
fn taken(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    Some(kibibytes(&status, "VmRSS:")? + kibibytes(&status, "VmSwap:").unwrap_or(0))
}

/// The value of a line such as `VmRSS:     1234 kB`, in bytes.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

/// A process that this one has started.
fn child(parent: u32) -> Option<u32> {
    let parent = format!("PPid:\t{parent}");
    let numbers =
        fs::read_dir("/proc").ok()?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_child = |number: &u32| {
        let status = fs::read_to_string(format!("/proc/{number}/status")).unwrap_or_default();
        status.lines().any(|line| line == parent)
    };
    numbers.into_iter().find(is_child)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_size_and_its_parent_a_child() {
        assert!(taken(std::process::id()).unwrap() > 100_000);
        assert!(child(std::os::unix::process::parent_id()).is_some());
        assert_eq!(taken(u32::MAX), None);
    }

    #[test]
    fn a_line_that_is_none_has_no_value() {
        assert_eq!(kibibytes("A:  1 kB\nVmRSS:\t  12 kB\n", "VmRSS:"), Some(12 * 1024));
        for text in ["", "VmRSS:", "VmRSS: x kB", "VmRSS: 12", "VmRSS: 99999999999999999999 kB"] {
            assert_eq!(kibibytes(text, "VmRSS:"), None, "{text}");
        }
    }

    #[test]
    fn the_default_leaves_the_host_as_much() {
        assert!((1 << 28..=MAX_DEFAULT).contains(&default_limit()), "{}", default_limit());
    }
}
