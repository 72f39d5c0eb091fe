//! What a device's console shows of the log: what programs print, without the sentences of the servers around them.
//!
//! A line of the log may be several writers': a program writes a message in parts, and others come between them.

use ::device::{Line, Source};

/// How the sentences begin that servers end their lines with: the log server's as it starts and counts, the name server's, and
/// the service's.
const OF_SERVERS: [&str; 13] = [
    "Mapped UART @ ",
    "Process: map success!",
    "Note: character injection via console UART is enabled.",
    "Allocating IRQ...",
    "Claimed IRQ ",
    "LOG: my PID is ",
    "LOG: Creating the reader thread",
    "LOG: Xous Logging Server starting up",
    "LOG: Server listening on address ",
    "LOG: Running the output",
    "LOG: Counter tick: ",
    "names: ",
    "INFO:websocket::",
];
/// What a program may well print itself in the midst of a line.
const ONLY_FIRST: [&str; 1] = ["names: "];
/// In the midst of a line, the name server's sentences are known by more of their words.
const IN_THE_MIDST: [&str; 1] = ["names: registered "];

/// Prints the console's lines to standard output, until nobody reads them any more.
#[derive(Default)]
pub(super) struct Console {
    verbose: bool,
    /// What stood in front of a server's sentence: the line's own end is to come.
    begun: String,
}

impl Console {
    /// A verbose one shows all lines as they are.
    pub(super) fn new(verbose: bool) -> Self {
        Self { verbose, begun: String::new() }
    }

    /// Prints a line, if it is one to be shown. Without a reader the device goes on.
    pub(super) fn show(&mut self, line: &Line) {
        if let Some(text) = self.shown(line) {
            println!("{text}");
        }
    }

    fn shown(&mut self, line: &Line) -> Option<String> {
        if self.verbose {
            return Some(line.text.clone());
        }
        if line.source != Source::Log {
            return None;
        }
        // The log server ends its lines with both characters, in the other order.
        let text = line.text.trim_start_matches('\r');
        match sentence(text) {
            Some(at) => {
                self.begun.push_str(&text[..at]);
                None
            }
            None => Some(std::mem::take(&mut self.begun) + text),
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        if !self.begun.is_empty() {
            println!("{}", self.begun);
        }
    }
}

/// Where a server's sentence begins.
fn sentence(text: &str) -> Option<usize> {
    if OF_SERVERS.iter().any(|words| text.starts_with(words)) {
        return Some(0);
    }
    let in_the_midst = OF_SERVERS.iter().filter(|words| !ONLY_FIRST.contains(words)).chain(&IN_THE_MIDST);
    in_the_midst.filter_map(|words| text.find(words)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(lines: &[&str]) -> Vec<String> {
        let mut console = Console::new(false);
        let lines = lines
            .iter()
            .filter_map(|text| console.shown(&Line { source: Source::Log, time: 0, text: (*text).into() }));
        lines.collect()
    }

    #[test]
    fn what_shares_its_line_with_a_server_is_shown() {
        let lines = ["\rws: LOG: Running the output", "there is no URL", "names: registered _net_", "more"];
        assert_eq!(shown(&lines), ["ws: there is no URL", "more"]);
        assert_eq!(shown(&["ws: names: registered _net_", "no URL"]), ["ws: no URL"]);
        assert_eq!(shown(&["5 sent, LOG: Counter tick: 4096", "5 received"]), ["5 sent, 5 received"]);
    }

    #[test]
    fn what_comes_before_the_log_server_is_ready_is_shown() {
        let lines =
            ["Mapped UART @ 60001000", "LOG: my PID is 2", "early", "LOG: Running the output", "late"];
        assert_eq!(shown(&lines), ["early", "late"]);
    }

    #[test]
    fn what_programs_print_is_theirs() {
        for text in ["the names: one, two", "LOG: of a program", "", "a line"] {
            assert_eq!(shown(&[text]), [text]);
        }
    }

    #[test]
    fn a_verbose_console_shows_everything_and_a_quiet_one_no_kernel() {
        let kernel = Line { source: Source::Kernel, time: 0, text: "KMAIN".into() };
        assert_eq!(Console::new(true).shown(&kernel).as_deref(), Some("KMAIN"));
        assert_eq!(Console::new(false).shown(&kernel), None);
    }
}
