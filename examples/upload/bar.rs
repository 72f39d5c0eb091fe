//! How far it is: a bar on a terminal, a line a second anywhere else.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Cells of the bar.
const CELLS: u32 = 24;
/// Between two lines where there is no terminal.
const LINES: Duration = Duration::from_secs(1);

/// On stderr.
pub(crate) struct Bar {
    length: u32,
    is_terminal: bool,
    /// When the connection began to take bytes, and how many there were before.
    since: Instant,
    before: u32,
    last_line: Instant,
    /// The cursor stands behind a bar.
    is_drawn: bool,
}

impl Bar {
    pub(crate) fn new(length: u32) -> Self {
        let (is_terminal, now) = (std::io::stderr().is_terminal(), Instant::now());
        Bar { length, is_terminal, since: now, before: 0, last_line: now, is_drawn: false }
    }

    /// Bytes begin to flow, behind so many.
    pub(crate) fn begin(&mut self, before: u32) {
        (self.since, self.before) = (Instant::now(), before);
    }

    /// So many bytes are stored.
    pub(crate) fn show(&mut self, stored: u32) {
        if self.is_terminal {
            let filled = share(stored, self.length, CELLS) as usize;
            let bar = format!("{:.<cells$}", "#".repeat(filled), cells = CELLS as usize);
            eprint!("\r[{bar}] {}\x1b[K", self.text(stored));
            std::io::stderr().flush().ok();
            self.is_drawn = true;
        } else if self.last_line.elapsed() >= LINES {
            self.last_line = Instant::now();
            eprintln!("{}", self.text(stored));
        }
    }

    /// It is not going on, for this reason.
    pub(crate) fn wait(&mut self, why: &str) {
        if self.is_terminal {
            eprint!("\r\x1b[2mwaits: {why}\x1b[0m\x1b[K");
            std::io::stderr().flush().ok();
            self.is_drawn = true;
        } else {
            self.say(&format!("waits: {why}"));
        }
    }

    /// A line of its own.
    pub(crate) fn say(&mut self, text: &str) {
        self.end();
        eprintln!("{text}");
    }

    /// The line that is there stays.
    pub(crate) fn end(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            eprintln!();
        }
    }

    fn text(&self, stored: u32) -> String {
        let (percent, length) = (share(stored, self.length, 100), f64::from(self.length));
        let text = format!("{percent:3} %, {} of {}", size(f64::from(stored)), size(length));
        let rate = f64::from(stored.saturating_sub(self.before)) / self.since.elapsed().as_secs_f64();
        if rate.is_nan() || rate < 1.0 {
            return text;
        }
        let left = (length - f64::from(stored)) / rate;
        format!("{text}, {}/s, {} left", size(rate), duration(left))
    }
}

/// `stored` of `length` in parts of `whole`; all of it if there is nothing to store.
fn share(stored: u32, length: u32, whole: u32) -> u32 {
    let share = (u64::from(stored) * u64::from(whole)).checked_div(u64::from(length));
    share.and_then(|share| u32::try_from(share).ok()).map_or(whole, |share| share.min(whole))
}

fn size(bytes: f64) -> String {
    match bytes {
        ..1e3 => format!("{bytes:.0} bytes"),
        ..1e6 => format!("{:.1} kB", bytes / 1e3),
        ..1e9 => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.2} GB", bytes / 1e9),
    }
}

fn duration(seconds: f64) -> String {
    match seconds.ceil() as u64 {
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ ..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}
