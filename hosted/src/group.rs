//! The processes of one system as a group that ends with its launcher.
//!
//! The launcher starts a guardian in a process group of its own. The guardian starts the kernel, the kernel starts the
//! rest, and all of them stay in the group. The guardian then reads from the *lifeline*, a pipe whose only writing end
//! the launcher holds: however the launcher ends, SIGKILL included, the guardian reads end of file and kills the
//! group, itself included. The launcher kills the group too when it is done with it.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process_group, set_child_subreaper, waitpgid};
use stand_ins::control::{CONTROL_FD, DIRECTORY, PROBE_FD};

use crate::command::{STDERR_FD, STDIN_FD, STDOUT_FD};

/// The guardian: `$@` is the kernel and its arguments. It keeps none of the files meant for the system, or it would
/// hide their end.
const GUARDIAN: &str = r#"
"$@" </dev/null &
exec 3>&- 4<&- 5>&- 6>&- 7<&-
read -r end
kill -KILL 0
"#;
/// How long the killed processes may take to be gone.
const END_LIMIT: Duration = Duration::from_secs(10);

/// Standard files of the programs.
pub(crate) struct Files {
    pub(crate) stdin: OwnedFd,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

/// A running group. Dropping it ends all its processes.
pub(crate) struct Group {
    guardian: Child,
    lifeline: Option<PipeWriter>,
    control: PipeReader,
    probe: PipeWriter,
}

impl Group {
    /// Starts the kernel with its commands. All processes find `directory` in [`DIRECTORY`]; what they print goes to
    /// `log`, but for those that are given `files`.
    pub(crate) fn start(
        kernel: &Path,
        commands: &[String],
        directory: &Path,
        files: Files,
        log: File,
    ) -> io::Result<Self> {
        // Orphans of the group become children of this process, which then reaps them. Any number stands for yes.
        set_child_subreaper(Some(getpid()))?;
        let (lifeline_end, lifeline) = io::pipe()?;
        let (control, control_end) = io::pipe()?;
        let (probe_end, probe) = io::pipe()?;
        let mapping = |parent_fd, child_fd: u32| FdMapping { parent_fd, child_fd: child_fd as i32 };
        let mut command = Command::new("sh");
        command
            .args(["-c", GUARDIAN, "guardian"])
            .arg(kernel)
            .args(commands)
            .env(DIRECTORY, directory)
            // Each system has a port of its own; an address from outside would make them meet.
            .env_remove("XOUS_LISTEN_ADDR")
            .process_group(0)
            .stdin(lifeline_end)
            .stdout(log.try_clone()?)
            .stderr(log)
            .fd_mappings(vec![
                mapping(control_end.into(), CONTROL_FD),
                mapping(files.stdin, STDIN_FD),
                mapping(files.stdout, STDOUT_FD),
                mapping(files.stderr, STDERR_FD),
                mapping(probe_end.into(), PROBE_FD),
            ])
            .map_err(io::Error::other)?;
        let guardian = command.spawn()?;
        Ok(Self { guardian, lifeline: Some(lifeline), control, probe })
    }

    /// The process number of the guardian, which is the group's and the parent of the kernel.
    pub(crate) fn id(&self) -> u32 {
        self.guardian.id()
    }

    /// Asks whether the kernel lives; the answer comes as a report.
    pub(crate) fn probe(&mut self) -> io::Result<()> {
        self.probe.write_all(&[0])
    }

    /// Waits for bytes on the control pipe and appends them to `unread`. False when the deadline has passed.
    ///
    /// # Errors
    /// The host's; `UnexpectedEof` when no process of the system is left.
    pub(crate) fn read_control(
        &mut self,
        unread: &mut Vec<u8>,
        deadline: Option<Instant>,
    ) -> io::Result<bool> {
        if !self.wait_readable(deadline)? {
            return Ok(false);
        }
        let mut bytes = [0; 4096];
        let count = self.control.read(&mut bytes)?;
        unread.extend_from_slice(&bytes[..count]);
        if count == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(true) }
    }

    /// Waits until the control pipe has something to read, its end included. False when the deadline has passed.
    fn wait_readable(&self, deadline: Option<Instant>) -> io::Result<bool> {
        loop {
            let left = deadline.map(|deadline| timespec(deadline.saturating_duration_since(Instant::now())));
            match poll(&mut [PollFd::new(&self.control, PollFlags::IN)], left.as_ref()) {
                Ok(ready) => return Ok(ready > 0),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Ends all processes and waits until they are gone.
    fn end(&mut self) -> io::Result<()> {
        drop(self.lifeline.take());
        let group = i32::try_from(self.guardian.id()).ok().and_then(Pid::from_raw);
        let group = group.ok_or_else(|| io::Error::other("the guardian has no process number"))?;
        // The guardian has not been waited for, so its number cannot belong to another group.
        kill_process_group(group, Signal::KILL)?;
        self.wait_until_gone()?;
        self.guardian.wait()?;
        // Each has closed its files, so these waits are short; a parent's end makes its children ours.
        loop {
            match waitpgid(group, WaitOptions::empty()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::CHILD) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Every process of the system holds the control pipe open: its end of file says that none is left.
    fn wait_until_gone(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + END_LIMIT;
        loop {
            match self.read_control(&mut Vec::new(), Some(deadline)) {
                Ok(true) => {}
                Ok(false) => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "killed processes are still there"));
                }
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            let group = self.guardian.id();
            eprintln!("hosted: the processes of group {group} may not all have ended: {error}");
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec::try_from(duration).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 })
}
