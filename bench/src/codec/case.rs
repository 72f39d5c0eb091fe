//! What is measured: a row of a table.

use std::fmt;

/// What messages hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Binary,
    /// Text of ASCII alone.
    Ascii,
    /// Text of characters of one to four bytes.
    Mixed,
}

impl Content {
    pub(crate) const ALL: [Content; 3] = [Content::Binary, Content::Ascii, Content::Mixed];

    pub(crate) fn is_text(self) -> bool {
        self != Content::Binary
    }

    /// `size` bytes of it, UTF-8 where it is text.
    pub(crate) fn payload(self, size: usize) -> Vec<u8> {
        match self {
            Content::Binary => (0..size).map(|i| (i * 31 + 7) as u8).collect(),
            Content::Ascii => (0..size).map(|i| b' ' + (i % 95) as u8).collect(),
            Content::Mixed => mixed(size),
        }
    }
}

/// Words of several scripts; spaces fill what is left at the end.
fn mixed(size: usize) -> Vec<u8> {
    const WORDS: &str =
        "na\u{ef}ve \u{3b1}\u{3b2}\u{3b3} plain \u{65e5}\u{672c}\u{8a9e} \u{1f980} gr\u{fc}n ";
    let mut payload: Vec<u8> = WORDS.bytes().cycle().take(size).collect();
    let valid = std::str::from_utf8(&payload).map_or_else(|error| error.valid_up_to(), str::len);
    payload[valid..].fill(b' ');
    payload
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Content::Binary => "binary",
            Content::Ascii => "text, ASCII",
            Content::Mixed => "text, mixed",
        })
    }
}

/// One row: every codec does the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// Masked frames from memory, read in pieces.
    Decode { content: Content, size: usize, piece: usize },
    /// Binary messages to frames.
    Encode { masked: bool, size: usize },
}

/// Sizes of messages, in bytes of payload.
pub(crate) const SIZES: [usize; 4] = [16, 125, 4096, 65536];
/// Sizes of reads.
pub(crate) const PIECES: [usize; 2] = [4096, 65536];

impl Case {
    /// Every row of the tables.
    pub(crate) fn all() -> Vec<Case> {
        let mut all = Vec::new();
        for piece in PIECES {
            for content in Content::ALL {
                all.extend(SIZES.map(|size| Case::Decode { content, size, piece }));
            }
        }
        for masked in [true, false] {
            all.extend(SIZES.map(|size| Case::Encode { masked, size }));
        }
        all
    }

    /// Payload bytes per message.
    pub(crate) fn size(self) -> usize {
        match self {
            Case::Decode { size, .. } | Case::Encode { size, .. } => size,
        }
    }

    /// A name without spaces, for files and arguments.
    pub(crate) fn key(self) -> String {
        match self {
            Case::Decode { content, size, piece } => {
                let content = match content {
                    Content::Binary => "binary",
                    Content::Ascii => "ascii",
                    Content::Mixed => "mixed",
                };
                format!("decode-{content}-{size}-in-{piece}")
            }
            Case::Encode { masked, size } => {
                format!("encode-{}-{size}", if masked { "masked" } else { "plain" })
            }
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Case::Decode { content, size, piece } => {
                write!(f, "decode {content}, {size} B, reads of {} KiB", piece / 1024)
            }
            Case::Encode { masked, size } => {
                write!(f, "encode {}, {size} B", if *masked { "masked" } else { "plain" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_text_of_the_size_asked_for() {
        for content in [Content::Ascii, Content::Mixed] {
            for size in 0..200 {
                let payload = content.payload(size);
                assert_eq!(payload.len(), size);
                assert!(std::str::from_utf8(&payload).is_ok(), "{size}");
            }
        }
    }
}
