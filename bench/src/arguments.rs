//! What is asked for.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::Arg::{Long, Value};
use lexopt::{Parser, ValueExt};

use crate::Failure;

/// The groups of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Codec,
    Service,
    Upload,
    Memory,
}

impl Group {
    fn from_name(name: &str) -> Result<Self, String> {
        match name {
            "codec" => Ok(Group::Codec),
            "service" => Ok(Group::Service),
            "upload" => Ok(Group::Upload),
            "memory" => Ok(Group::Memory),
            _ => Err("the groups are codec, service, upload and memory".into()),
        }
    }
}

/// What is done with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Measure,
    /// Compare the codec with the committed figures.
    Check,
    /// Replace the committed figures.
    Save,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// None: all groups.
    group: Option<Group>,
    pub(crate) action: Action,
    pub(crate) json: Option<PathBuf>,
    pub(crate) readme: bool,
    pub(crate) all_cores: bool,
    /// Other builds of the service.
    pub(crate) against: Vec<String>,
}

impl Arguments {
    /// Understands the words.
    ///
    /// # Errors
    /// One of them is not known.
    pub(crate) fn parse(words: &[&str]) -> Result<Self, Failure> {
        let mut arguments = Self {
            group: None,
            action: Action::Measure,
            json: None,
            readme: false,
            all_cores: false,
            against: Vec::new(),
        };
        let mut parser = Parser::from_args(words.iter().copied().map(OsString::from).collect::<Vec<_>>());
        while let Some(word) = parser.next()? {
            match word {
                Value(name) => arguments.group = Some(name.parse_with(Group::from_name)?),
                Long("check") => arguments.action = Action::Check,
                Long("save") => arguments.action = Action::Save,
                Long("readme") => arguments.readme = true,
                Long("all-cores") => arguments.all_cores = true,
                Long("json") => arguments.json = Some(parser.value()?.into()),
                Long("against") => arguments.against.push(parser.value()?.string()?),
                other => return Err(other.unexpected().into()),
            }
        }
        if arguments.readme && (arguments.group.is_some() || !arguments.against.is_empty()) {
            return Err(Failure("--readme is for all of it".into()));
        }
        match (&arguments.action, arguments.group) {
            (Action::Measure, _) | (_, Some(Group::Codec)) => Ok(arguments),
            _ => Err(Failure("--check and --save are for the codec: `codec --check`".into())),
        }
    }

    /// The group is asked for, by name or with all.
    pub(crate) fn wants(&self, group: Group) -> bool {
        self.group.is_none_or(|only| only == group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_alone_or_all() {
        let all = Arguments::parse(&["--json", "f"]).unwrap();
        assert!(all.wants(Group::Codec) && all.wants(Group::Memory));
        assert_eq!(all.json, Some("f".into()));
        let one = Arguments::parse(&["codec", "--check"]).unwrap();
        assert!(one.wants(Group::Codec) && !one.wants(Group::Service));
        assert_eq!(one.action, Action::Check);
        assert!(Arguments::parse(&["--check"]).is_err());
        assert!(Arguments::parse(&["--json"]).is_err());
        assert!(Arguments::parse(&["codec", "--readme"]).is_err());
        assert!(Arguments::parse(&["speed"]).is_err());
    }
}
