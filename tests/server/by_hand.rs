//! A client by hand, for what no library sends and for a look at every byte of an answer.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};

use crate::common::PATIENCE;
use crate::common::raw::{self, CLOSE, Frame, TEXT, close_payload};

/// A connection to a port of this machine. What does not come in time fails the test.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

/// An answer of the server.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// The key of RFC 6455's own example, and what it is accepted with (section 1.3).
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The request that opens a WebSocket, with these header lines besides, each ending with CR LF.
pub(crate) fn upgrade_request(target: &str, lines: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{lines}\r\n"
    )
}

impl Client {
    /// From 127.0.0.1.
    pub(crate) fn connect(port: u16) -> Client {
        Self::to((Ipv4Addr::LOCALHOST, port).into())
    }

    /// From ::1.
    pub(crate) fn from_v6(port: u16) -> Client {
        Self::to((Ipv6Addr::LOCALHOST, port).into())
    }

    pub(crate) fn to(address: SocketAddr) -> Client {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// Over a stream that is connected.
    pub(crate) fn over(stream: TcpStream) -> Client {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream: BufReader::new(stream) }
    }

    /// Connects and sends this.
    pub(crate) fn with(port: u16, bytes: impl AsRef<[u8]>) -> Client {
        let mut client = Self::connect(port);
        client.send(bytes);
        client
    }

    /// Connects and asks for a WebSocket, which [`Client::opened`] waits for.
    pub(crate) fn asks(port: u16, target: &str) -> Client {
        Self::with(port, upgrade_request(target, ""))
    }

    /// A second hold of the connection, to write on while this one reads.
    pub(crate) fn second(&self) -> Client {
        Client { stream: BufReader::new(self.stream.get_ref().try_clone().unwrap()) }
    }

    /// Ends the connection also for those who have a second hold of it.
    pub(crate) fn shut_down(&self, how: Shutdown) {
        self.stream.get_ref().shutdown(how).unwrap();
    }

    /// Something has come and is not read.
    pub(crate) fn has_bytes(&self) -> bool {
        let stream = self.stream.get_ref();
        stream.set_nonblocking(true).unwrap();
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false).unwrap();
        peeked.is_ok_and(|len| len > 0)
    }

    /// The other end of the stream has this address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.stream.get_ref().local_addr().unwrap()
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// Sends what may meet a connection that is closed already.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.get_mut().write_all(bytes.as_ref()).is_ok()
    }

    /// The next answer, with its body, which ends with the connection if it has no length.
    pub(crate) fn answer(&mut self) -> Answer {
        let mut answer = self.answer_to_head();
        answer.body = self.body_of(&answer);
        answer
    }

    /// The body behind a head.
    pub(crate) fn body_of(&mut self, head: &Answer) -> Vec<u8> {
        let mut body = Vec::new();
        if let Some(len) = head.field("Content-Length") {
            body = vec![0; len.parse().unwrap()];
            self.stream.read_exact(&mut body).unwrap();
        } else if head.field("Transfer-Encoding") == Some("chunked") {
            while self.chunk(&mut body) > 0 {}
        } else {
            self.stream.read_to_end(&mut body).unwrap();
        }
        body
    }

    /// The next chunk of a body (RFC 9112 section 7.1); its length.
    fn chunk(&mut self, body: &mut Vec<u8>) -> usize {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let (len, at) = (usize::from_str_radix(line.trim_end(), 16).unwrap(), body.len());
        body.resize(at + len + 2, 0);
        self.stream.read_exact(&mut body[at..]).unwrap();
        assert_eq!(body.split_off(at + len), b"\r\n");
        len
    }

    /// Everything up to the end of the connection, which may be a reset: the server may leave bytes of ours unread.
    pub(crate) fn body_to_end(&mut self) -> String {
        let mut body = Vec::new();
        if let Err(error) = self.stream.read_to_end(&mut body) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
        }
        String::from_utf8(body).unwrap()
    }

    /// The next answer, to a request whose answer has no body.
    pub(crate) fn answer_to_head(&mut self) -> Answer {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let len = self.stream.read_line(&mut head).unwrap();
            assert_ne!(len, 0, "the connection ended within an answer: {head:?}");
        }
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap().parse().unwrap();
        Answer { status, head, body: Vec::new() }
    }

    /// The server has accepted the WebSocket; its answer.
    pub(crate) fn opened(&mut self) -> Answer {
        let answer = self.answer_to_head();
        assert_eq!(answer.status, 101, "{}", answer.head);
        assert_eq!(answer.field("Upgrade"), Some("websocket"));
        assert_eq!(answer.field("Connection"), Some("Upgrade"));
        assert_eq!(answer.field("Sec-WebSocket-Accept"), Some(ACCEPT));
        assert_eq!(answer.field("Sec-WebSocket-Extensions"), None);
        answer
    }

    /// Nothing more comes. A reset counts: the server may leave bytes of ours unread.
    pub(crate) fn ended(&mut self) {
        match self.stream.read(&mut [0]) {
            Ok(0) => (),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => (),
            other => panic!("neither end nor reset: {other:?}"),
        }
    }

    /// Nothing more comes but frames like these.
    pub(crate) fn ended_with(&mut self, first: u8) {
        while let Ok(frame) = raw::read_frame(&mut self.stream) {
            assert_eq!(frame.first, first, "{frame:?}");
        }
        self.ended();
    }

    /// A masked frame.
    pub(crate) fn send_frame(&mut self, first: u8, payload: &[u8]) {
        self.send(masked(first, payload));
    }

    pub(crate) fn send_text(&mut self, text: &str) {
        self.send_frame(TEXT, text.as_bytes());
    }

    /// The next frame, which must not be masked (section 5.1).
    pub(crate) fn frame(&mut self) -> Frame {
        let frame = raw::read_frame(&mut self.stream).unwrap();
        assert_eq!(frame.mask, None);
        frame
    }

    /// The next frame's opcode, and its payload as text.
    pub(crate) fn text_frame(&mut self) -> (u8, String) {
        let frame = self.frame();
        (frame.first, String::from_utf8(frame.payload).unwrap())
    }

    /// The next frame, which is a whole text.
    pub(crate) fn text(&mut self) -> String {
        let (first, text) = self.text_frame();
        assert_eq!(first, TEXT, "{text}");
        text
    }

    /// The closing handshake from this side, and the end of the stream. What still comes before is dropped.
    pub(crate) fn close(mut self) {
        self.send_frame(CLOSE, &close_payload(1000, ""));
        while self.frame().first != CLOSE {}
        self.ended();
    }

    /// Answers the server's Close frame, which must come next; its code and text.
    pub(crate) fn closed(mut self) -> (u16, String) {
        let close = self.frame();
        let reason = close.close();
        // The server may have given the connection up at once.
        if self.try_send(masked(CLOSE, &close.payload)) {
            self.ended();
        }
        reason
    }
}

impl Answer {
    /// The value of a header field that is there at most once.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        raw::field(&self.head, name)
    }
}

/// A frame as a client sends it.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = raw::frame(first, payload);
    let header = frame.len() - payload.len();
    frame[1] |= 0x80;
    frame[header..].iter_mut().zip(MASK.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    frame.splice(header..header, MASK);
    frame
}
