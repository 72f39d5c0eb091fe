//! The command line of `cargo xtask device`.

use crate::Failure;

/// What runs when nothing is asked for.
const DEMONSTRATION: &str = "echo_server";

/// What the command was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) plain: bool,
    pub(super) verbose: bool,
    pub(super) kernel: Option<String>,
    /// At least one.
    pub(super) programs: Vec<Program>,
}

/// A program to be run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) arguments: Vec<String>,
}

impl Options {
    pub(super) fn parse(arguments: Vec<String>) -> Result<Self, Failure> {
        let mut options = Self::default();
        let mut port = None;
        let mut rest = arguments.into_iter().peekable();
        while let Some(argument) = rest.next_if(|argument| argument.starts_with("--") && argument != "--") {
            let mut value = || rest.next().ok_or(Failure::Usage(format!("{argument} needs a value")));
            match &*argument {
                "--plain" => options.plain = true,
                "--verbose" => options.verbose = true,
                "--kernel" => options.kernel = Some(value()?),
                "--port" => port = Some(value()?),
                other => return Err(Failure::Usage(format!("unknown option {other}"))),
            }
        }
        let rest: Vec<_> = rest.collect();
        for words in rest.split(|word| word == "--").filter(|words| !words.is_empty()) {
            options.programs.extend(
                words
                    .split_first()
                    .map(|(name, words)| Program { name: name.clone(), arguments: words.to_vec() }),
            );
        }
        match (options.programs.is_empty(), port) {
            (true, port) => {
                let arguments = port.map_or_else(Vec::new, |port| vec!["--port".to_owned(), port]);
                options.programs.push(Program { name: DEMONSTRATION.to_owned(), arguments });
            }
            (false, Some(_)) => {
                let fault = "--port is for the demonstration; a program's own arguments follow its name";
                return Err(Failure::Usage(fault.into()));
            }
            (false, None) => (),
        }
        Ok(options)
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
        let options = parse("--plain --kernel k echo_server -- client ws://h/ --count 3").ok().unwrap();
        assert_eq!(options.programs, [program("echo_server"), program("client ws://h/ --count 3")]);
        assert!(options.plain && options.kernel.as_deref() == Some("k"));
        assert_eq!(parse("-- meeting").ok().unwrap().programs, [program("meeting")]);
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        for line in ["--slow", "--kernel", "--port 9000 client ws://h/"] {
            assert!(matches!(parse(line), Err(Failure::Usage(_))), "{line}");
        }
    }
}
