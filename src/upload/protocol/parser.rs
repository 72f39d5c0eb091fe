//! The wire protocol of file parts, without I/O: chunks of binary messages go in, events come out.
//!
//! ```text
//! first message of a transfer:  transferId (u32 LE) | name (UTF-8) | 0 | length (u32 LE) | data
//! later messages:               transferId (u32 LE) | data
//! ```
//!
//! A message does not say whether it is the first of its transfer. It is the first if its id is not known. However
//! messages are cut into chunks, the same events come; only their data is cut differently. The parser takes a fixed
//! amount of memory, whatever a sender declares.

/// The longest name, in bytes: a dict of 110, a separator and a key of 94 ([`KeyPath`](crate::pddb::KeyPath)).
pub const NAME_BYTES: usize = 205;

/// Bytes of `transferId` and of `length`.
const FIELD: usize = 4;

/// Why a message does not follow the protocol. The rest of it is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// It ends before its header does.
    Short,
    /// No zero byte ends the name within [`NAME_BYTES`].
    LongName,
    /// The name is not UTF-8.
    NotUtf8,
}

/// Takes the parser's events.
pub trait Parts {
    /// Whether the messages with this id are later ones. Asked once per message.
    fn knows(&self, id: u32) -> bool;
    /// A transfer begins. Its message may go on with data.
    fn begin(&mut self, id: u32, name: &str, length: u32);
    /// A piece of data, never empty.
    fn data(&mut self, id: u32, bytes: &[u8]);
    /// The message is over. Comes after every message with an id, except malformed ones.
    fn end(&mut self, id: u32);
    /// The message is malformed; `id` if it had been read.
    fn malformed(&mut self, id: Option<u32>, why: Malformed);
}

/// The parser of one connection. Messages of a connection do not interleave, so it holds the state of one.
#[derive(Debug)]
pub struct Parser {
    state: State,
    /// What is collected of the field that is being read.
    buffer: [u8; NAME_BYTES + FIELD],
    len: usize,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Id,
    Name {
        id: u32,
    },
    Length {
        id: u32,
        name: usize,
    },
    Data {
        id: u32,
    },
    /// The rest of a malformed message.
    Skip,
}

impl Default for Parser {
    fn default() -> Self {
        Parser { state: State::Id, buffer: [0; NAME_BYTES + FIELD], len: 0 }
    }
}

impl Parser {
    /// Takes a chunk of a binary message. `first` and `last` say whether it begins and ends a message. A chunk may be
    /// empty.
    pub fn feed(&mut self, first: bool, last: bool, mut bytes: &[u8], parts: &mut impl Parts) {
        if first {
            self.state = State::Id;
            self.len = 0;
        }
        while !bytes.is_empty() {
            bytes = self.step(bytes, parts);
        }
        if last {
            self.end(parts);
        }
    }

    /// Takes some of `bytes`, at least one. Returns the rest.
    fn step<'a>(&mut self, bytes: &'a [u8], parts: &mut impl Parts) -> &'a [u8] {
        match self.state {
            State::Id => {
                let (field, rest) = self.field(0, bytes);
                if let Some(id) = field {
                    self.len = 0;
                    self.state = if parts.knows(id) { State::Data { id } } else { State::Name { id } };
                }
                rest
            }
            State::Name { id } => self.name(id, bytes, parts),
            State::Length { id, name } => {
                let (field, rest) = self.field(name, bytes);
                if let Some(length) = field {
                    self.state = State::Data { id };
                    match std::str::from_utf8(&self.buffer[..name]) {
                        Ok(name) => parts.begin(id, name, length),
                        Err(_) => self.fail(Some(id), Malformed::NotUtf8, parts),
                    }
                }
                rest
            }
            State::Data { id } => {
                parts.data(id, bytes);
                &[]
            }
            State::Skip => &[],
        }
    }

    /// Collects the name up to its zero byte.
    fn name<'a>(&mut self, id: u32, bytes: &'a [u8], parts: &mut impl Parts) -> &'a [u8] {
        let room = NAME_BYTES - self.len;
        // One more than fits, for the zero byte.
        let seen = &bytes[..bytes.len().min(room + 1)];
        let (name, rest) = match seen.iter().position(|byte| *byte == 0) {
            Some(zero) => {
                self.state = State::Length { id, name: self.len + zero };
                (&bytes[..zero], &bytes[zero + 1..])
            }
            None if seen.len() > room => {
                self.fail(Some(id), Malformed::LongName, parts);
                return &[];
            }
            None => (seen, &bytes[seen.len()..]),
        };
        self.buffer[self.len..self.len + name.len()].copy_from_slice(name);
        self.len += name.len();
        rest
    }

    /// Collects four bytes from `start` of the buffer on. Returns their number once all are there, and the rest of
    /// the input.
    fn field<'a>(&mut self, start: usize, bytes: &'a [u8]) -> (Option<u32>, &'a [u8]) {
        let missing = start + FIELD - self.len;
        let (now, rest) = bytes.split_at(bytes.len().min(missing));
        self.buffer[self.len..self.len + now.len()].copy_from_slice(now);
        self.len += now.len();
        let whole = self.buffer[start..self.len].try_into().ok();
        (whole.map(u32::from_le_bytes), rest)
    }

    fn end(&mut self, parts: &mut impl Parts) {
        match self.state {
            State::Id => parts.malformed(None, Malformed::Short),
            State::Name { id } | State::Length { id, .. } => parts.malformed(Some(id), Malformed::Short),
            State::Data { id } => parts.end(id),
            State::Skip => (),
        }
        self.state = State::Skip;
    }

    fn fail(&mut self, id: Option<u32>, why: Malformed, parts: &mut impl Parts) {
        self.state = State::Skip;
        parts.malformed(id, why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes what happens; data of one message together, since its cuts are nobody's business.
    #[derive(Default, Debug, PartialEq, Eq)]
    struct Notes {
        known: Vec<u32>,
        events: Vec<String>,
        data: Vec<u8>,
    }

    impl Parts for Notes {
        fn knows(&self, id: u32) -> bool {
            self.known.contains(&id)
        }

        fn begin(&mut self, id: u32, name: &str, length: u32) {
            self.known.push(id);
            self.events.push(format!("begin {id} {name} {length}"));
        }

        fn data(&mut self, _: u32, bytes: &[u8]) {
            assert!(!bytes.is_empty());
            self.data.extend_from_slice(bytes);
        }

        fn end(&mut self, id: u32) {
            let data = std::mem::take(&mut self.data);
            self.events.push(format!("end {id} {data:?}"));
        }

        fn malformed(&mut self, id: Option<u32>, why: Malformed) {
            self.events.push(format!("malformed {id:?} {why:?}"));
        }
    }

    fn message(id: u32, rest: &[u8]) -> Vec<u8> {
        [&id.to_le_bytes(), rest].concat()
    }

    /// Feeds messages in chunks of at most `most` bytes.
    fn parse(messages: &[Vec<u8>], most: usize) -> Notes {
        let mut notes = Notes::default();
        let mut parser = Parser::default();
        for message in messages {
            let chunks: Vec<_> = message.chunks(most).collect();
            for (i, chunk) in chunks.iter().enumerate() {
                parser.feed(i == 0, i + 1 == chunks.len(), chunk, &mut notes);
            }
            if message.is_empty() {
                parser.feed(true, true, &[], &mut notes);
            }
        }
        notes
    }

    #[test]
    fn a_transfer_begins_goes_on_and_interleaves() {
        let messages = [
            message(1, b"a/b.txt\0\x05\0\0\0he"),
            message(2, b"c\0\0\0\0\x01"),
            message(1, b"llo"),
            message(2, b""),
        ];
        let events = ["begin 1 a/b.txt 5", "end 1 [104, 101]", "begin 2 c 16777216", "end 2 []"];
        let later = ["end 1 [108, 108, 111]", "end 2 []"];
        let expected: Vec<_> = events.iter().chain(&later).map(ToString::to_string).collect();
        for most in 1..20 {
            assert_eq!(parse(&messages, most).events, expected, "chunks of {most}");
        }
    }

    #[test]
    fn what_is_no_header_is_skipped_to_its_end() {
        let long = "n".repeat(NAME_BYTES);
        let messages = [
            vec![],
            vec![1, 2, 3],
            message(1, b""),
            message(2, b"name"),
            message(3, b"name\0\x01\0\0"),
            message(4, b"\xff\0\x01\0\0\0data"),
            message(5, format!("{long}n\0\0\0\0\0data").as_bytes()),
            message(6, format!("{long}\0\0\0\0\0").as_bytes()),
            message(7, b"\0\0\0\0\0"),
        ];
        let expected = [
            "malformed None Short".to_owned(),
            "malformed None Short".to_owned(),
            "malformed Some(1) Short".to_owned(),
            "malformed Some(2) Short".to_owned(),
            "malformed Some(3) Short".to_owned(),
            "malformed Some(4) NotUtf8".to_owned(),
            "malformed Some(5) LongName".to_owned(),
            format!("begin 6 {long} 0"),
            "end 6 []".to_owned(),
            "begin 7  0".to_owned(),
            "end 7 []".to_owned(),
        ];
        for most in [1, 2, 3, 4, 5, 7, 100, 1000] {
            let notes = parse(&messages, most);
            assert_eq!(notes.events, expected, "chunks of {most}");
            assert!(notes.data.is_empty());
        }
    }

    #[test]
    fn empty_chunks_say_nothing() {
        let mut notes = Notes::default();
        let mut parser = Parser::default();
        for (first, last, bytes) in [
            (true, false, &b""[..]),
            (false, false, b"\x01\0"),
            (false, false, b""),
            (false, false, b"\0\0x\0\0\0\0\0"),
            (false, true, b""),
        ] {
            parser.feed(first, last, bytes, &mut notes);
        }
        assert_eq!(notes.events, ["begin 1 x 0", "end 1 []"]);
    }
}
