//! The account of a message, or of a whole run, as tables: processes, what makes the kernel run, functions.

use rustc_demangle::demangle;

use super::rows::grouped;
use super::table::markdown;
use super::task::Profile;

/// What is less than this is left out: a tick of the clock now and then.
const LEAST: f64 = 0.5;
/// Of a function's name.
const MAX_NAME: usize = 90;

/// The tables, with at most so many rows of entries and of functions.
pub(super) fn tables(profile: &Profile, most: usize) -> String {
    let tables = [processes(profile), entries(profile, most), functions(profile, most)];
    tables.map(|lines| markdown(&lines)).join("\n")
}

fn processes(profile: &Profile) -> Vec<Vec<String>> {
    let mut lines = vec![head(["process", "user", "kernel, in its address space", "together"])];
    let mut sums = [0.0, 0.0];
    for (name, user, kernel) in &profile.processes {
        sums = [sums[0] + user, sums[1] + kernel];
        if user + kernel >= LEAST {
            lines.push([name.clone(), grouped(*user), grouped(*kernel), grouped(user + kernel)].into());
        }
    }
    lines.push(["all".to_owned(), grouped(sums[0]), grouped(sums[1]), grouped(sums[0] + sums[1])].into());
    lines
}

fn entries(profile: &Profile, most: usize) -> Vec<Vec<String>> {
    let mut lines = vec![head(["what the kernel runs for", "times", "each", "together", "flushes each"])];
    for (entry, [count, instructions, flushes]) in profile.entries.iter().take(most) {
        if *instructions < LEAST {
            break;
        }
        let each = |figure: f64| if *count > 0.0 { grouped(figure / count) } else { "-".to_owned() };
        lines.push(vec![
            format!("{}: {}", entry.process, entry.reason),
            format!("{:.2}", count),
            each(*instructions),
            grouped(*instructions),
            each(*flushes),
        ]);
    }
    lines
}

fn functions(profile: &Profile, most: usize) -> Vec<Vec<String>> {
    let mut lines = vec![head(["function", "instructions"])];
    for (function, instructions) in profile.functions.iter().take(most) {
        if *instructions < LEAST {
            break;
        }
        let name = format!("{:#}", demangle(&function.symbol)).replace('|', "\\|");
        let name: String = name.chars().take(MAX_NAME).collect();
        lines.push(vec![format!("{}: `{name}`", function.process), grouped(*instructions)]);
    }
    lines
}

fn head<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::device::{Entry, Function, Reason};

    #[test]
    fn the_largest_stand_first_and_little_is_left_out() {
        let entry = |number| Entry { process: "client".to_owned(), reason: Reason::Call(number) };
        let function =
            Function { process: "net".to_owned(), symbol: "_ZN3net4main17h0123456789abcdefE".to_owned() };
        let profile = Profile {
            processes: vec![("client".to_owned(), 1200.0, 34.0), ("idle".to_owned(), 0.0, 0.0)],
            entries: vec![(entry(15), [2.0, 1800.0, 12.0]), (entry(3), [0.0, 0.1, 0.0])],
            functions: vec![(function, 77.0)],
        };
        let text = tables(&profile, 10);
        assert!(text.contains("| client  | 1 200 |"), "{text}");
        assert!(text.contains("| client: ReceiveMessage   |  2.00 |  900 |    1 800 |"), "{text}");
        assert!(text.contains("`net::main`") && !text.contains("Yield") && !text.contains("idle"), "{text}");
    }
}
