//! Programs that are not ours, as clients. What a package index has is set up on first use.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use hosted::packages::{node_modules_with_ws, python_with_websockets};
use hosted::tools::command;

/// The longest that a client's run may take.
const RUN: Duration = Duration::from_secs(150);

/// Where the scripts are.
const SCRIPTS: &str = "tests/server/clients";

/// Runs a script of tests/server/clients with Python and its package websockets; what it prints.
pub(crate) fn python(script: &str, argument: &str) -> String {
    client(&mut Command::new(python_with_websockets()), script, argument)
}

/// Runs a script of tests/server/clients with Node.js and its package ws; what it prints.
pub(crate) fn node(script: &str, argument: &str) -> String {
    let mut node = command("node");
    node.env("NODE_PATH", node_modules_with_ws());
    client(&mut node, script, argument)
}

fn client(interpreter: &mut Command, script: &str, argument: &str) -> String {
    // Also from a package within the workspace.
    let mut packages = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let scripts =
        packages.find_map(|package| Some(package.join(SCRIPTS)).filter(|scripts| scripts.is_dir())).unwrap();
    run(interpreter.arg(scripts.join(script)).arg(argument), script)
}

/// Runs a command to its end, which must be a success within the time limit; what it prints.
fn run(command: &mut Command, name: &str) -> String {
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
    let in_time = ended.recv_timeout(RUN).is_ok();
    if !in_time {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    let (printed, said) = reading.join().unwrap();
    assert!(in_time, "{name} has not ended after {RUN:?}:\n{printed}{said}");
    assert!(status.success(), "{name} failed:\n{printed}{said}");
    printed
}
