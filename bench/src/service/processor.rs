//! Processor time of all processes that this one has started, directly or not. On one core it is what limits
//! throughput, and unlike time by the clock it does not depend on what else the machine does.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// What all of them have used so far. Those that have ended do not count.
pub(crate) fn spent() -> Duration {
    let own = std::process::id();
    let parents: HashMap<u32, u32> = processes().filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let is_ours = |mut pid: u32| {
        // No deeper than that, should numbers be used again meanwhile.
        (0..16).any(|_| {
            pid = parents.get(&pid).copied().unwrap_or(0);
            pid == own
        })
    };
    parents.keys().filter(|pid| is_ours(**pid)).map(|pid| used(*pid)).sum()
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// `/proc/PID/stat` is the number, the name in parentheses, the state, and the parent's number.
fn parent(pid: u32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// The first word of a thread's `schedstat` is its time on a processor in nanoseconds.
fn used(pid: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let times = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    });
    times.map(Duration::from_nanos).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn time_of_a_child_is_counted() {
        let before = spent();
        let mut child = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let start = std::time::Instant::now();
        while spent() < before + Duration::from_millis(5) && start.elapsed() < Duration::from_secs(60) {}
        let after = spent();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(after >= before + Duration::from_millis(5));
    }
}
