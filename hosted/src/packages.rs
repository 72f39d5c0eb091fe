//! What package indexes have of programs that are not ours, installed on first use: packages of Python and npm.
//!
//! Each lies below `target/peers/`, in a directory with its name and version, so that another version is installed anew.
//! Any number of processes may ask for one at once: one installs it, under a lock beside the directory, and the others
//! wait for it. A directory that has the file `done` is complete; what an interrupted installation has left counts for
//! nothing. It is filled in its place and not renamed, for a Python environment has its own path in it.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::lock::{LIMIT, LockError, lock};
use crate::prepare::target_directory;
use crate::tools::Tool;

/// The versions that the tests were written for.
const WEBSOCKETS: &str = "websockets==17.4";
const WS: &str = "ws@8.23.0";

/// The file that says of a directory that all of it is there.
const DONE: &str = "done";
/// The longest that one command of an installation may take; it has two at most, so that those who wait for the lock
/// wait longer.
const COMMAND_LIMIT: Duration = Duration::from_secs(300);
const _: () = assert!(2 * COMMAND_LIMIT.as_secs() < LIMIT.as_secs());

/// Why a package is not there.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// What installs it is missing: the sentence says how to have it.
    #[error("{}", .0.is_missing())]
    Missing(&'static Tool),
    /// A file below `target/peers/` could not be read or written: see to the directory.
    #[error("{path}: {source}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// A command of the installation failed; it tries again when it is asked for the next time.
    #[error("`{command}` {fault}; it needs {needs} once, and nothing afterwards. It said:\n{said}")]
    Failed {
        /// The command, to be run by hand.
        command: String,
        /// How it ended.
        fault: String,
        /// What it cannot do without.
        needs: &'static str,
        /// Its output.
        said: String,
    },
    /// Another process has been installing for too long: end it, then try again.
    #[error("{lock}: another process has held this lock for {} minutes; end it and try again", LIMIT.as_secs() / 60)]
    Busy {
        /// The lock that it holds.
        lock: PathBuf,
    },
}

/// Returns the interpreter of a Python that has `websockets`, for a test.
///
/// # Panics
/// When it cannot be installed, with what to do about it.
pub fn python_with_websockets() -> PathBuf {
    python(WEBSOCKETS).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns the modules of a node that has `ws`, as `NODE_PATH` takes them, for a test.
///
/// # Panics
/// When they cannot be installed, with what to do about it.
pub fn node_modules_with_ws() -> PathBuf {
    node_modules(WS).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns the interpreter of a Python environment with this package, `NAME==VERSION`. Beside it are the package's
/// programs, to be started with it.
///
/// # Errors
/// [`PackageError`]; a later call tries again.
pub fn python(package: &str) -> Result<PathBuf, PackageError> {
    // What is installed has a link to it.
    require("python3")?;
    let environment = place("python", package);
    let interpreter = environment.join("bin/python");
    set_up(&environment, |lock| {
        require("python3-venv")?;
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv"]).arg(&environment);
        run(venv, lock, "python3 with its module venv", COMMAND_LIMIT)?;
        let mut pip = Command::new(&interpreter);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", package]);
        run(pip, lock, "a Python package index", COMMAND_LIMIT)
    })?;
    Ok(interpreter)
}

/// Returns the directory `node_modules` with this package of npm, `NAME@VERSION`.
///
/// # Errors
/// [`PackageError`]; a later call tries again.
pub fn node_modules(package: &str) -> Result<PathBuf, PackageError> {
    require("node")?;
    let directory = place("node", package);
    set_up(&directory, |lock| {
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(&directory).arg(package);
        run(npm, lock, "an npm registry", COMMAND_LIMIT)
    })?;
    Ok(directory.join("node_modules"))
}

/// The directory of a package in this version, for the interpreter `kind`.
fn place(kind: &str, package: &str) -> PathBuf {
    let version = package.replace("==", "-").replace(['@', '/'], "-");
    target_directory().join("peers").join(format!("{kind}-{version}"))
}

fn require(tool: &str) -> Result<(), PackageError> {
    match Tool::named(tool) {
        Some(tool) if !tool.is_there() => Err(PackageError::Missing(tool)),
        _ => Ok(()),
    }
}

/// Has the directory filled from the beginning, unless it is complete or becomes so meanwhile.
fn set_up(
    directory: &Path,
    fill: impl FnOnce(&File) -> Result<(), PackageError>,
) -> Result<(), PackageError> {
    let file = |path: &Path| {
        let path = path.to_owned();
        |source| PackageError::File { path, source }
    };
    let done = directory.join(DONE);
    if done.is_file() {
        return Ok(());
    }
    let parent = directory.parent().unwrap_or(directory);
    fs::create_dir_all(parent).map_err(file(parent))?;
    // Not in the directory, which is removed under it; and a version ends in what looks like an extension.
    let mut path = directory.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let lock = lock(&path, LIMIT).map_err(|error| match error {
        LockError::File(error) => file(&path)(error),
        LockError::Busy => PackageError::Busy { lock: path.clone() },
    })?;
    if done.is_file() {
        return Ok(());
    }
    if directory.exists() {
        fs::remove_dir_all(directory).map_err(file(directory))?;
    }
    fs::create_dir(directory).map_err(file(directory))?;
    eprintln!("hosted: setting up {} (first use)", directory.display());
    fill(&lock)?;
    fs::write(&done, "").map_err(file(&done))
}

/// Runs a command to its end, which must be a success within the limit. Its input is the lock, which is empty: what it
/// has started may outlive this process, and until it has ended nobody else may write where it writes.
fn run(command: Command, lock: &File, needs: &'static str, limit: Duration) -> Result<(), PackageError> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let spelled = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let failed = |fault: String, said| PackageError::Failed { command: spelled, fault, needs, said };
    let mut said = String::new();
    match run_to_end(command, lock, limit, &mut said) {
        Ok(None) => Ok(()),
        Ok(Some(fault)) => Err(failed(fault, said)),
        Err(error) => Err(failed(format!("cannot be run: {error}"), said)),
    }
}

/// Runs it and collects what it says; what is wrong with its end.
fn run_to_end(
    mut command: Command,
    lock: &File,
    limit: Duration,
    said: &mut String,
) -> io::Result<Option<String>> {
    let deadline = Instant::now() + limit;
    let (output, input) = io::pipe()?;
    let mut child = command.stdin(lock.try_clone()?).stdout(input.try_clone()?).stderr(input).spawn()?;
    // It has the pipe's ends for another start, which would hide the end of the output.
    drop(command);
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(output).split(b'\n').map_while(Result::ok);
        lines.try_for_each(|line| sender.send(line))
    });
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => *said += &format!("{}\n", String::from_utf8_lossy(&line)),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                child.kill()?;
                child.wait()?;
                return Ok(Some(format!("has not ended after {} s", limit.as_secs())));
            }
        }
    }
    let status = child.wait()?;
    Ok((!status.success()).then(|| format!("failed ({status})")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Stdio};
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A directory to be filled, which goes with the test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("hosted-packages-{}-{name}", std::process::id()));
            fs::create_dir_all(&root).unwrap();
            Scratch(root)
        }

        fn package(&self) -> PathBuf {
            self.0.join("python-x-1.2")
        }

        fn lock(&self) -> File {
            lock(&self.0.join("python-x-1.2.lock"), LIMIT).unwrap()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn endless() -> Command {
        let mut command = Command::new("tail");
        command.args(["-f", "/dev/null"]);
        command
    }

    #[test]
    fn of_many_at_once_one_fills_the_directory_and_all_find_it_complete() {
        let scratch = Scratch::new("many");
        let (filled, start) = (AtomicUsize::new(0), Barrier::new(8));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                // Each opens the lock for itself, as another process does.
                scope.spawn(|| {
                    start.wait();
                    set_up(&scratch.package(), |lock| {
                        filled.fetch_add(1, Ordering::Relaxed);
                        let script = format!("echo all >{}/file", scratch.package().display());
                        run(shell(&script), lock, "a shell", COMMAND_LIMIT)
                    })
                    .unwrap();
                    assert_eq!(fs::read_to_string(scratch.package().join("file")).unwrap(), "all\n");
                });
            }
        });
        assert_eq!(filled.into_inner(), 1);
    }

    #[test]
    fn what_has_failed_or_was_interrupted_is_done_anew_from_the_beginning() {
        let scratch = Scratch::new("anew");
        let half = scratch.package().join("half");
        let failing = set_up(&scratch.package(), |lock| {
            fs::write(&half, "").unwrap();
            run(shell("echo why; echo 'and how' >&2; exit 3"), lock, "an index", COMMAND_LIMIT)
        });
        let text = failing.unwrap_err().to_string();
        for part in ["`sh -c echo why", "exit status: 3", "needs an index once", "why\nand how\n"] {
            assert!(text.contains(part), "{text}");
        }
        // An interrupted one leaves the same.
        assert!(half.exists() && !scratch.package().join(DONE).exists());
        set_up(&scratch.package(), |_| {
            assert!(!half.exists());
            Ok(())
        })
        .unwrap();
        set_up(&scratch.package(), |_| panic!("it is complete")).unwrap();
    }

    #[test]
    fn a_command_has_a_time_limit_and_no_input() {
        let scratch = Scratch::new("limit");
        let lock = scratch.lock();
        let error = run(endless(), &lock, "patience", Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains("`tail -f /dev/null` has not ended after 0 s"), "{error}");
        run(shell("! read -r line"), &lock, "a shell", COMMAND_LIMIT).unwrap();
        let mut nobody_has_it = Command::new("a program that nobody has");
        nobody_has_it.arg("x");
        let error = run(nobody_has_it, &lock, "luck", COMMAND_LIMIT).unwrap_err().to_string();
        assert!(error.contains("`a program that nobody has x` cannot be run"), "{error}");
    }

    /// As when a test is killed while pip is at work.
    #[test]
    fn a_command_that_outlives_its_process_keeps_the_lock() {
        struct Ended(Child);
        impl Drop for Ended {
            fn drop(&mut self) {
                self.0.kill().unwrap();
                self.0.wait().unwrap();
            }
        }
        let scratch = Scratch::new("outlives");
        let held = scratch.lock();
        let command =
            Ended(endless().stdin(held.try_clone().unwrap()).stdout(Stdio::null()).spawn().unwrap());
        drop(held);
        let path = scratch.0.join("python-x-1.2.lock");
        assert!(matches!(lock(&path, Duration::ZERO), Err(LockError::Busy)));
        drop(command);
        scratch.lock();
    }

    #[test]
    fn another_version_has_another_directory() {
        for (kind, package, name) in
            [("python", WEBSOCKETS, "python-websockets-17.4"), ("node", WS, "node-ws-8.23.0")]
        {
            assert_eq!(place(kind, package), target_directory().join("peers").join(name));
        }
    }
}
