//! What each process has used, as a table.

use std::fmt::Write;

use ::device::{Outcome, Process, call_name};

/// System calls of a process that are named, the most frequent first.
const NAMED_CALLS: usize = 3;

/// The table, one row per process.
pub(super) fn table(outcome: &Outcome) -> String {
    let mut text = format!(
        "\n{} instructions, {:.3} s of machine time\n{:>3} {:16} {:>12} {:>12} {:>8} {:>6} {:>6} {:>7}  {}\n",
        outcome.instructions,
        outcome.machine_time().as_secs_f64(),
        "",
        "process",
        "user",
        "kernel",
        "calls",
        "KiB",
        "heap",
        "stacks",
        "most of the calls"
    );
    for process in &outcome.processes {
        // Writing to a string does not fail.
        writeln!(text, "{}", row(process)).ok();
    }
    text
}

fn row(process: &Process) -> String {
    let calls: u64 = process.system_calls.iter().map(|(_, count)| count).sum();
    let mut most = process.system_calls.clone();
    most.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let most = most.iter().take(NAMED_CALLS).map(|(number, count)| format!("{} {count}", call_name(*number)));
    let memory = process.memory.as_ref();
    let heap = memory.map_or("-".into(), |memory| (memory.heap * 4).to_string());
    let stacks = memory.map_or("-".into(), |memory| {
        (memory.stacks.iter().map(|stack| stack.pages).sum::<u32>() * 4).to_string()
    });
    format!(
        "{:3} {:16} {:12} {:12} {calls:8} {:6} {heap:>6} {stacks:>7}  {}",
        process.pid,
        process.name,
        process.user_instructions,
        process.kernel_instructions,
        process.pages * 4,
        most.collect::<Vec<_>>().join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_most_frequent_calls_first() {
        let process = Process {
            pid: 7,
            name: "client".into(),
            exit_code: Some(0),
            user_instructions: 1000,
            kernel_instructions: 2000,
            system_calls: vec![(3, 1), (16, 40), (17, 2)],
            pages: 5,
            memory: None,
        };
        let row = row(&process);
        assert!(row.contains("  7 client ") && row.contains(" 43 ") && row.contains(" 20 "), "{row}");
        assert!(row.ends_with("SendMessage 40, Connect 2, Yield 1"), "{row}");
    }
}
