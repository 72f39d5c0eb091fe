//! Where certificates and keys come from.

use crate::wire::fields::{Reader, Writer};

/// Stands in the place of a length, and says that a key of the PDDB is named behind it.
const IN_PDDB: u32 = 1 << 31;
/// The same for all keys of a dict.
const IN_DICT: u32 = IN_PDDB | 1;

/// Where certificates or a private key are.
///
/// ```
/// use xous_api_websocket::tls::{Identity, Source};
///
/// # let chain = b"";
/// // The certificate is public and comes with the program, the key stays in the database.
/// let identity = Identity::from_sources(vec![Source::Bytes(chain)], Source::Pddb { dict: "my.tls", key: "key" });
/// ```
///
/// In a page, little-endian: u32 length and bytes; or u32 2^31 and the names of dict and key, each as 16 bits of length
/// and UTF-8; or u32 2^31 + 1 and the name of a dict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source<'a> {
    /// The bytes themselves.
    Bytes(&'a [u8]),
    /// A key of the PDDB, in the basis `.System`. The service reads it for each request that names it. So no message
    /// of the caller carries a private key, and what was stored last counts. If it cannot be read, the request fails.
    Pddb {
        /// The dict; `/` between the parts of its name.
        dict: &'a str,
        /// The key's name in the dict.
        key: &'a str,
    },
    /// All keys of a dict, in every basis that is open, as one set of CA certificates: not for a chain or a private key.
    /// At most [`Source::MAX_KEYS`] are read, of [`Source::MAX_DICT_BYTES`] in all; more are refused. A key that cannot be
    /// used is passed over, with a line in the log. A dict that is not there is an empty one, and the request fails only
    /// if nothing else is trusted.
    Dict {
        /// The dict; `/` between the parts of its name.
        dict: &'a str,
    },
}

impl<'a> Source<'a> {
    /// How many bytes at most are read from keys of the PDDB for one request, all of them together.
    pub const MAX_STORED: usize = 64 * 1024;
    /// How many keys of dicts are read for one request: Mozilla's roots are 120.
    pub const MAX_KEYS: usize = 256;
    /// How many bytes of keys of dicts are read for one request. Mozilla's roots are 57 kB, as the device's store has them.
    pub const MAX_DICT_BYTES: usize = 96 * 1024;

    pub(crate) fn is_stored(&self) -> bool {
        matches!(self, Source::Pddb { .. } | Source::Dict { .. })
    }

    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        match self {
            Source::Bytes(bytes) => w.blob(bytes),
            Source::Pddb { dict, key } => {
                w.u32(IN_PDDB);
                w.text(dict);
                w.text(key);
            }
            Source::Dict { dict } => {
                w.u32(IN_DICT);
                w.text(dict);
            }
        }
    }

    pub(crate) fn read(r: &mut Reader<'a>) -> Option<Self> {
        match r.u32()? {
            IN_PDDB => Some(Source::Pddb { dict: r.text()?, key: r.text()? }),
            IN_DICT => Some(Source::Dict { dict: r.text()? }),
            len => Some(Source::Bytes(r.bytes(usize::try_from(len).ok()?)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_or_name_that_lies_is_refused() {
        for source in [
            &b"\x02\0\0\x80xyz"[..],
            b"\x01\0\0\x80\xff\0xyz",
            b"\xff\xff\xff\xff",
            b"\0\0\0\x80\xff\xff",
            b"\0\0\0\x80\x01\0\xff\0\0",
        ] {
            assert_eq!(Source::read(&mut Reader::new(source)), None, "{source:02x?}");
        }
    }
}
