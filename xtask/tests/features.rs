//! Whichever packages are built for a PC, what they have in common has the same features, and so is compiled once.

use std::collections::BTreeSet;
use std::process::Command;

/// Packages with their features, of what cargo builds by these arguments.
fn built(arguments: &[&str]) -> BTreeSet<String> {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    command.args(["tree", "--locked", "--prefix", "none", "--format", "{p}: {f}"]);
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| line.trim_end_matches(" (*)").trim_end().to_owned()).collect()
}

#[test]
fn what_packages_have_in_common_is_compiled_once() {
    let all = built(&[]);
    assert!(all.iter().any(|line| line.starts_with("xous v")), "{all:?}");
    // `cargo xtask`, the service alone with its tests and examples, and the stand-ins as `hosted` builds them.
    for arguments in [
        &["--package", "xtask", "--edges", "no-dev"][..],
        &["--package", "websocket"],
        &["--package", "xtask", "--package", "stand-ins", "--edges", "no-dev"],
        &["--edges", "no-dev"],
    ] {
        let others: Vec<_> = built(arguments).difference(&all).cloned().collect();
        assert!(
            others.is_empty(),
            "{arguments:?} builds these once more, see hosted/Cargo.toml: {others:#?}"
        );
    }
}
