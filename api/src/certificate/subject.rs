//! Whom a certificate is for, and who issued it.

use std::fmt::{self, Display, Write};

use crate::certificate::der::{Elements, OBJECT_IDENTIFIER, SEQUENCE, SET, element};

/// UTF8String, PrintableString and IA5String, of which the latter two are ASCII.
const STRINGS: [u8; 3] = [0x0c, 0x13, 0x16];
/// `id-at-commonName`, 2.5.4.3 (RFC 5280 appendix A.1).
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// Names of attributes (RFC 4514 section 3).
const SHORT_NAMES: [(&[u8], &str); 7] = [
    (COMMON_NAME, "CN"),
    (&[0x55, 0x04, 0x06], "C"),
    (&[0x55, 0x04, 0x07], "L"),
    (&[0x55, 0x04, 0x08], "ST"),
    (&[0x55, 0x04, 0x0a], "O"),
    (&[0x55, 0x04, 0x0b], "OU"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19], "DC"),
];
/// Characters of an attribute in a text for people; RFC 5280 appendix A.1 has no longer ones.
const MAX_SHOWN: usize = 64;

/// Whom a certificate is for, or who issued it: the content of a DER `Name` (RFC 5280 section 4.1.2.4), without the tag
/// and the length around it. The service has checked the certificate of a client whose subject it reports. Nobody has
/// checked what a [`Shown`](crate::certificate::Shown) holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // a name for the bytes
pub struct Subject<'a>(pub &'a [u8]);

impl<'a> Subject<'a> {
    /// The first common name, if there is one that is text.
    pub fn common_name(self) -> Option<&'a str> {
        self.attributes().find_map(|(kind, value)| (kind == COMMON_NAME).then_some(value))
    }

    /// Attributes that are text, in order: the content of the object identifier of each, and its value. Ends at the first
    /// byte that is not as it should be.
    pub fn attributes(self) -> impl Iterator<Item = (&'a [u8], &'a str)> {
        let names = Elements { rest: self.0, tag: SET };
        names.flat_map(|name| Elements { rest: name, tag: SEQUENCE }).filter_map(|attribute| {
            let (tag, kind, rest) = element(attribute)?;
            let (string, value, rest) = element(rest)?;
            let is_text = tag == OBJECT_IDENTIFIER && STRINGS.contains(&string) && rest.is_empty();
            is_text.then(|| std::str::from_utf8(value).ok()).flatten().map(|value| (kind, value))
        })
    }
}

/// The attributes with their short names, as `CN=alice, O=example` (RFC 4514), for people. What could disturb the text
/// around it is replaced, as whoever made the certificate chose it.
impl Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, (kind, value)) in self.attributes().enumerate() {
            f.write_str(if nth > 0 { ", " } else { "" })?;
            let short = SHORT_NAMES.iter().find(|(known, _)| *known == kind);
            write!(f, "{}=", short.map_or("other", |(_, name)| name))?;
            value.chars().take(MAX_SHOWN).try_for_each(|c| f.write_char(harmless(c)))?;
        }
        Ok(())
    }
}

/// Control characters move the cursor, and marks of direction and of no width make one name look like another.
fn harmless(c: char) -> char {
    let hidden =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    if c.is_control() || hidden { char::REPLACEMENT_CHARACTER } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `C=NL, CN=alice`.
    const NAME: &[u8] =
        b"\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02NL\x31\x0e\x30\x0c\x06\x03\x55\x04\x03\x0c\x05alice";

    #[test]
    fn the_common_name_is_found() {
        assert_eq!(Subject(NAME).common_name(), Some("alice"));
        let all: Vec<_> = Subject(NAME).attributes().map(|(_, value)| value).collect();
        assert_eq!(all, ["NL", "alice"]);
    }

    #[test]
    fn a_name_is_text_that_disturbs_nothing() {
        assert_eq!(Subject(NAME).to_string(), "C=NL, CN=alice");
        assert_eq!(Subject(b"").to_string(), "");
        let hostile = b"\x31\x11\x30\x0f\x06\x03\x55\x04\x03\x0c\x08a\x1b[\xe2\x80\xaeb\n";
        assert_eq!(Subject(hostile).to_string(), "CN=a\u{fffd}[\u{fffd}b\u{fffd}");
        let other = b"\x31\x0b\x30\x09\x06\x03\x55\x04\x05\x13\x0242";
        assert_eq!(Subject(other).to_string(), "other=42");
    }

    #[test]
    fn what_is_cut_or_wrong_has_none() {
        for cut in 0..NAME.len() {
            assert_eq!(Subject(&NAME[..cut]).common_name(), None, "cut at {cut}");
        }
        for at in 0..NAME.len() {
            for wrong in [0, 0x7f, 0x80, 0x82, 0xff] {
                let mut name = NAME.to_vec();
                name[at] = wrong;
                // No panic; a name that is found is the one that stands there.
                if let Some(found) = Subject(&name).common_name() {
                    assert!(found == "alice" || (NAME.len() - 5..).contains(&at), "{found} at {at}");
                }
            }
        }
    }
}
