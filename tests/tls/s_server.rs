//! `openssl s_server`: its commands do what libraries do not offer. What it decrypts comes on its standard output,
//! what it is told goes to the client, except for lines that begin with a letter that is a command.

use std::io::{BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Stdio};

use hosted::tools::command;
use xous_api_websocket::{Tls, Websocket};

use crate::authority::Leaf;
use crate::support::{Scratch, request};

/// A server for one client, whose WebSocket is played by hand.
pub(crate) struct SServer {
    pub(crate) port: u16,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    errors: ChildStderr,
    _files: Scratch,
}

impl SServer {
    /// Starts it and waits until it listens.
    pub(crate) fn start(leaf: &Leaf, options: &[&str]) -> Self {
        let files = Scratch::new();
        let (chain, key) = (files.write("chain.pem", &leaf.chain), files.write("key.pem", &leaf.key));
        // It takes a port and does not report one.
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut process = command("openssl")
            .args(["s_server", "-accept", &format!("127.0.0.1:{port}"), "-cert", &chain, "-key", &key])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, errors) = (process.stdin.take().unwrap(), process.stderr.take().unwrap());
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut server = SServer { port, process, input, output, errors, _files: files };
        server.until(b"ACCEPT");
        server
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
        self.until(b"Sec-WebSocket-Key: ");
        let mut key = vec![0; 24];
        self.output.read_exact(&mut key).unwrap();
        self.until(b"\r\n\r\n");
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

    /// What it printed about errors, to its end.
    pub(crate) fn errors(&mut self) -> String {
        self.process.kill().ok();
        let mut text = String::new();
        self.errors.read_to_string(&mut text).unwrap();
        text
    }

    fn until(&mut self, mark: &[u8]) {
        let mut read = Vec::new();
        while !read.ends_with(mark) {
            let mut byte = [0];
            self.output.read_exact(&mut byte).unwrap();
            read.extend(byte);
        }
    }
}

impl Drop for SServer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
