//! The beginning of the body that comes with a refusal (RFC 9112, section 6).

use super::field::Framing;
use super::reply::ReplyHead;

/// Collects a body from its first byte to its end, or to the most that is wanted.
///
/// Nothing is allocated by what the peer declares: the bytes are kept as they come.
#[derive(Debug)]
pub struct BodyStart {
    bytes: Vec<u8>,
    most: usize,
    rest: Rest,
}

/// What is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// This many bytes.
    Bytes(u64),
    /// Everything until the peer closes.
    UntilEnd,
    /// Chunks (RFC 9112, section 7.1).
    Chunks(Step),
}

/// What the next byte of a chunked body belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The length of a chunk, as far as it was read.
    Size(u64),
    /// The rest of the line behind the length.
    Extension(u64),
    /// The chunk itself.
    Data(u64),
    /// The end of line behind a chunk.
    DataEnd,
}

impl BodyStart {
    /// A body that comes with this `reply`, of which `most` bytes are wanted.
    pub fn new(reply: &ReplyHead<'_>, most: usize) -> Self {
        let without = matches!(reply.status, 100..=199 | 204 | 304);
        let length = reply.headers.only("Content-Length").map(decimal);
        let rest = match (reply.headers.framing(), length) {
            _ if without => Rest::Bytes(0),
            (Some(Framing::Chunked | Framing::CodedAndChunked), _) => Rest::Chunks(Step::Size(0)),
            (None, Some(Some(length))) => Rest::Bytes(length),
            _ => Rest::UntilEnd,
        };
        BodyStart { bytes: Vec::new(), most, rest }
    }

    /// Takes what has come.
    pub fn push(&mut self, input: &[u8]) {
        for &byte in input {
            if self.is_complete() {
                return;
            }
            self.rest = match self.rest {
                Rest::Bytes(left) => {
                    self.bytes.push(byte);
                    Rest::Bytes(left.saturating_sub(1))
                }
                Rest::UntilEnd => {
                    self.bytes.push(byte);
                    Rest::UntilEnd
                }
                Rest::Chunks(step) => self.chunk(step, byte),
            };
        }
    }

    /// Nothing more is wanted, or nothing more comes.
    pub fn is_complete(&self) -> bool {
        self.bytes.len() >= self.most || self.rest == Rest::Bytes(0)
    }

    /// What there is of it.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn chunk(&mut self, step: Step, byte: u8) -> Rest {
        let next = match (step, byte) {
            (Step::Size(0) | Step::Extension(0), b'\n') => return Rest::Bytes(0),
            (Step::Size(size) | Step::Extension(size), b'\n') => Step::Data(size),
            (Step::Size(size), digit) if digit.is_ascii_hexdigit() => {
                let digit = char::from(digit).to_digit(16).map_or(0, u64::from);
                Step::Size(size.saturating_mul(16).saturating_add(digit))
            }
            (Step::Size(size) | Step::Extension(size), _) => Step::Extension(size),
            (Step::Data(left), byte) => {
                self.bytes.push(byte);
                if left > 1 { Step::Data(left - 1) } else { Step::DataEnd }
            }
            (Step::DataEnd, b'\n') => Step::Size(0),
            (Step::DataEnd, _) => Step::DataEnd,
        };
        Rest::Chunks(next)
    }
}

/// A number of digits alone.
fn decimal(text: &[u8]) -> Option<u64> {
    let digit = |sum: u64, byte: &u8| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    };
    text.iter().try_fold(0, digit).filter(|_| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::handshake::parse_reply;

    /// What is kept of `body`, however it is cut, and whether the end was seen.
    fn start(headers: &str, body: &[u8], most: usize) -> (String, bool) {
        let head = format!("HTTP/1.1 403 No\r\n{headers}\r\n");
        let reply = parse_reply(head.as_bytes()).unwrap();
        let mut whole = BodyStart::new(&reply, most);
        whole.push(body);
        let mut cut = BodyStart::new(&reply, most);
        body.iter().for_each(|byte| cut.push(&[*byte]));
        let result = (whole.bytes.clone(), whole.is_complete());
        assert_eq!((cut.bytes.clone(), cut.is_complete()), result);
        (String::from_utf8(result.0).unwrap(), result.1)
    }

    #[test]
    fn a_body_ends_where_its_head_says() {
        assert_eq!(start("Content-Length: 3\r\n", b"abcdef", 9), ("abc".into(), true));
        assert_eq!(start("Content-Length: 3\r\n", b"ab", 9), ("ab".into(), false));
        assert_eq!(start("Content-Length: 0\r\n", b"", 9), (String::new(), true));
        assert_eq!(start("", b"abc", 9), ("abc".into(), false));
        assert_eq!(start("", b"abcdef", 4), ("abcd".into(), true));
        let chunked = "Transfer-Encoding: chunked\r\n";
        assert_eq!(
            start(chunked, b"3\r\nabc\r\nA;x=1\r\n0123456789\r\n0\r\n\r\n", 99),
            ("abc0123456789".into(), true)
        );
        assert_eq!(start(chunked, b"3\r\nab", 99), ("ab".into(), false));
        let coded = "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n";
        assert_eq!(start(coded, b"3\r\nabc\r\n0\r\n\r\n", 99), ("abc".into(), true));
        // Its end is that of the connection, whatever length there is besides.
        for unbounded in ["chunked, gzip", "gzip", "", "chunked, chunked"] {
            let lines = format!("Transfer-Encoding: {unbounded}\r\nContent-Length: 2\r\n");
            assert_eq!(start(&lines, b"3\r\nabc", 99), ("3\r\nabc".into(), false), "{unbounded}");
        }
        assert_eq!(start(chunked, b"fffffffffffffffffffff\r\nab", 99), ("ab".into(), false));
    }

    #[test]
    fn a_length_that_is_none_and_answers_without_a_body() {
        for length in ["-1", "+3", "3, 3", "99999999999999999999", "", "0x3"] {
            assert_eq!(start(&format!("Content-Length: {length}\r\n"), b"abc", 9), ("abc".into(), false));
        }
        let reply = parse_reply(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n").unwrap();
        assert!(BodyStart::new(&reply, 9).is_complete());
    }
}
