//! Examples, built as they stand.

use std::path::Path;

/// The path of an example, built now: cargo builds it with all tests, but not with one test alone.
pub(crate) fn example(name: &str) -> String {
    let profile = Path::new(env!("CARGO_BIN_EXE_websocket")).parent().unwrap();
    let mut cargo = hosted::cargo("build");
    cargo.args(["--quiet", "--package", "websocket", "--example", name, "--target-dir"]);
    cargo.arg(profile.parent().unwrap());
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().unwrap().success(), "{cargo:?}");
    profile.join("examples").join(name).into_os_string().into_string().unwrap()
}
