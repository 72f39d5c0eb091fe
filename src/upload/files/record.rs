//! Records: small keys that say after a crash what is not finished. Each is written once, before the work that it
//! describes begins, and deleted when that is done. So a record that cannot be read says nothing.

use sha2::{Digest, Sha256};

use crate::pddb::{DictPath, KeyPath};

/// Bytes that a record has at most.
pub(super) const RECORD_BYTES: usize = 384;

/// First bytes of every record.
const MARK: [u8; 4] = *b"WSU1";
/// Bytes of the digest that end a record.
const CHECK: usize = 8;

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// The key is not complete: delete it.
    Incomplete { key: KeyPath },
    /// The content of `key` is now that of `staged`, a key beside the record, `length` bytes long: copy it.
    Replace { key: KeyPath, staged: String, length: u64 },
}

const INCOMPLETE: u8 = 1;
const REPLACE: u8 = 2;

impl Record {
    /// The bytes of the record for the key called `own`. They contain that name, because a key whose deletion was cut
    /// off may show another key's bytes.
    pub(super) fn to_bytes(&self, own: &str) -> Vec<u8> {
        let mut bytes = MARK.to_vec();
        let (kind, key) = match self {
            Record::Incomplete { key } => (INCOMPLETE, key),
            Record::Replace { key, .. } => (REPLACE, key),
        };
        bytes.push(kind);
        for text in [own, key.dict().basis(), key.dict().name(), key.name()] {
            push_text(&mut bytes, text);
        }
        if let Record::Replace { staged, length, .. } = self {
            push_text(&mut bytes, staged);
            bytes.extend_from_slice(&length.to_le_bytes());
        }
        let digest = Sha256::digest(&bytes);
        bytes.extend_from_slice(&digest[..CHECK]);
        bytes
    }

    /// The record in the key called `own`; `None` if the bytes are no record of that key, or not a whole one.
    pub(super) fn from_bytes(own: &str, bytes: &[u8]) -> Option<Record> {
        let (fields, check) = bytes.split_at_checked(bytes.len().checked_sub(CHECK)?)?;
        if Sha256::digest(fields)[..CHECK] != *check {
            return None;
        }
        let mut rest = fields.strip_prefix(&MARK)?;
        let kind = *rest.split_off_first()?;
        if take_text(&mut rest)? != own {
            return None;
        }
        let dict = DictPath::new(take_text(&mut rest)?, take_text(&mut rest)?).ok()?;
        let key = dict.key(take_text(&mut rest)?).ok()?;
        let record = match kind {
            INCOMPLETE => Record::Incomplete { key },
            REPLACE => {
                let staged = take_text(&mut rest)?.to_owned();
                let length = u64::from_le_bytes(*rest.split_off(..8)?.first_chunk()?);
                Record::Replace { key, staged, length }
            }
            _ => return None,
        };
        rest.is_empty().then_some(record)
    }
}

/// A length in one byte and the text. Names of the PDDB are shorter than 256 bytes.
fn push_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(text.len() as u8);
    bytes.extend_from_slice(text.as_bytes());
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let len = usize::from(*rest.split_off_first()?);
    std::str::from_utf8(rest.split_off(..len)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn longest() -> Record {
        let dict = DictPath::new(&"b".repeat(64), &"d".repeat(110)).unwrap();
        let key = dict.key(&"k".repeat(94)).unwrap();
        Record::Replace { key, staged: "t00000001".into(), length: u64::MAX }
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_fits() {
        let key = DictPath::new(".System", "uploads/a").unwrap().key("b").unwrap();
        for record in [Record::Incomplete { key }, longest()] {
            let bytes = record.to_bytes("c00000001");
            assert!(bytes.len() <= RECORD_BYTES);
            assert_eq!(Record::from_bytes("c00000001", &bytes), Some(record));
            assert_eq!(Record::from_bytes("c00000002", &bytes), None, "another key's");
        }
    }

    #[test]
    fn a_part_of_a_record_and_a_changed_one_are_none() {
        let bytes = longest().to_bytes("c1");
        for len in 0..bytes.len() {
            assert_eq!(Record::from_bytes("c1", &bytes[..len]), None);
            let mut changed = bytes.clone();
            changed[len] ^= 0x10;
            assert_eq!(Record::from_bytes("c1", &changed), None);
        }
        assert_eq!(Record::from_bytes("c1", &[0; 384]), None);
    }
}
