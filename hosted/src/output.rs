//! The standard files of a system's programs.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use crate::group::Files;

/// Where the programs' standard files lead.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    /// To the launcher's own.
    User,
    /// All output into a file.
    Captured,
    /// Stdout here, and stderr to the launcher's own.
    To(Arc<OwnedFd>),
}

/// What the programs read if that is not the launcher's own stdin.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    Text(String),
    From(Arc<OwnedFd>),
}

impl Output {
    /// Opens them; captured output goes to the end of `output`, and `input` is what there is to read beside it.
    pub(crate) fn open(&self, output: &Path, input: &Input) -> io::Result<Files> {
        match self {
            Output::User => Ok(Files {
                stdin: user_stdin()?,
                stdout: io::stdout().as_fd().try_clone_to_owned()?,
                stderr: io::stderr().as_fd().try_clone_to_owned()?,
            }),
            Output::To(file) => Ok(Files {
                stdin: input.open()?,
                stdout: file.try_clone()?,
                stderr: io::stderr().as_fd().try_clone_to_owned()?,
            }),
            Output::Captured => {
                let file = OpenOptions::new().create(true).append(true).open(output)?;
                Ok(Files { stdin: input.open()?, stdout: file.try_clone()?.into(), stderr: file.into() })
            }
        }
    }
}

impl Input {
    /// Opens it, for programs that have not the launcher's own.
    fn open(&self) -> io::Result<OwnedFd> {
        match self {
            Input::From(file) => file.try_clone(),
            Input::Text(text) => {
                let (stdin, mut writer) = io::pipe()?;
                writer.write_all(text.as_bytes())?;
                Ok(stdin.into())
            }
        }
    }
}

/// The launcher's stdin, or a pipe that it is copied to when it is a terminal: a terminal stops those who read it from
/// outside the foreground process group, and the programs are in a group of their own.
fn user_stdin() -> io::Result<OwnedFd> {
    let mut stdin = io::stdin();
    if !stdin.is_terminal() {
        return stdin.as_fd().try_clone_to_owned();
    }
    let (reader, mut writer) = io::pipe()?;
    std::thread::spawn(move || io::copy(&mut stdin, &mut writer));
    Ok(reader.into())
}
