//! Programs that are not ours, as clients. What a package index has is set up in target/peers on first use.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use hosted::tools::command;

/// The longest that setting something up may take, and a client's run.
const SET_UP: Duration = Duration::from_secs(300);
const RUN: Duration = Duration::from_secs(60);

/// Where the scripts are.
const SCRIPTS: &str = "tests/server/clients";
/// The versions that are known to work.
const WEBSOCKETS: &str = "websockets==17.4";
const WS: &str = "ws@8.23.0";

/// Runs a script of tests/server/clients with Python and its package websockets; what it prints.
pub(crate) fn python(script: &str, argument: &str) -> String {
    client(&mut python_with_websockets(), script, argument)
}

/// Python with that package, which is set up on first use.
pub(crate) fn python_with_websockets() -> Command {
    let environment = set_up("python-websockets", |directory| {
        hosted::tools::require("python3-venv");
        let mut venv = command("python3");
        venv.args(["-m", "venv"]).arg(directory);
        run(&mut venv, "python3 -m venv", SET_UP);
        let mut pip = Command::new(directory.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", WEBSOCKETS]);
        run(&mut pip, "pip install, which needs a Python package index,", SET_UP);
    });
    Command::new(environment.join("bin/python"))
}

/// Runs a script of tests/server/clients with Node.js and its package ws; what it prints.
pub(crate) fn node(script: &str, argument: &str) -> String {
    let modules = set_up("npm-ws", |directory| {
        let mut npm = command("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(directory).arg(WS);
        run(&mut npm, "npm install, which needs an npm registry,", SET_UP);
    });
    let mut node = command("node");
    node.env("NODE_PATH", modules.join("node_modules"));
    client(&mut node, script, argument)
}

fn client(interpreter: &mut Command, script: &str, argument: &str) -> String {
    // Also from a package within the workspace.
    let mut packages = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let scripts =
        packages.find_map(|package| Some(package.join(SCRIPTS)).filter(|scripts| scripts.is_dir())).unwrap();
    run(interpreter.arg(scripts.join(script)).arg(argument), script, RUN)
}

/// A directory that `make` has filled, now or another time. It is made under another name, so that one that is there
/// is complete, whoever else makes it at the same time.
fn set_up(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let root = hosted::target_directory().join("peers");
    let directory = root.join(name);
    if !directory.exists() {
        let making = root.join(format!("{name}.{}", std::process::id()));
        fs::create_dir_all(&making).unwrap();
        make(&making);
        if fs::rename(&making, &directory).is_err() {
            fs::remove_dir_all(&making).unwrap();
        }
    }
    directory
}

/// Runs a command to its end, which must be a success within the limit; what it prints.
fn run(command: &mut Command, name: &str, limit: Duration) -> String {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
    let (mut output, mut errors) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (sender, ended) = channel();
    let reading = std::thread::spawn(move || {
        let (mut printed, mut said) = (String::new(), String::new());
        let errors = std::thread::spawn(move || errors.read_to_string(&mut said).map(|_| said));
        output.read_to_string(&mut printed).unwrap();
        let said = errors.join().unwrap().unwrap();
        sender.send(()).ok();
        (printed, said)
    });
    let in_time = ended.recv_timeout(limit).is_ok();
    if !in_time {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    let (printed, said) = reading.join().unwrap();
    assert!(in_time, "{name} has not ended after {limit:?}:\n{printed}{said}");
    assert!(status.success(), "{name} failed:\n{printed}{said}");
    printed
}
