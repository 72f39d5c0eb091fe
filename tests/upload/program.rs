//! The program in examples/upload that sends a file, as a user runs it, to the demonstration.

use hosted::{End, Pddb, Program, System};
use xous_api_websocket::wire::SERVER_NAME;

use crate::common::example::Example;
use crate::common::{example, pattern, service};
use crate::scratch::Scratch;
use crate::sender::sha256;
use crate::wire::Wire;

/// The demonstration and its files.
struct Demonstration {
    server: Example,
    files: Scratch,
}

/// How a run of the program ended.
struct Ended {
    code: i32,
    output: String,
}

impl Demonstration {
    fn start() -> Self {
        let files = Scratch::new();
        let pddb = Pddb::new().directory(files.path("pddb"));
        Demonstration { server: Example::start_with("echo_server", 0, pddb), files }
    }

    fn url(&self) -> String {
        self.server.url("ws", "/upload")
    }

    /// What the database has under this name.
    fn stored(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.files.path(&format!("pddb/.System/uploads/{name}"))).ok()
    }
}

fn run(arguments: &[&str]) -> Ended {
    let builder = System::builder().captured().service(service(), SERVER_NAME);
    let mut system =
        builder.program(Program::new(example("upload")).args(arguments.iter().copied())).start().unwrap();
    let outcome = system.wait_programs().unwrap();
    let [End::Exited(code)] = outcome.programs[..] else { panic!("{outcome:?}") };
    Ended { code, output: system.output() }
}

#[test]
fn the_program_sends_files_of_any_length() {
    let demonstration = Demonstration::start();
    for (name, data) in [("empty", vec![]), ("one", vec![7]), ("large", pattern(3_000_001))] {
        let file = demonstration.files.write(name, &data);
        let ended = run(&[&file, &demonstration.url()]);
        let line = format!("stored {name} {} {}\n", data.len(), sha256(&data));
        assert!(ended.code == 0 && ended.output.ends_with(&line), "{}: {}", ended.code, ended.output);
        assert_eq!(demonstration.stored(name), Some(data));
    }
}

#[test]
fn the_program_says_why_a_file_is_not_stored() {
    let demonstration = Demonstration::start();
    let (file, url) = (demonstration.files.write("a", b"a"), demonstration.url());
    let named = |name| run(&[&file, &url, "--name", name]);
    assert_eq!(named("b").code, 0);
    // The very file is there.
    assert_eq!(named("b").code, 0);
    let other = demonstration.files.write("other", b"b");
    let taken = || run(&[&other, &url, "--name", "b"]);
    let missing = demonstration.files.path("missing");
    let echo = demonstration.server.url("ws", "/echo");
    for (ended, code, text) in [
        (taken(), 1, "upload: b is not stored by ws://127.0.0.1:"),
        (taken(), 1, ": A file of this name exists."),
        (run(&[&other, &url, "--name", "b", "--replace"]), 0, "stored b 1 "),
        (named("../b"), 1, "A part of the name is empty, . or .. only."),
        (named("a\u{200b}"), 1, "U+200B"),
        (named("e\u{301}"), 0, "stored \u{e9} 1 "),
        (run(&[&missing, &url]), 1, "missing: No such file or directory"),
        (run(&[&file, &echo]), 1, "no answer of an upload route"),
        (run(&[&file, &demonstration.server.url("ws", "/nothing")]), 1, "answered 404"),
        (run(&[&file]), 2, "usage: upload FILE ws[s]://"),
        (run(&[&file, &url, "--name"]), 2, "--name needs a value"),
        (run(&[&file, "http://127.0.0.1/"]), 2, "begins neither with ws:// nor with wss://"),
    ] {
        assert_eq!(ended.code, code, "{}", ended.output);
        assert!(ended.output.contains(text), "{text} is not in: {}", ended.output);
    }
}

#[test]
fn the_program_goes_on_when_its_connection_is_lost() {
    let demonstration = Demonstration::start();
    let data = pattern(20_000_000);
    let file = demonstration.files.write("a", &data);
    let wire = Wire::cut_after(demonstration.server.port, 15_000_000);
    let ended = run(&[&file, &format!("ws://127.0.0.1:{}/upload", wire.port())]);
    assert_eq!(ended.code, 0, "{}", ended.output);
    assert!(ended.output.contains("connection lost: "), "{}", ended.output);
    assert_eq!(demonstration.stored("a"), Some(data));
    // Some megabytes were in the buffers of the sockets.
    let carried = wire.carried();
    assert!((20_000_000..30_000_000).contains(&carried), "{carried} bytes: it began anew");
}
