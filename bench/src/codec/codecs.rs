//! The codecs, each behind the same two traits.

use super::case::{Case, Content};
use super::wire::Wire;
use super::{ours, reference};

/// A connection that receives.
pub(crate) trait Decode {
    /// Decodes this many messages; the payload bytes that came out. Goes on where it stopped.
    fn decode(&mut self, messages: usize) -> usize;
}

/// A connection that sends.
pub(crate) trait Encode {
    /// Sends the same message this often.
    fn encode(&mut self, messages: usize);
}

/// A codec of the tables.
pub(crate) struct Codec {
    pub(crate) name: &'static str,
    pub(crate) decoder: fn(Wire) -> Box<dyn Decode>,
    pub(crate) encoder: fn(masked: bool, payload: Vec<u8>) -> Box<dyn Encode>,
    /// Whether it can do a case at all.
    pub(crate) can: fn(Case) -> bool,
}

/// What runs in a cell of a table.
pub(crate) enum Work {
    Decode(Box<dyn Decode>),
    Encode(Box<dyn Encode>),
}

impl Codec {
    /// All of them: ours, the others, the reference.
    pub(crate) fn all() -> Vec<Codec> {
        #[allow(unused_mut, reason = "built without the others")]
        let mut all = vec![ours::CODEC];
        #[cfg(feature = "others")]
        all.extend(super::others::CODECS);
        all.push(reference::CODEC);
        all
    }

    /// It is this project's.
    pub(crate) fn is_ours(&self) -> bool {
        self.name == ours::CODEC.name
    }

    /// A connection for a case; `None` if the codec cannot do it.
    pub(crate) fn prepare(&self, case: Case) -> Option<Work> {
        if !(self.can)(case) {
            return None;
        }
        Some(match case {
            Case::Decode { content, size, piece } => {
                Work::Decode((self.decoder)(Wire::new(content, size, piece)))
            }
            Case::Encode { masked, size } => {
                Work::Encode((self.encoder)(masked, Content::Binary.payload(size)))
            }
        })
    }

    /// It is no library but what the others are measured against, and checks nothing.
    pub(crate) fn is_reference(&self) -> bool {
        self.name == reference::CODEC.name
    }
}

impl Work {
    /// Does this many messages.
    pub(crate) fn run(&mut self, messages: usize) {
        match self {
            Work::Decode(decoder) => {
                std::hint::black_box(decoder.decode(messages));
            }
            Work::Encode(encoder) => encoder.encode(messages),
        }
    }
}

/// [`Codec::can`] of those that can do every case.
pub(crate) fn everything(_: Case) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_gives_every_byte() {
        for case in Case::all() {
            for codec in Codec::all() {
                if let Some(Work::Decode(mut decoder)) = codec.prepare(case) {
                    // Those that give chunks may have some of a later message out, or some of the last one not.
                    let bytes: usize = (0..3).map(|_| decoder.decode(50)).sum();
                    assert_eq!(bytes, 150 * case.size(), "{} {case}", codec.name);
                }
            }
        }
    }

    #[test]
    fn invalid_text_is_seen_by_all_that_check() {
        let wire = || Wire::new(Content::Binary, 300, 4096).into_text();
        for codec in Codec::all() {
            if ["embedded-websocket", "reference"].contains(&codec.name) {
                continue;
            }
            let seen = std::panic::catch_unwind(|| (codec.decoder)(wire()).decode(10));
            assert!(seen.is_err(), "{}", codec.name);
        }
    }
}
