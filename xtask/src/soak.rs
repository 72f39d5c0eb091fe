//! `cargo xtask soak`: everything at once, for minutes.

use std::process::ExitCode;

use lexopt::Arg::Long;
use lexopt::{Parser, ValueExt};

use crate::faults::run_ignored;
use crate::{Command, Failure};

/// See [`crate::COMMANDS`].
pub(crate) const COMMAND: Command = Command {
    name: "soak",
    summary: "Use the service in all ways at once for minutes, and check every message and its memory",
    usage: "\
usage: cargo xtask soak [--minutes N]

Echoes, fragments, broadcasts, connections that come and go, uploads and a slow reader share one service in a hosted
system, at a pace that its kernel, which gives no memory back, can bear. Every message has a number. One that is lost,
doubled, changed or out of order ends the soak, as does a part in which nothing comes for long.

  --minutes N  how long, 1 if not said

Every ten seconds a line says what has been checked. At the end the service's memory in the last minute is compared with
that in the second (of less than three minutes: the last quarter with the second); it may be 2 % more.

The exit code is 0 if nothing is wrong, 2 for a wrong call.",
    run,
};

fn run(arguments: Vec<String>) -> Result<ExitCode, Failure> {
    let minutes = minutes(arguments).map_err(Failure::usage)?;
    run_ignored("soak", &[], &[("SOAK_MINUTES", minutes.to_string())])
}

fn minutes(arguments: Vec<String>) -> Result<u32, lexopt::Error> {
    let mut parser = Parser::from_args(arguments);
    let mut minutes = 1;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("minutes") => minutes = parser.value()?.parse()?,
            other => return Err(other.unexpected()),
        }
    }
    match minutes {
        0 => Err("it takes a minute at least".into()),
        minutes => Ok(minutes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<u32> {
        minutes(line.split_whitespace().map(str::to_owned).collect()).ok()
    }

    #[test]
    fn a_minute_if_nothing_is_said() {
        assert_eq!((parse(""), parse("--minutes 10"), parse("--minutes=3")), (Some(1), Some(10), Some(3)));
        for line in ["--minutes 0", "--minutes", "--minutes x", "--hours 1", "10"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
