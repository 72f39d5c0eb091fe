//! Where the programs' standard files lead.

use std::fs::{File, OpenOptions};
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
    /// Input that was given beforehand, and output into a file.
    Captured,
    /// Nothing to read, stdout here and stderr to the launcher's own.
    To(Arc<OwnedFd>),
}

impl Output {
    /// Opens them; captured output goes to the end of `output`, and `input` is what there is to read beside it.
    pub(crate) fn open(&self, output: &Path, input: &str) -> io::Result<Files> {
        match self {
            Output::User => Ok(Files {
                stdin: user_stdin()?,
                stdout: io::stdout().as_fd().try_clone_to_owned()?,
                stderr: io::stderr().as_fd().try_clone_to_owned()?,
            }),
            Output::To(file) => Ok(Files {
                stdin: File::open("/dev/null")?.into(),
                stdout: file.try_clone()?,
                stderr: io::stderr().as_fd().try_clone_to_owned()?,
            }),
            Output::Captured => {
                let file = OpenOptions::new().create(true).append(true).open(output)?;
                let (stdin, mut writer) = io::pipe()?;
                writer.write_all(input.as_bytes())?;
                Ok(Files { stdin: stdin.into(), stdout: file.try_clone()?.into(), stderr: file.into() })
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
