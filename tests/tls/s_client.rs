//! `openssl s_client`: its commands do what libraries do not offer. What it decrypts comes on its standard output,
//! what it is told goes to the server, except for lines that begin with a letter that is a command.

use std::io::{BufReader, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Stdio};

use hosted::tools::command;

use crate::openssl::until;
use crate::support::Scratch;

/// A client whose WebSocket is played by hand.
pub(crate) struct SClient {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    errors: BufReader<ChildStderr>,
    _files: Scratch,
}

impl SClient {
    /// Connects to a port of this machine, trusting `ca`, and asks for a WebSocket on `/ws`.
    pub(crate) fn start(port: u16, ca: &str, options: &[&str]) -> Self {
        let files = Scratch::new();
        let ca = files.write("ca.pem", ca);
        let mut process = command("openssl")
            .args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-servername", "localhost"])
            .args(["-CAfile", &ca, "-verify_return_error", "-verify_hostname", "localhost"])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let errors = BufReader::new(process.stderr.take().unwrap());
        let input = process.stdin.take().unwrap();
        let mut client = SClient { process, input, output, errors, _files: files };
        client.say(
            b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        );
        client
    }

    /// Waits until the WebSocket is open.
    pub(crate) fn opened(&mut self) {
        until(&mut self.output, b"HTTP/1.1 101 ");
        until(&mut self.output, b"\r\n\r\n");
    }

    /// Has it renew its keys, and ask for the server's with `K` rather than `k`.
    pub(crate) fn renew_keys(&mut self, command: &str) {
        self.say(format!("{command}\n").as_bytes());
        until(&mut self.errors, b"KEYUPDATE\n");
    }

    /// Sends a short text frame.
    pub(crate) fn send_text(&mut self, text: &str) {
        // The mask changes nothing.
        self.say(&[&[0x81, 0x80 | text.len() as u8, 0, 0, 0, 0], text.as_bytes()].concat());
    }

    /// The payload of the server's next frame, a short one.
    pub(crate) fn frame(&mut self) -> Vec<u8> {
        // What the program itself says is ASCII.
        until(&mut self.output, &[0x81]);
        let mut len = [0];
        self.output.read_exact(&mut len).unwrap();
        let mut payload = vec![0; usize::from(len[0])];
        self.output.read_exact(&mut payload).unwrap();
        payload
    }

    /// Writes to the program's input, at one go: only the first byte of what it reads can be a command.
    fn say(&mut self, bytes: &[u8]) {
        self.input.write_all(bytes).unwrap();
        self.input.flush().unwrap();
    }
}

impl Drop for SClient {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
