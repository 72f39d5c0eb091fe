//! `openssl s_server`: its commands do what libraries do not offer. What it decrypts comes on its standard output,
//! what it is told goes to the client, except for lines that begin with a letter that is a command.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Stdio};

use hosted::tools::command;
use xous_api_websocket::{Tls, Websocket};

use crate::authority::Leaf;
use crate::openssl::until;
use crate::support::{Scratch, request};

/// A server for one client, whose WebSocket is played by hand.
pub(crate) struct SServer {
    pub(crate) port: u16,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    errors: BufReader<ChildStderr>,
    _files: Scratch,
}

impl SServer {
    /// Starts it and waits until it listens.
    pub(crate) fn start(leaf: &Leaf, options: &[&str]) -> Self {
        let files = Scratch::new();
        let (chain, key) = (files.write("chain.pem", &leaf.chain), files.write("key.pem", &leaf.key));
        let mut process = command("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-cert", &chain, "-key", &key])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let errors = BufReader::new(process.stderr.take().unwrap());
        let mut output = BufReader::new(process.stdout.take().unwrap());
        until(&mut output, b"ACCEPT 127.0.0.1:");
        let mut port = String::new();
        output.read_line(&mut port).unwrap();
        SServer { port: port.trim().parse().unwrap(), process, input, output, errors, _files: files }
    }

    /// Opens a WebSocket to it.
    pub(crate) fn open(&mut self, root: &[u8]) -> Websocket {
        let port = self.port;
        std::thread::scope(|scope| {
            let opening = scope.spawn(|| Websocket::open(&request(port, "/", Tls::only(root))).unwrap());
            self.accept();
            opening.join().unwrap()
        })
    }

    fn accept(&mut self) {
        until(&mut self.output, b"Sec-WebSocket-Key: ");
        let mut key = vec![0; 24];
        self.output.read_exact(&mut key).unwrap();
        until(&mut self.output, b"\r\n\r\n");
        let accept = tungstenite::handshake::derive_accept_key(&key);
        self.say(
            format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: {accept}\r\n\r\n"
            )
            .as_bytes(),
        );
    }

    /// A text frame.
    pub(crate) fn send_text(&mut self, text: &str) {
        self.say(&[&[0x81, text.len() as u8], text.as_bytes()].concat());
    }

    /// The payload of the client's next frame, a short one.
    pub(crate) fn frame(&mut self) -> Vec<u8> {
        let mut byte = [0];
        // What the program itself says is ASCII.
        while byte != [0x81] {
            self.output.read_exact(&mut byte).unwrap();
        }
        self.output.read_exact(&mut byte).unwrap();
        let mut rest = vec![0; 4 + usize::from(byte[0] & 0x7f)];
        self.output.read_exact(&mut rest).unwrap();
        let (mask, payload) = rest.split_at(4);
        payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()
    }

    /// Writes to the program's input, at one go: only the first byte of what it reads can be a command.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.input.write_all(bytes).unwrap();
        self.input.flush().unwrap();
    }

    /// Waits until it has said so among its errors: the client may learn of the end before they are written.
    pub(crate) fn until_error(&mut self, mark: &str) {
        until(&mut self.errors, mark.as_bytes());
    }
}

impl Drop for SServer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
