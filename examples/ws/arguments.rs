//! The command line.

use std::net::IpAddr;
use std::time::Duration;

use xous_api_websocket::Kind;

/// What the program is to do.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Talk(Arguments),
    Listen(u16, Arguments),
}

/// How it is to do it. What it was not told is as `Default` has it, or as the method of that name says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Arguments {
    /// As it was given; empty for a server.
    pub(crate) url: String,
    pub(crate) binary: bool,
    pub(crate) send: Option<String>,
    pub(crate) count: Option<u64>,
    pub(crate) wait: Option<Duration>,
    pub(crate) output: Option<String>,
    pub(crate) json: bool,
    /// Name and value.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) protocols: Vec<String>,
    pub(crate) origins: Vec<String>,
    pub(crate) ca: Option<String>,
    pub(crate) device_store: bool,
    pub(crate) ping: Option<Duration>,
    pub(crate) reconnect: bool,
    /// The name of a recording.
    pub(crate) record: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) echo: bool,
    pub(crate) once: bool,
    /// Name and password.
    pub(crate) login: Option<(String, String)>,
    pub(crate) certificate: Option<String>,
    pub(crate) key: Option<String>,
}

/// Options that are for a connection to a URL, and those that are for a server.
const OF_TALK: [&str; 7] =
    ["--send", "--wait", "--header", "--ca", "--device-store", "--ping", "--reconnect"];
const OF_LISTEN: [&str; 6] = ["--address", "--echo", "--once", "--login", "--certificate", "--key"];

impl Command {
    /// Reads the arguments behind the program's name. `url` is taken if they name none.
    ///
    /// # Errors
    /// Says what is wrong, and what would be right.
    pub(crate) fn parse(
        arguments: impl IntoIterator<Item = String>,
        url: Option<String>,
    ) -> Result<Self, String> {
        let mut read = Arguments::default();
        let (mut plain, mut options) = (Vec::new(), Vec::new());
        let mut rest = arguments.into_iter();
        while let Some(argument) = rest.next() {
            if argument == "--help" || argument == "-h" {
                return Ok(Command::Help);
            }
            if argument.starts_with('-') {
                read.take(&argument, &mut rest)?;
                options.push(argument);
            } else {
                plain.push(argument);
            }
        }
        let plain: Vec<&str> = plain.iter().map(String::as_str).collect();
        let listens = plain.first() == Some(&"listen");
        let foreign: &[&str] = if listens { &OF_TALK } else { &OF_LISTEN };
        if let Some(option) = options.iter().find(|option| foreign.contains(&option.as_str())) {
            let place = if listens { "a connection to a URL, not for listen" } else { "listen" };
            return Err(format!("{option} is for {place}"));
        }
        read.check()?;
        match plain[..] {
            ["listen", port] => {
                let port =
                    port.parse().map_err(|_| format!("listen {port}: not a port, which is 0 to 65535"))?;
                Ok(Command::Listen(port, read))
            }
            ["listen"] => Err("listen needs a port; 0 takes any free one".into()),
            [url] => Ok(Command::Talk(Arguments { url: url.to_owned(), ..read })),
            [] => {
                let url = url.ok_or("there is no URL, such as ws://192.168.1.7:9001/; --help says more")?;
                Ok(Command::Talk(Arguments { url, ..read }))
            }
            [_, second, ..] => {
                Err(format!("{second}: one URL is enough; a text with blanks stands in quotation marks"))
            }
        }
    }
}

impl Arguments {
    pub(crate) fn kind(&self) -> Kind {
        if self.binary { Kind::Binary } else { Kind::Text }
    }

    /// How long a message is waited for at the end of the input.
    pub(crate) fn wait(&self) -> Duration {
        self.wait.unwrap_or(Duration::from_secs(1))
    }

    /// Where a server listens.
    pub(crate) fn address(&self) -> &str {
        self.address.as_deref().unwrap_or("127.0.0.1")
    }

    /// Takes an option, and its value if it has one.
    fn take(&mut self, option: &str, rest: &mut impl Iterator<Item = String>) -> Result<(), String> {
        let mut value = || rest.next().ok_or(format!("{option} needs a value; --help says more"));
        let seconds = |value: String| {
            let seconds = value.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            seconds.ok_or(format!("{option} {value}: not a number of seconds"))
        };
        match option {
            "--text" => self.binary = false,
            "--binary" => self.binary = true,
            "--json" => self.json = true,
            "--device-store" => self.device_store = true,
            "--reconnect" => self.reconnect = true,
            "--record" => self.record = Some(value()?),
            "--echo" => self.echo = true,
            "--once" => self.once = true,
            "--send" => self.send = Some(value()?),
            "--output" => self.output = Some(value()?),
            "--protocol" => self.protocols.push(value()?),
            "--origin" => self.origins.push(value()?),
            "--ca" => self.ca = Some(value()?),
            "--certificate" => self.certificate = Some(value()?),
            "--key" => self.key = Some(value()?),
            "--wait" => self.wait = Some(seconds(value()?)?),
            "--ping" => self.ping = Some(seconds(value()?)?),
            "--count" => {
                let value = value()?;
                let count = value.parse().ok().filter(|count| *count > 0);
                self.count = Some(count.ok_or(format!("--count {value}: not a number from 1 on"))?);
            }
            "--header" => {
                let value = value()?;
                let (name, content) = value
                    .split_once(':')
                    .ok_or(format!("--header {value}: a header is 'NAME: VALUE', in quotation marks"))?;
                self.headers.push((name.trim().to_owned(), content.trim().to_owned()));
            }
            "--address" => {
                let value = value()?;
                if value.parse::<IpAddr>().is_err() {
                    return Err(format!("--address {value}: not an IP address, such as 0.0.0.0"));
                }
                self.address = Some(value);
            }
            "--login" => {
                let value = value()?;
                let (user, password) =
                    value.split_once(':').ok_or("--login needs USER:PASSWORD, with a colon between")?;
                self.login = Some((user.to_owned(), password.to_owned()));
            }
            _ => return Err(format!("there is no option {option}; --help lists them")),
        }
        Ok(())
    }

    /// What does not go together.
    fn check(&self) -> Result<(), String> {
        if self.certificate.is_some() != self.key.is_some() {
            return Err("--certificate and --key go together".into());
        }
        if self.ca.is_some() && self.device_store {
            return Err("--ca and --device-store: one of them says whom to trust".into());
        }
        if self.ping.is_some_and(|ping| ping < Duration::from_millis(1)) {
            return Err("--ping 0: the time of silence is at least a millisecond".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, String> {
        Command::parse(line.split_whitespace().map(str::to_owned), None)
    }

    fn talk(line: &str) -> Arguments {
        match parse(line) {
            Ok(Command::Talk(arguments)) => arguments,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn options_stand_anywhere() {
        let before = talk("--count 3 --send hello ws://h/");
        let behind = talk("ws://h/ --send hello --count 3");
        assert_eq!(before, behind);
        assert_eq!(
            (before.url.as_str(), before.send.as_deref(), before.count),
            ("ws://h/", Some("hello"), Some(3))
        );
        assert_eq!(
            talk("ws://h/ --send --count").send.as_deref(),
            Some("--count"),
            "a value may be anything"
        );
        assert!(matches!(parse("ws://h/ -h"), Ok(Command::Help)));
        assert!(matches!(parse("listen 0 --echo"), Ok(Command::Listen(0, Arguments { echo: true, .. }))));
    }

    #[test]
    fn values_are_read() {
        let header = ["--header", "X-One:  a: b ", "--header", "x:", "ws://h/"].map(str::to_owned);
        let Ok(Command::Talk(arguments)) = Command::parse(header, None) else { panic!() };
        assert_eq!(arguments.headers, [("X-One".into(), "a: b".into()), ("x".into(), String::new())]);
        assert_eq!(talk("ws://h/ --ping 0.5").ping, Some(Duration::from_millis(500)));
        assert_eq!(talk("ws://h/ --wait 0").wait(), Duration::ZERO);
        assert_eq!(talk("ws://h/ --binary --text").kind(), Kind::Text, "the last one counts");
        assert_eq!(talk("ws://h/ --protocol a --protocol b").protocols, ["a", "b"]);
    }

    #[test]
    fn the_help_has_every_option_and_no_other() {
        let help = include_str!("help.txt");
        let words =
            help.split(|c: char| !(c.is_ascii_lowercase() || c == '-')).filter(|word| word.starts_with("--"));
        let documented: std::collections::BTreeSet<_> = words.filter(|word| *word != "--help").collect();
        for option in OF_TALK
            .iter()
            .chain(&OF_LISTEN)
            .chain(&["--text", "--binary", "--output", "--json", "--count", "--record"])
        {
            assert!(documented.contains(option), "{option} is not in the help");
        }
        for option in documented {
            // A value for those that take one, which may be wrong.
            let read = Arguments::default().take(option, &mut ["1".to_owned()].into_iter());
            assert!(!read.is_err_and(|error| error.contains("no option")), "{option} is in the help only");
        }
    }

    #[test]
    fn the_url_may_come_from_elsewhere() {
        let Ok(Command::Talk(arguments)) = Command::parse([], Some("ws://h/".into())) else { panic!() };
        assert_eq!(arguments.url, "ws://h/");
        assert!(parse("").is_err_and(|error| error.contains("no URL")));
    }

    #[test]
    fn a_wrong_call_is_told_what_is_wrong() {
        for (line, said) in [
            ("ws://h/ ws://i/", "one URL"),
            ("ws://h/ --slow", "no option --slow"),
            ("ws://h/ --send", "--send needs a value"),
            ("ws://h/ --count 0", "--count 0"),
            ("ws://h/ --count -1", "--count -1"),
            ("ws://h/ --ping x", "--ping x"),
            ("ws://h/ --ping -1", "--ping -1"),
            ("ws://h/ --ping 0", "at least a millisecond"),
            ("ws://h/ --ping nan", "--ping nan"),
            ("ws://h/ --wait 1e99", "--wait 1e99"),
            ("ws://h/ --header x", "'NAME: VALUE'"),
            ("ws://h/ --ca f --device-store", "one of them"),
            ("ws://h/ --echo", "--echo is for listen"),
            ("ws://h/ --once", "--once is for listen"),
            ("listen 1 --count 0", "--count 0"),
            ("listen 1 --reconnect", "not for listen"),
            ("listen", "needs a port"),
            ("listen 65536", "not a port"),
            ("listen 1 --address here", "not an IP address"),
            ("listen 1 --certificate f", "go together"),
            ("listen 1 --login me", "USER:PASSWORD"),
        ] {
            let refused = parse(line);
            assert!(refused.as_ref().is_err_and(|error| error.contains(said)), "{line}: {refused:?}");
        }
    }
}
