//! Any bytes as a recording: they are read or refused, and what was read is written as it was.

use websocket::proto::record::{Entry, MAGIC, RecordError, read, without_secrets};

/// Panics if the reader does something wrong.
pub(crate) fn check(data: &[u8]) {
    match read(data) {
        Ok(entries) => {
            let mut again = MAGIC.to_vec();
            entries.iter().for_each(|timed| timed.entry.write(timed.at, &mut again));
            // Shorter by entries of kinds that are not known.
            assert!(again.len() <= data.len());
            assert_eq!(read(&again).as_ref(), Ok(&entries));
            for timed in &entries {
                if let Entry::Asked(head) | Entry::Answered(head) = timed.entry {
                    without_secrets(head);
                }
            }
        }
        Err(RecordError::Damaged { entry, at, why }) => {
            assert!(entry > 0 && (MAGIC.len()..data.len()).contains(&at) && !why.is_empty());
            // Nothing before it is wrong.
            assert!(read(&data[..at]).is_ok());
        }
        Err(RecordError::Magic) => assert!(!data.starts_with(&MAGIC)),
        Err(other) => panic!("{other}"),
    }
    without_secrets(data);
}
