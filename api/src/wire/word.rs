//! The words that travel in a memory message's `offset`.

use crate::{Kind, Part};

/// The `offset` of a `Send`: bits 0 and 1 the kind (0 text, 1 binary, 2 ping), bits 2 and 3 the part (0 whole,
/// 1 first, 2 middle, 3 last). No `offset` is a whole text. The kind of a middle or last part is that of its
/// first part, whatever the word says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendWord {
    /// A message or a part of one.
    Data(Kind, Part),
    /// A Ping frame (RFC 6455 section 5.5.2), at most 125 bytes.
    Ping,
}

impl SendWord {
    /// As it travels.
    pub const fn to_word(self) -> usize {
        match self {
            SendWord::Data(kind, part) => {
                (match kind {
                    Kind::Text => 0,
                    Kind::Binary => 1,
                }) | (match part {
                    Part::Whole => 0,
                    Part::First => 1,
                    Part::Middle => 2,
                    Part::Last => 3,
                } << 2)
            }
            SendWord::Ping => 2,
        }
    }

    /// From a word that another process wrote; `None` if it has no meaning.
    pub const fn from_word(word: usize) -> Option<SendWord> {
        let part = match word >> 2 {
            0 => Part::Whole,
            1 => Part::First,
            2 => Part::Middle,
            3 => Part::Last,
            _ => return None,
        };
        match (word & 3, part) {
            (0, part) => Some(SendWord::Data(Kind::Text, part)),
            (1, part) => Some(SendWord::Data(Kind::Binary, part)),
            (2, Part::Whole) => Some(SendWord::Ping),
            _ => None,
        }
    }
}

/// The `offset` of a `Send` of a middle or last part that goes behind the first one and nowhere else: bits 0 to 3 a
/// [`SendWord`]; in the bits above the number of the session on which the first part went out. A connection that is opened
/// again ([`Reconnect`](crate::Reconnect)) has another number each time, and the answer to a `Send` has it in `valid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestWord {
    /// Middle or last.
    pub part: Part,
    /// At least 1 and at most [`RestWord::MAX_SESSION`].
    pub session: usize,
}

impl RestWord {
    /// The highest number of a session; 1 follows.
    pub const MAX_SESSION: usize = (1 << 28) - 1;

    /// This part on that session. `None` for one that begins a message, or for a number that no session has.
    pub const fn new(part: Part, session: usize) -> Option<Self> {
        match part {
            Part::Middle | Part::Last if 0 < session && session <= Self::MAX_SESSION => {
                Some(RestWord { part, session })
            }
            _ => None,
        }
    }

    /// As it travels; fits 32 bits.
    pub const fn to_word(self) -> usize {
        SendWord::Data(Kind::Text, self.part).to_word() | (self.session << 4)
    }

    /// From a word that another process wrote; `None` if it has no meaning.
    pub const fn from_word(word: usize) -> Option<Self> {
        match SendWord::from_word(word & 15) {
            Some(SendWord::Data(_, part)) => Self::new(part, word >> 4),
            _ => None,
        }
    }
}

/// The `offset` of an `Exchange`: bits 0 to 3 a [`SendWord`] of a whole message; in the bits above the most milliseconds to
/// wait for the next message once this one is sent, 0 for as long as it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExchangeWord {
    /// Of the message that is sent.
    pub kind: Kind,
    /// Milliseconds; 0 for a wait without an end. At most [`ExchangeWord::MAX_WAIT`].
    pub wait: usize,
}

impl ExchangeWord {
    /// The longest wait that has room beside the rest, milliseconds: about three days.
    pub const MAX_WAIT: usize = (1 << 28) - 1;

    /// Sends a message of this kind, and waits for the next one. `None` if that is longer than [`ExchangeWord::MAX_WAIT`].
    pub const fn new(kind: Kind, wait: usize) -> Option<Self> {
        if wait > Self::MAX_WAIT { None } else { Some(ExchangeWord { kind, wait }) }
    }

    /// As it travels; fits 32 bits.
    pub const fn to_word(self) -> usize {
        SendWord::Data(self.kind, Part::Whole).to_word() | (self.wait << 4)
    }

    /// From a word that another process wrote; `None` if it has no meaning.
    pub const fn from_word(word: usize) -> Option<Self> {
        match SendWord::from_word(word & 15) {
            Some(SendWord::Data(kind, Part::Whole)) => Self::new(kind, word >> 4),
            _ => None,
        }
    }
}

/// How a `Receive` ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// The page holds a chunk.
    Chunk {
        /// The kind of its message.
        kind: Kind,
        /// It begins a message.
        first: bool,
        /// It ends a message.
        last: bool,
    },
    /// The connection has ended. The page holds the peer's reason (UTF-8, at most 123 bytes). The code is 1005 if the
    /// peer gave none, and 1006 if it vanished, where the page says how, or the handle was never the caller's (RFC 6455
    /// section 7.1.5).
    Closed {
        /// The peer's close code.
        code: u16,
    },
    /// The request was refused, with the number of a [`Code`](crate::Code).
    Refused(u8),
    /// The connection has ended and is opened again ([`Reconnect`](crate::Reconnect)). The page holds a
    /// [`Reconnecting`](super::Reconnecting). A message that had begun has no end.
    Reconnecting,
    /// The connection is open again. The page holds a [`Reply`](super::Reply).
    Reopened,
    /// The memory holds whole messages, as a [`Packer`](super::Packer) puts them there: more than one, and only if that
    /// was asked for ([`Opcode::ReceiveSeveral`](super::Opcode::ReceiveSeveral)).
    Several {
        /// How many.
        count: u16,
    },
    /// The message of an [`Exchange`](super::Opcode::Exchange) was not sent, with the number of a [`Code`](crate::Code), and
    /// nothing was waited for.
    NotSent(u8),
}

/// The `offset` of an answered `Receive`, and of a chunk that is pushed to a server. Never zero.
///
/// | bits | |
/// |---|---|
/// | 0 | always 1 |
/// | 1 | the message is binary |
/// | 2 | first chunk of a message |
/// | 3 | last chunk of a message |
/// | 4 | a queued send has failed since the last answer |
/// | 5 | with `Reconnecting`: the connection is open again |
/// | 6 | several messages |
/// | 7 | with the code of a refusal: the message of an `Exchange` was not sent |
/// | 8..16 | 0, or the [`Code`](crate::Code): `Closed` or why the request was refused |
/// | 16..32 | with `Closed`: the peer's close code; of several messages: how many |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiveWord {
    /// What the answer is.
    pub status: Status,
    /// A queued send (a moved page) has failed since the last answer.
    pub send_failed: bool,
}

const ALWAYS: u32 = 1;
const BINARY: u32 = 1 << 1;
const FIRST: u32 = 1 << 2;
const LAST: u32 = 1 << 3;
const SEND_FAILED: u32 = 1 << 4;
const REOPENED: u32 = 1 << 5;
const SEVERAL: u32 = 1 << 6;
const NOT_SENT: u32 = 1 << 7;
/// In the place of a code.
const RECONNECTING: u32 = crate::Code::Reconnecting as u32;

impl ReceiveWord {
    /// An answer with this status, and with no failed send.
    pub const fn new(status: Status) -> Self {
        ReceiveWord { status, send_failed: false }
    }

    /// Tells whether a queued send has failed since the last answer.
    #[must_use]
    pub const fn send_failed(mut self, failed: bool) -> Self {
        self.send_failed = failed;
        self
    }

    /// As it travels; fits 32 bits.
    pub const fn to_word(self) -> usize {
        let bits = match self.status {
            Status::Chunk { kind, first, last } => {
                (match kind {
                    Kind::Text => 0,
                    Kind::Binary => BINARY,
                }) | if first { FIRST } else { 0 }
                    | if last { LAST } else { 0 }
            }
            Status::Closed { code } => ((crate::Code::Closed as u32) << 8) | ((code as u32) << 16),
            Status::Refused(code) => (code as u32) << 8,
            Status::Reconnecting => RECONNECTING << 8,
            Status::Reopened => (RECONNECTING << 8) | REOPENED,
            Status::Several { count } => SEVERAL | ((count as u32) << 16),
            Status::NotSent(code) => NOT_SENT | ((code as u32) << 8),
        };
        (bits | ALWAYS | if self.send_failed { SEND_FAILED } else { 0 }) as usize
    }

    /// From an answer's `offset`; `None` if the service did not write it.
    pub const fn from_word(word: usize) -> Option<ReceiveWord> {
        let bits = word as u32;
        if bits & ALWAYS == 0 {
            return None;
        }
        let status = match (bits >> 8) & 0xff {
            code if bits & NOT_SENT != 0 => Status::NotSent(code as u8),
            0 if bits & SEVERAL != 0 => Status::Several { count: (bits >> 16) as u16 },
            0 => Status::Chunk {
                kind: if bits & BINARY != 0 { Kind::Binary } else { Kind::Text },
                first: bits & FIRST != 0,
                last: bits & LAST != 0,
            },
            1 => Status::Closed { code: (bits >> 16) as u16 },
            RECONNECTING if bits & REOPENED != 0 => Status::Reopened,
            RECONNECTING => Status::Reconnecting,
            code => Status::Refused(code as u8),
        };
        Some(ReceiveWord { status, send_failed: bits & SEND_FAILED != 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn send_words_go_there_and_back() {
        for kind in [Kind::Text, Kind::Binary] {
            for part in [Part::Whole, Part::First, Part::Middle, Part::Last] {
                let word = SendWord::Data(kind, part);
                assert_eq!(SendWord::from_word(word.to_word()), Some(word));
            }
        }
        assert_eq!(SendWord::from_word(SendWord::Ping.to_word()), Some(SendWord::Ping));
        assert_eq!(SendWord::Data(Kind::Text, Part::Whole).to_word(), 0, "no offset is a whole text");
        for word in [3, 6, 10, 16, 4096, usize::MAX] {
            assert_eq!(SendWord::from_word(word), None, "{word}");
        }
    }

    #[test]
    fn rest_words_go_there_and_back() {
        for part in [Part::Middle, Part::Last] {
            for session in [1, 2, RestWord::MAX_SESSION] {
                let word = RestWord::new(part, session).unwrap();
                assert!(u32::try_from(word.to_word()).is_ok());
                assert_eq!(RestWord::from_word(word.to_word()), Some(word));
                // The kind is that of the first part, whatever it says.
                assert_eq!(RestWord::from_word(word.to_word() | 1), Some(word));
                assert_eq!(SendWord::from_word(word.to_word()), None);
            }
            assert_eq!(RestWord::new(part, 0), None);
            assert_eq!(RestWord::new(part, RestWord::MAX_SESSION + 1), None);
        }
        // No session, what begins a message, kinds that there are not.
        for word in [8, 12, 0x10, 0x14, 0x1a, 0x1b, usize::MAX, (1 << 32) | 8] {
            assert_eq!(RestWord::from_word(word), None, "{word:#x}");
        }
    }

    #[test]
    fn exchange_words_go_there_and_back() {
        for kind in [Kind::Text, Kind::Binary] {
            for wait in [0, 1, ExchangeWord::MAX_WAIT] {
                let word = ExchangeWord::new(kind, wait).unwrap();
                assert!(u32::try_from(word.to_word()).is_ok());
                assert_eq!(ExchangeWord::from_word(word.to_word()), Some(word));
            }
            assert_eq!(ExchangeWord::new(kind, ExchangeWord::MAX_WAIT + 1), None);
        }
        // A ping, a part, kinds and times that there are not.
        for word in [2, 3, 4, 5, 12, 0x102, usize::MAX, (1 << 32) | 1] {
            assert_eq!(ExchangeWord::from_word(word), None, "{word}");
        }
    }

    #[test]
    fn receive_words_go_there_and_back() {
        let chunk = Status::Chunk { kind: Kind::Binary, first: true, last: false };
        for status in [
            chunk,
            Status::Closed { code: 1001 },
            Status::Refused(7),
            Status::Reconnecting,
            Status::Reopened,
            Status::Several { count: 513 },
            Status::NotSent(1),
        ] {
            for send_failed in [false, true] {
                let word = ReceiveWord { status, send_failed };
                assert!(word.to_word() != 0 && u32::try_from(word.to_word()).is_ok());
                assert_eq!(ReceiveWord::from_word(word.to_word()), Some(word));
            }
        }
        assert_eq!(ReceiveWord::from_word(0), None);
    }
}
