//! Programs of a system and the shell commands that the kernel starts them with.
//!
//! The hosted kernel runs every process as `sh -c COMMAND`. The command gives the process its files, and reports its
//! end to the launcher.

use std::fmt::Write;

use stand_ins::control::{CONTROL_FD, INDEX, PROBE_FD};

/// Where the processes find the launcher's own standard files, which are not those of the kernel.
pub(crate) const STDIN_FD: u32 = 4;
pub(crate) const STDOUT_FD: u32 = 5;
pub(crate) const STDERR_FD: u32 = 6;

/// A program to run as a Xous process: its path, arguments and environment.
#[derive(Clone, Debug)]
pub struct Program {
    pub(crate) path: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
}

impl Program {
    /// The program at `path`, without arguments. The path is absolute, or relative to the working directory.
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), arguments: Vec::new(), environment: Vec::new() }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable for this program; it has the launcher's otherwise.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// What cannot be passed on by a shell command, said in words; `None` when all can.
    fn fault(&self) -> Option<String> {
        let texts = self.arguments.iter().chain(self.environment.iter().map(|(_, value)| value));
        if let Some(text) = std::iter::once(&self.path).chain(texts).find(|text| text.contains('\0')) {
            return Some(format!("{text:?} contains a NUL byte"));
        }
        let identifier = |name: &str| {
            !name.is_empty()
                && !name.starts_with(|first: char| first.is_ascii_digit())
                && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        };
        let (name, _) = self.environment.iter().find(|(name, _)| !identifier(name))?;
        Some(format!("{name:?} is no name of an environment variable"))
    }

    /// The command for process number `index`.
    ///
    /// A server's output goes where the kernel's goes; a program has the launcher's standard files.
    ///
    /// # Errors
    /// What about the program cannot be passed on, in words.
    pub(crate) fn command(&self, index: usize, kind: Kind) -> Result<String, String> {
        if let Some(fault) = self.fault() {
            return Err(fault);
        }
        let mut command = String::from("exec");
        if kind == Kind::Program {
            let _ = write!(command, " <&{STDIN_FD} >&{STDOUT_FD} 2>&{STDERR_FD} {PROBE_FD}<&-");
        }
        let _ = write!(command, " {STDIN_FD}<&- {STDOUT_FD}>&- {STDERR_FD}>&-; {INDEX}={index} ");
        for (name, value) in &self.environment {
            let _ = write!(command, "{name}={} ", quoted(value));
        }
        let words = std::iter::once(&self.path).chain(&self.arguments).map(|word| quoted(word));
        command += &words.collect::<Vec<_>>().join(" ");
        let _ = write!(command, "; echo \"ended {index} $?\" >&{CONTROL_FD}");
        Ok(command)
    }
}

/// What a process is to the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A part of every system, which serves until that is ended.
    Base,
    /// Serves until the system is ended; must not end before.
    Service,
    /// Does its work and ends.
    Program,
}

/// A word that the shell takes as it stands.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_the_program_unchanged() {
        let words = ["", "two words", "it's", "$HOME `id` \\ \"x\"; exit 1", "line\nfeed", "*", "\u{e9}"];
        let script = words.map(quoted).join(" ");
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("for word in {script}; do printf '%s|' \"$word\"; done")])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), words.map(|word| format!("{word}|")).concat());
    }

    #[test]
    fn what_a_shell_cannot_pass_is_refused() {
        assert!(Program::new("x").arg("a\0b").command(0, Kind::Program).is_err());
        assert!(Program::new("x").env("A B", "").command(0, Kind::Program).is_err());
        assert!(Program::new("x").env("1A", "").command(0, Kind::Program).is_err());
        assert!(Program::new("x").env("A1", "=").command(0, Kind::Program).is_ok());
    }
}
