//! How long each test takes. The stable test programs do not say it, so it is told from when their lines come.
//!
//! A test program starts its tests in the order of their names, at most so many at a time, and the next one as soon as
//! one has ended; that is when its line comes. So test number n starts when n - threads tests have ended.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How many are listed.
const LISTED: usize = 10;

/// Runs a `cargo test` with so many tests at a time, shows what it prints, and then the slowest tests.
pub(super) fn run(command: &mut Command, threads: usize) -> std::io::Result<ExitStatus> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut times = Times { threads, ..Times::default() };
    let start = Instant::now();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            times.line(&line, start.elapsed());
        }
    }
    let status = child.wait()?;
    println!("the slowest tests:");
    for (time, name) in times.slowest() {
        println!("{:7.1} s  {name}", time.as_secs_f32());
    }
    Ok(status)
}

/// The times of the tests so far.
#[derive(Default)]
struct Times {
    threads: usize,
    /// When the test program that runs began its tests.
    begun: Duration,
    /// Its tests that have ended, in that order.
    ended: Vec<(Duration, String)>,
    /// Those of the programs before.
    done: Vec<(Duration, String)>,
}

impl Times {
    /// Takes a line that came at a time since the start.
    fn line(&mut self, line: &str, at: Duration) {
        if line.starts_with("running ") && (line.ends_with(" test") || line.ends_with(" tests")) {
            self.finish();
            self.begun = at;
        } else if line.starts_with("test result: ") {
            self.finish();
        } else if let Some(rest) = line.strip_prefix("test ")
            && let Some((name, end)) = rest.split_once(" ... ")
            && ["ok", "FAILED", "ignored"].iter().any(|word| end.starts_with(word))
        {
            self.ended.push((at, name.to_owned()));
        }
    }

    fn finish(&mut self) {
        let ends: Vec<_> = self.ended.iter().map(|(end, _)| *end).collect();
        self.ended.sort_by(|one, other| one.1.cmp(&other.1));
        for (number, (end, name)) in self.ended.drain(..).enumerate() {
            let before = number.checked_sub(self.threads).and_then(|before| ends.get(before));
            self.done.push((end.saturating_sub(*before.unwrap_or(&self.begun)), name));
        }
    }

    fn slowest(mut self) -> Vec<(Duration, String)> {
        self.finish();
        self.done.sort_by(|one, other| other.cmp(one));
        self.done.truncate(LISTED);
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(threads: usize, lines: &[(u64, &str)]) -> Vec<(u64, String)> {
        let mut times = Times { threads, ..Times::default() };
        lines.iter().for_each(|(at, line)| times.line(line, Duration::from_secs(*at)));
        times.slowest().into_iter().map(|(time, name)| (time.as_secs(), name)).collect()
    }

    #[test]
    fn a_test_starts_when_a_thread_is_free() {
        // a: 10 to 14, b: 10 to 11, c: 11 to 12, d: 12 to 20, and e: 14 to 15.
        let lines = [
            (10, "running 5 tests"),
            (11, "test b ... ok"),
            (12, "test c ... FAILED"),
            (14, "test a ... ok"),
            (15, "test e ... ignored"),
            (20, "test d ... ok"),
            (20, "test result: FAILED. 3 passed; 1 failed"),
            (30, "running 1 test"),
            (36, "test later ... ok"),
        ];
        let expected = [(8, "d"), (6, "later"), (4, "a"), (1, "e"), (1, "c"), (1, "b")];
        assert_eq!(times(2, &lines), expected.map(|(time, name)| (time, name.to_owned())));
    }

    #[test]
    fn ten_are_listed_and_what_tests_print_is_none() {
        let names: Vec<_> = (10..25).map(|number| format!("test t{number} ... ok")).collect();
        let lines: Vec<_> =
            names.iter().map(|line| (1, line.as_str())).chain([(9, "test of words")]).collect();
        assert_eq!(times(1, &lines).len(), LISTED);
    }
}
