//! The command line of `cargo xtask device`.

use lexopt::Arg::Long;
use lexopt::{Parser, ValueExt};

use crate::Failure;

/// What runs when nothing is asked for.
const DEMONSTRATION: &str = "echo_server";

/// What the command was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) plain: bool,
    /// Keep an account, and print it.
    pub(super) profile: bool,
    pub(super) verbose: bool,
    pub(super) kernel: Option<String>,
    /// Measure instead of running programs.
    pub(super) measure: Option<Measure>,
    /// At least one, unless it measures.
    pub(super) programs: Vec<Program>,
}

/// What becomes of figures that were measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// They are compared with `device.toml`.
    Check,
    /// They go into it.
    Record,
}

/// A program to be run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) arguments: Vec<String>,
}

impl Options {
    /// Parses the arguments behind `device`.
    pub(super) fn parse(arguments: Vec<String>) -> Result<Self, Failure> {
        // From the first word that is no option on, everything is a program's.
        let is_option = |word: &&String| word.starts_with("--") && *word != "--";
        let takes_value = |word: &str| matches!(word, "--kernel" | "--port");
        let mut own = 0;
        while let Some(word) = arguments.get(own).filter(is_option) {
            own += if takes_value(word) { 2 } else { 1 };
        }
        let programs = arguments.get(own..).unwrap_or_default();
        let own = &arguments[..own.min(arguments.len())];
        let (mut options, port) = Self::read(Parser::from_args(own)).map_err(Failure::usage)?;
        for words in programs.split(|word| word == "--") {
            let program = words.split_first();
            options.programs.extend(
                program.map(|(name, words)| Program { name: name.clone(), arguments: words.to_vec() }),
            );
        }
        if options.measure.is_some() {
            let alone = Self { measure: options.measure, ..Self::default() };
            let is_alone = port.is_none() && options == alone;
            return if is_alone {
                Ok(options)
            } else {
                Err(Failure::usage("--check and --record stand alone"))
            };
        }
        match port {
            Some(_) if !options.programs.is_empty() => {
                return Err(Failure::usage(
                    "--port is for the demonstration; a program has its own arguments",
                ));
            }
            port if options.programs.is_empty() => {
                let arguments = port.map_or_else(Vec::new, |port| vec!["--port".to_owned(), port]);
                options.programs.push(Program { name: DEMONSTRATION.to_owned(), arguments });
            }
            _ => (),
        }
        Ok(options)
    }

    /// Reads this command's own options; the second is the port.
    fn read(mut parser: Parser) -> Result<(Self, Option<String>), lexopt::Error> {
        let (mut options, mut port) = (Self::default(), None);
        while let Some(option) = parser.next()? {
            match option {
                Long("plain") => options.plain = true,
                Long("profile") => options.profile = true,
                Long("verbose") => options.verbose = true,
                Long("kernel") => options.kernel = Some(parser.value()?.string()?),
                Long("check") => options.measure = Some(Measure::Check),
                Long("record") => options.measure = Some(Measure::Record),
                Long("port") => port = Some(parser.value()?.parse::<u16>()?.to_string()),
                other => return Err(other.unexpected()),
            }
        }
        Ok((options, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Failure> {
        Options::parse(line.split_whitespace().map(str::to_owned).collect())
    }

    fn program(line: &str) -> Program {
        let mut words = line.split_whitespace().map(str::to_owned);
        Program { name: words.next().unwrap_or_default(), arguments: words.collect() }
    }

    #[test]
    fn without_a_program_it_serves() {
        assert_eq!(parse("").ok().unwrap().programs, [program("echo_server")]);
        assert_eq!(parse("--port 9000").ok().unwrap().programs, [program("echo_server --port 9000")]);
    }

    #[test]
    fn programs_stand_between_double_hyphens() {
        let options = parse("--plain --profile --kernel k echo_server -- ws ws://h/ --count 3").ok().unwrap();
        assert_eq!(options.programs, [program("echo_server"), program("ws ws://h/ --count 3")]);
        assert!(options.plain && options.profile && options.kernel.as_deref() == Some("k"));
        assert_eq!(parse("-- meeting").ok().unwrap().programs, [program("meeting")]);
    }

    #[test]
    fn measuring_stands_alone() {
        assert_eq!(parse("--record").ok().unwrap().measure, Some(Measure::Record));
        let check = parse("--check").ok().unwrap();
        assert!(check.measure == Some(Measure::Check) && check.programs.is_empty());
        for line in ["--check --plain", "--record --port 9000", "--check ws ws://h/"] {
            assert!(matches!(parse(line), Err(Failure::Usage(_))), "{line}");
        }
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        for line in ["--slow", "--kernel", "--port 9000 ws ws://h/", "--port abc", "--port 99999", "--port"] {
            assert!(matches!(parse(line), Err(Failure::Usage(_))), "{line}");
        }
    }
}
