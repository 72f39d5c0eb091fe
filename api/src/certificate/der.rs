//! Elements of DER (ITU-T X.690), as far as certificates need them. Nothing here trusts a length.

pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
/// `[0]` around other elements.
pub(crate) const EXPLICIT_0: u8 = 0xa0;

/// Tag, content, and what is behind; lengths of up to two bytes.
pub(crate) fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (len, rest) = match *der.get(1)? {
        short @ 0..=0x7f => (usize::from(short), der.get(2..)?),
        0x81 => (usize::from(*der.get(2)?), der.get(3..)?),
        0x82 => (usize::from(u16::from_be_bytes([*der.get(2)?, *der.get(3)?])), der.get(4..)?),
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(len)?;
    Some((*der.first()?, content, rest))
}

/// The contents of elements of one tag, one behind the other.
pub(crate) struct Elements<'a> {
    pub(crate) rest: &'a [u8],
    pub(crate) tag: u8,
}

impl<'a> Elements<'a> {
    /// The content of the next element, which is to have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.tag = tag;
        self.next()
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    /// An element of another tag is the end, and stays where it is.
    fn next(&mut self) -> Option<&'a [u8]> {
        let (tag, content, rest) = element(self.rest)?;
        if tag != self.tag {
            return None;
        }
        self.rest = rest;
        Some(content)
    }
}
