//! The server's answer to the opening handshake.

use std::io;
use std::time::Instant;

use xous_api_websocket::Code;

use super::super::failure::Failure;
use crate::proto::handshake::{BodyStart, Caps, HeadBuffer, HeadError, parse_reply};
use crate::service::limits::{HEAD_BYTES, HEAD_LINES, READ_BUFFER, REFUSAL_BODY, REFUSAL_WAIT};

/// Waits for bytes of the server, as a socket does.
pub(super) type Read<'a> = &'a dyn Fn(&mut [u8]) -> io::Result<usize>;

/// A head, and what came behind it.
pub(super) struct Answer {
    pub(super) head: Vec<u8>,
    pub(super) already: Vec<u8>,
}

impl Answer {
    /// Waits for the head. Skips interim answers (RFC 9110 section 15.2), as many as come within the open deadline.
    pub(super) fn read(read: Read<'_>, place: &str) -> Result<Self, Failure> {
        let mut head = HeadBuffer::new(Caps { bytes: HEAD_BYTES, lines: HEAD_LINES }).unfolds();
        let mut buffer = vec![0; READ_BUFFER];
        loop {
            let mut rest = match read(&mut buffer) {
                Ok(0) => {
                    let text = format_args!("{place} closed during the opening handshake");
                    return Err(Failure::new(Code::Lost, text));
                }
                Ok(len) => &buffer[..len],
                Err(error) => {
                    let task = format_args!("read the opening handshake from {place}");
                    return Err(Failure::io(Code::Lost, task, &error));
                }
            };
            while !rest.is_empty() {
                let progress = head.push(rest).map_err(|error| not_a_head(error, place))?;
                if !begins_as_http(head.head()) {
                    let text = format_args!("{place} does not answer in HTTP");
                    return Err(Failure::new(Code::BadReply, text));
                }
                rest = rest.get(progress.consumed..).unwrap_or_default();
                if progress.complete {
                    if !is_interim(head.head()) {
                        return Ok(Answer { head: head.head().to_vec(), already: rest.to_vec() });
                    }
                    head.clear();
                }
            }
        }
    }

    /// The beginning of a refusal's body. Reads until the socket ends, which the caller has seen to.
    pub(super) fn body(&self, read: Read<'_>) -> Vec<u8> {
        let Ok(reply) = parse_reply(&self.head) else { return Vec::new() };
        let mut body = BodyStart::new(&reply, REFUSAL_BODY);
        body.push(&self.already);
        let (start, mut buffer) = (Instant::now(), [0; 512]);
        // The clock is for a peer that sends so often that no shutdown meets a call that waits.
        while !body.is_complete() && start.elapsed() < REFUSAL_WAIT {
            match read(&mut buffer) {
                Ok(len @ 1..) => body.push(&buffer[..len]),
                Ok(0) | Err(_) => break,
            }
        }
        body.into_bytes()
    }
}

fn not_a_head(error: HeadError, place: &str) -> Failure {
    match error {
        HeadError::TooLong => {
            let text = format_args!("{place} answers with a head of more than {HEAD_BYTES} bytes");
            Failure::new(Code::LongReply, text)
        }
        HeadError::TooManyLines => {
            let text = format_args!("{place} answers with a head of more than {HEAD_LINES} lines");
            Failure::new(Code::LongReply, text)
        }
        HeadError::Malformed => {
            Failure::new(Code::BadReply, format_args!("{place} does not answer in HTTP: {error}"))
        }
    }
}

/// Whether the head may become one of HTTP/1. Servers of other protocols greet with a line and wait, or end: that is
/// neither a late answer nor a lost one.
fn begins_as_http(head: &[u8]) -> bool {
    head.iter().zip(b"HTTP/1.").all(|(byte, expected)| byte == expected)
}

fn is_interim(head: &[u8]) -> bool {
    parse_reply(head).is_ok_and(|reply| (100..=199).contains(&reply.status) && reply.status != 101)
}
