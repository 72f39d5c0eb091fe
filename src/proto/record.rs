//! A connection as it went, in a file: what its peer sent and when, so that the session can be played again.
//!
//! | bytes | |
//! |---|---|
//! | 4 | `WSR1`, the format and its version |
//! | then, entry by entry | u8 kind, u32 milliseconds since the first opening began, u32 length, and so many bytes |
//!
//! Numbers are little-endian. The kinds, in the order in which they come for each attempt to open the connection, but for 7,
//! which comes first if it comes:
//!
//! | kind | bytes |
//! |---|---|
//! | 1 asked | the client's head, as text |
//! | 2 answered | the server's head; without it there was no answer |
//! | 3 came | bytes of the peer, as they came from the socket or out of TLS: of a client they are masked |
//! | 4 sent | u8 first byte of a frame's header, u64 length of its payload, and the payload or nothing |
//! | 5 ended | u16 close code, and a text for people: the session has ended, or what is recorded of it |
//! | 6 full | nothing: the file had no room for more |
//! | 7 serves | nothing: the server has recorded this, and the peer is the client; without it the peer is the server |
//!
//! A reader that meets another kind passes over it.

use core::time::Duration;

/// The format and its version.
pub const MAGIC: [u8; 4] = *b"WSR1";
/// The longest file that is read.
pub const MAX_FILE: usize = 64 * 1024 * 1024;
const HEADER: usize = 9;

/// Headers whose values nobody has to keep to himself; of others the name alone is recorded. Sub-protocols may be
/// tokens.
const HARMLESS: [&str; 14] = [
    "host",
    "upgrade",
    "connection",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "origin",
    "date",
    "server",
    "content-type",
    "content-length",
    "transfer-encoding",
    "retry-after",
];

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// The client's head goes out, or has come.
    Asked(&'a [u8]),
    /// The server's head has come, or goes out.
    Answered(&'a [u8]),
    /// These bytes have come behind the head.
    Came(&'a [u8]),
    /// A frame goes out.
    Sent {
        /// The first byte of its header.
        first: u8,
        /// Of its payload.
        len: u64,
        /// Empty if it was not recorded.
        payload: &'a [u8],
    },
    /// The connection, or the attempt to open it, has ended.
    Ended {
        /// As `Closed` has it.
        code: u16,
        /// For people; at most 65535 bytes.
        reason: &'a str,
    },
    /// There was no room for more.
    Full,
    /// The server has recorded it.
    Serves,
}

/// What happened, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timed<'a> {
    /// Since the first opening began.
    pub at: Duration,
    /// What.
    pub entry: Entry<'a>,
}

/// Why bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Something else, or another version.
    #[error("not a record of version 1")]
    Magic,
    /// It is cut off, or an entry is not what its kind says.
    #[error("the record is damaged: entry {entry}, at byte {at}, {why}")]
    Damaged {
        /// The entry's number, from 1.
        entry: usize,
        /// Where it begins in the file.
        at: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It is longer than [`MAX_FILE`].
    #[error("the record is longer than {MAX_FILE} bytes")]
    TooLong,
}

impl<'a> Entry<'a> {
    /// How many bytes it takes.
    pub fn encoded_len(&self) -> usize {
        HEADER
            + match self {
                Entry::Asked(bytes) | Entry::Answered(bytes) | Entry::Came(bytes) => bytes.len(),
                Entry::Sent { payload, .. } => 9 + payload.len(),
                Entry::Ended { reason, .. } => 2 + reason.len(),
                Entry::Full | Entry::Serves => 0,
            }
    }

    /// Appends it.
    pub fn write(&self, at: Duration, file: &mut Vec<u8>) {
        let kind = match self {
            Entry::Asked(_) => 1,
            Entry::Answered(_) => 2,
            Entry::Came(_) => 3,
            Entry::Sent { .. } => 4,
            Entry::Ended { .. } => 5,
            Entry::Full => 6,
            Entry::Serves => 7,
        };
        file.push(kind);
        file.extend_from_slice(&u32::try_from(at.as_millis()).unwrap_or(u32::MAX).to_le_bytes());
        let len = self.encoded_len() - HEADER;
        file.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
        match self {
            Entry::Asked(bytes) | Entry::Answered(bytes) | Entry::Came(bytes) => {
                file.extend_from_slice(bytes)
            }
            Entry::Sent { first, len, payload } => {
                file.push(*first);
                file.extend_from_slice(&len.to_le_bytes());
                file.extend_from_slice(payload);
            }
            Entry::Ended { code, reason } => {
                file.extend_from_slice(&code.to_le_bytes());
                file.extend_from_slice(reason.as_bytes());
            }
            Entry::Full | Entry::Serves => (),
        }
    }

    /// `None` for a kind that is not known; what is wrong if the bytes are not those of the kind.
    fn read(kind: u8, bytes: &'a [u8]) -> Result<Option<Self>, &'static str> {
        let short = "is too short for its kind";
        Ok(Some(match kind {
            1 => Entry::Asked(bytes),
            2 => Entry::Answered(bytes),
            3 => Entry::Came(bytes),
            4 => {
                let (first, rest) = bytes.split_first().ok_or(short)?;
                let (len, payload) = rest.split_first_chunk().ok_or(short)?;
                Entry::Sent { first: *first, len: u64::from_le_bytes(*len), payload }
            }
            5 => {
                let (code, reason) = bytes.split_first_chunk().ok_or(short)?;
                let reason = core::str::from_utf8(reason).map_err(|_| "has a text that is not UTF-8")?;
                Entry::Ended { code: u16::from_le_bytes(*code), reason }
            }
            6 if bytes.is_empty() => Entry::Full,
            7 if bytes.is_empty() => Entry::Serves,
            6 | 7 => return Err("is longer than its kind"),
            0 => return Err("has no kind"),
            _ => return Ok(None),
        }))
    }
}

/// Reads a record that anybody may have written. Nothing is copied, and nothing is kept.
///
/// # Errors
/// See [`RecordError`].
pub fn read(file: &[u8]) -> Result<Vec<Timed<'_>>, RecordError> {
    if file.len() > MAX_FILE {
        return Err(RecordError::TooLong);
    }
    let mut rest = file.strip_prefix(&MAGIC).ok_or(RecordError::Magic)?;
    let (mut entries, mut number) = (Vec::new(), 0);
    while !rest.is_empty() {
        number += 1;
        let damaged =
            |why| RecordError::Damaged { entry: number, at: file.len().saturating_sub(rest.len()), why };
        let (kind, at, bytes, behind) = split(rest).ok_or_else(|| damaged("is cut off"))?;
        let entry = Entry::read(kind, bytes).map_err(damaged)?;
        entries.extend(entry.map(|entry| Timed { at, entry }));
        rest = behind;
    }
    Ok(entries)
}

/// Whether the server has recorded these, so that the peer is a client.
pub fn is_of_server(entries: &[Timed<'_>]) -> bool {
    entries.first().is_some_and(|timed| timed.entry == Entry::Serves)
}

/// Kind, time and bytes of the first entry, and what is behind it. `None` if it is not whole.
fn split(file: &[u8]) -> Option<(u8, Duration, &[u8], &[u8])> {
    let (kind, behind) = file.split_first()?;
    let (at, behind) = behind.split_first_chunk()?;
    let (len, behind) = behind.split_first_chunk()?;
    let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
    let (bytes, behind) = behind.split_at_checked(len)?;
    Some((*kind, Duration::from_millis(u32::from_le_bytes(*at).into()), bytes, behind))
}

/// A head without what may be a secret: the query, and the values of headers that are not known to be harmless. The server's
/// sub-protocol is not, as it is one of the client's.
pub fn without_secrets(head: &[u8]) -> Vec<u8> {
    let mut safe = Vec::with_capacity(head.len());
    for (number, line) in head.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let colon = line.iter().position(|byte| *byte == b':');
        if number == 0 {
            without_query(line, &mut safe);
        } else if matches!(line.first(), Some(b' ' | b'\t')) {
            // The rest of a value.
        } else if let Some((name, _)) = colon.and_then(|colon| line.split_at_checked(colon))
            && !is_harmless(name)
        {
            safe.extend_from_slice(name);
            safe.extend_from_slice(b": -\r\n");
        } else {
            safe.extend_from_slice(line);
        }
    }
    safe
}

fn is_harmless(name: &[u8]) -> bool {
    HARMLESS.iter().any(|harmless| name.eq_ignore_ascii_case(harmless.as_bytes()))
}

/// Of a request line. A status line may have any text.
fn without_query(line: &[u8], safe: &mut Vec<u8>) {
    let is_request = !line.starts_with(b"HTTP/");
    match line.iter().position(|byte| *byte == b'?').filter(|_| is_request) {
        Some(query) => {
            let (path, query) = line.split_at(query + 1);
            let end = query.iter().position(|byte| *byte == b' ').unwrap_or(query.len());
            safe.extend_from_slice(path);
            safe.extend_from_slice(&query[end..]);
        }
        None => safe.extend_from_slice(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRIES: [Entry<'static>; 8] = [
        Entry::Serves,
        Entry::Asked(b"GET / HTTP/1.1\r\n\r\n"),
        Entry::Answered(b"HTTP/1.1 101 \r\n\r\n"),
        Entry::Came(&[0x81, 0]),
        Entry::Sent { first: 0x82, len: 1 << 40, payload: b"" },
        Entry::Sent { first: 0x81, len: 2, payload: b"hi" },
        Entry::Ended { code: 1006, reason: "lost" },
        Entry::Full,
    ];

    fn file() -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        for (ms, entry) in (0..).zip(&ENTRIES) {
            let before = file.len();
            entry.write(Duration::from_millis(ms), &mut file);
            assert_eq!(file.len() - before, entry.encoded_len());
        }
        file
    }

    #[test]
    fn a_record_goes_there_and_back() {
        let entries: Vec<_> = (0..)
            .zip(&ENTRIES)
            .map(|(ms, entry)| Timed { at: Duration::from_millis(ms), entry: *entry })
            .collect();
        let mut file = file();
        assert_eq!(read(&file), Ok(entries.clone()));
        // Of a later writer.
        file.extend_from_slice(&[99, 0, 0, 0, 0, 1, 0, 0, 0, 7]);
        assert_eq!(read(&file), Ok(entries));
        assert_eq!(read(&MAGIC), Ok(Vec::new()));
    }

    /// `tests/proto_properties.rs` has what is changed or random.
    #[test]
    fn what_is_no_record_is_refused() {
        assert_eq!(read(b""), Err(RecordError::Magic));
        assert_eq!(read(b"WSR2"), Err(RecordError::Magic));
        let file = file();
        let ends: Vec<_> = (0..=ENTRIES.len())
            .map(|many| MAGIC.len() + ENTRIES[..many].iter().map(Entry::encoded_len).sum::<usize>())
            .collect();
        for len in MAGIC.len()..=file.len() {
            assert_eq!(read(&file[..len]).is_ok(), ends.contains(&len), "cut at {len}");
        }
    }

    /// Which entry it is, where it begins, and what is wrong.
    #[test]
    fn a_damaged_entry_is_named() {
        let begins = MAGIC.len() + ENTRIES[0].encoded_len();
        for (kind, bytes, why) in [
            (4, &b"12345678"[..], "is too short for its kind"),
            (4, b"", "is too short for its kind"),
            (5, b"1", "is too short for its kind"),
            (5, b"12\xff", "has a text that is not UTF-8"),
            (6, b"1", "is longer than its kind"),
            (7, b"1", "is longer than its kind"),
            (0, b"", "has no kind"),
        ] {
            let mut file = file()[..begins].to_vec();
            file.extend_from_slice(&[kind, 0, 0, 0, 0, bytes.len() as u8, 0, 0, 0]);
            file.extend_from_slice(bytes);
            file.extend_from_slice(&[99; 3]);
            assert_eq!(read(&file), Err(RecordError::Damaged { entry: 2, at: begins, why }));
            let said = read(&file).unwrap_err().to_string();
            assert_eq!(said, format!("the record is damaged: entry 2, at byte {begins}, {why}"));
        }
        let cut = RecordError::Damaged { entry: 2, at: begins, why: "is cut off" };
        assert_eq!(read(&file()[..begins + 8]), Err(cut));
        // Longer than anything there is.
        let endless = [&MAGIC[..], &[3, 0, 0, 0, 0, 255, 255, 255, 255, 1]].concat();
        assert_eq!(read(&endless), Err(RecordError::Damaged { entry: 1, at: 4, why: "is cut off" }));
    }

    #[test]
    fn secrets_are_left_out_of_heads() {
        let head = b"GET /feed?token=abc HTTP/1.1\r\nHost: a\r\nAuthorization: Basic c2VjcmV0\r\nCookie: a=secret\r\n\
                     X-Api-Key: secret\r\n\tand secret\r\nSec-WebSocket-Protocol: chat, secret\r\nUpgrade: websocket\r\n\r\n";
        let safe = String::from_utf8(without_secrets(head)).unwrap();
        assert_eq!(
            safe,
            "GET /feed? HTTP/1.1\r\nHost: a\r\nAuthorization: -\r\nCookie: -\r\nX-Api-Key: -\r\n\
             Sec-WebSocket-Protocol: -\r\nUpgrade: websocket\r\n\r\n"
        );
        let answer = b"HTTP/1.1 101 What?\r\nSet-Cookie: secret\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
        let safe = String::from_utf8(without_secrets(answer)).unwrap();
        assert_eq!(safe, "HTTP/1.1 101 What?\r\nSet-Cookie: -\r\nSec-WebSocket-Protocol: -\r\n\r\n");
        for cut in 0..head.len() {
            let safe = without_secrets(&head[..cut]);
            assert!(!safe.windows(6).any(|six| six == b"secret"));
        }
    }
}
