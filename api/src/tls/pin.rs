//! Certificates and keys that somebody has decided to trust.

use std::fmt;
use std::str::FromStr;

use crate::wire::fields::{Reader, Writer};

const CERTIFICATE: u8 = 1;
const KEY: u8 = 2;

/// A SHA-256 digest. As a text, 32 pairs of hexadecimal digits with `:` between them, as browsers and
/// `openssl x509 -fingerprint -sha256` show it. Read with or without the colons.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)] // a name for the digest
pub struct Fingerprint(pub [u8; 32]);

/// The one certificate, or the one key, that a server is to have: see [`Tls::pin`](crate::Tls::pin).
///
/// ```
/// use xous_api_websocket::{Tls, certificate::Fingerprint, tls::Pin};
///
/// let shown = "5A:".repeat(31) + "5A"; // as a person reads it on the server
/// let tls = Tls::pin(Pin::Certificate(shown.parse()?));
/// # Ok::<(), xous_api_websocket::error::NoFingerprint>(())
/// ```
///
/// In a page: u8 1 for a certificate or 2 for a key, and the 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pin {
    /// Of the server's own certificate, all of its DER. Ends when the certificate is renewed.
    Certificate(Fingerprint),
    /// Of the public key in the server's own certificate: its DER `SubjectPublicKeyInfo`, as in RFC 7469. Lasts while
    /// the server keeps its key.
    Key(Fingerprint),
}

/// The text is not that of a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 fingerprint, which has 64 hexadecimal digits")]
#[non_exhaustive]
pub struct NoFingerprint;

impl Pin {
    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        let (kind, Fingerprint(digest)) = match self {
            Pin::Certificate(digest) => (CERTIFICATE, digest),
            Pin::Key(digest) => (KEY, digest),
        };
        w.u8(kind);
        w.bytes(digest);
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Option<Self> {
        let kind = r.u8()?;
        let digest = Fingerprint::read(r)?;
        match kind {
            CERTIFICATE => Some(Pin::Certificate(digest)),
            KEY => Some(Pin::Key(digest)),
            _ => None,
        }
    }
}

impl Fingerprint {
    pub(crate) fn read(r: &mut Reader<'_>) -> Option<Self> {
        r.bytes(32)?.try_into().ok().map(Fingerprint)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(nth, byte)| {
            f.write_str(if nth > 0 { ":" } else { "" })?;
            write!(f, "{byte:02X}")
        })
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    fn from_str(text: &str) -> Result<Self, NoFingerprint> {
        let mut digest = [0; 32];
        let mut rest = text.trim();
        for (nth, byte) in digest.iter_mut().enumerate() {
            if nth > 0 {
                rest = rest.strip_prefix(':').unwrap_or(rest);
            }
            let (pair, behind) = rest.split_at_checked(2).ok_or(NoFingerprint)?;
            if !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(NoFingerprint);
            }
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NoFingerprint)?;
            rest = behind;
        }
        if rest.is_empty() { Ok(Fingerprint(digest)) } else { Err(NoFingerprint) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_text_and_back() {
        let digest = Fingerprint(std::array::from_fn(|at| at as u8 * 7 + 1));
        let text = digest.to_string();
        assert!(text.starts_with("01:08:0F:16:") && text.len() == 95, "{text}");
        for text in [text.clone(), text.replace(':', "").to_lowercase(), format!(" {text}\n")] {
            assert_eq!(text.parse(), Ok(digest));
        }
        for wrong in [
            "",
            "01",
            "01:08",
            &text[1..],
            &format!("{text}:"),
            &format!("{text}00"),
            &text.replace("01", "+1"),
        ] {
            assert_eq!(wrong.parse::<Fingerprint>(), Err(NoFingerprint), "{wrong:?}");
        }
        assert_eq!("ä".repeat(32).parse::<Fingerprint>(), Err(NoFingerprint));
    }
}
