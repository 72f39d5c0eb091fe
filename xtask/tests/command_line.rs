//! The program as it is called: what it cannot use is told, and whoever reads it may go.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Output, Stdio};

fn xtask(arguments: &[&OsStr]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn called(arguments: &[&str]) -> Output {
    let arguments: Vec<_> = arguments.iter().map(OsStr::new).collect();
    xtask(&arguments).output().unwrap()
}

#[test]
fn nobody_needs_to_read_what_is_printed() {
    for (arguments, code) in [(&["--help"][..], 0), (&["device", "--help"], 0), (&["no-such-command"], 2)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let arguments: Vec<_> = arguments.iter().map(OsStr::new).collect();
        let mut command = xtask(&arguments);
        let status = command.stdout(writer.try_clone().unwrap()).stderr(writer).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn an_argument_that_is_no_text_is_named() {
    for arguments in [&[OsStr::from_bytes(b"\xff")][..], &[OsStr::new("device"), OsStr::from_bytes(b"a\xff")]]
    {
        let output = xtask(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("is not UTF-8"), "{output:?}");
    }
}

#[test]
fn a_port_that_is_none_is_a_wrong_call() {
    for command in ["device", "run"] {
        for port in ["abc", "99999", "-1", ""] {
            let output = called(&[command, "--port", port]);
            assert_eq!(output.status.code(), Some(2), "{command} --port {port}");
        }
    }
}
