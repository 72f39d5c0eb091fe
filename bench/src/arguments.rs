//! What is asked for.

use std::path::PathBuf;

use crate::Failure;

/// The groups of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Codec,
    Service,
    Upload,
    Memory,
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
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| Failure(format!("{word} needs a path")));
            match *word {
                "codec" => arguments.group = Some(Group::Codec),
                "service" => arguments.group = Some(Group::Service),
                "memory" => arguments.group = Some(Group::Memory),
                "upload" => arguments.group = Some(Group::Upload),
                "--check" => arguments.action = Action::Check,
                "--save" => arguments.action = Action::Save,
                "--readme" => arguments.readme = true,
                "--all-cores" => arguments.all_cores = true,
                "--json" => arguments.json = Some(value()?.into()),
                "--against" => arguments.against.push((*value()?).into()),
                _ => return Err(Failure(format!("unknown argument '{word}'"))),
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
