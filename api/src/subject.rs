//! Whom a client's certificate is for.

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// UTF8String, PrintableString and IA5String, of which the latter two are ASCII.
const STRINGS: [u8; 3] = [0x0c, 0x13, 0x16];
/// `id-at-commonName`, 2.5.4.3 (RFC 5280 appendix A.1).
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// The subject of a certificate that the service has checked: the content of a DER `Name` (RFC 5280 section 4.1.2.4),
/// without the tag and the length around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// The contents of elements of one tag, one behind the other.
struct Elements<'a> {
    rest: &'a [u8],
    tag: u8,
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (tag, content, rest) = element(self.rest)?;
        self.rest = rest;
        (tag == self.tag).then_some(content)
    }
}

/// Tag, content, and what is behind; lengths of up to two bytes.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (len, rest) = match *der.get(1)? {
        short @ 0..=0x7f => (usize::from(short), der.get(2..)?),
        0x81 => (usize::from(*der.get(2)?), der.get(3..)?),
        0x82 => (usize::from(u16::from_be_bytes([*der.get(2)?, *der.get(3)?])), der.get(4..)?),
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(len)?;
    Some((*der.first()?, content, rest))
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
