//! What the service answers to an `Open`.

use super::fields::{Reader, Writer};
use super::{Handle, part};
use crate::Code;
use crate::error::OpenError;

/// Stands for no sub-protocol.
const NONE: u16 = u16::MAX;

/// An open connection.
///
/// In the page of an answered `Open`, little-endian: u32 handle, u16 status, u16 length of the sub-protocol
/// (65535 for none), u16 length of the head, u16 0, the sub-protocol, the head. The head is the server's
/// status line and headers as they came, cut where the page ends.
///
/// A refused `Open` has its [`Code`] in `offset` and a [`Refusal`] in the page.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply<'a> {
    /// The connection.
    pub handle: Handle,
    /// 101.
    pub status: u16,
    /// The sub-protocol that the server chose, one of those offered.
    pub sub_protocol: Option<&'a str>,
    /// Status line and headers.
    pub head: &'a [u8],
}

impl<'a> Reply<'a> {
    /// An open connection, of which nothing more is known.
    pub fn new(handle: Handle, status: u16) -> Self {
        Reply { handle, status, sub_protocol: None, head: &[] }
    }

    /// Writes the reply into `page`, the head as far as it fits. Returns the number of bytes, or `None` if not even
    /// the sub-protocol fits.
    pub fn write(&self, page: &mut [u8]) -> Option<usize> {
        let protocol = self.sub_protocol.unwrap_or_default();
        let room = page.len().checked_sub(12 + protocol.len())?.min(usize::from(u16::MAX));
        let head = self.head.get(..room).unwrap_or(self.head);
        let mut w = Writer::new(page);
        w.u32(self.handle.to_raw());
        w.u16(self.status);
        w.u16(self.sub_protocol.map_or(Some(NONE), |p| u16::try_from(p.len()).ok())?);
        w.u16(u16::try_from(head.len()).ok()?);
        w.u16(0);
        w.bytes(protocol.as_bytes());
        w.bytes(head);
        w.finish()
    }

    /// Reads a reply; `None` if the page holds something else.
    pub fn parse(page: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(page);
        let handle = Handle::from_raw(r.u32()?)?;
        let status = r.u16()?;
        let protocol = r.u16()?;
        let head = r.u16()?;
        r.u16()?;
        let sub_protocol = match protocol {
            NONE => None,
            len => Some(std::str::from_utf8(r.bytes(usize::from(len))?).ok()?),
        };
        Some(Reply { handle, status, sub_protocol, head: r.bytes(usize::from(head))? })
    }
}

/// A refused `Open`: the server's answer, if it sent one, and a text for people.
///
/// In the page, little-endian: u32 0, u16 status of the server's answer (0 if there was none), u16 length, a text for
/// people; behind it parts, each u8 kind, u32 length and content: 1 is what a server showed
/// ([`Shown`](crate::certificate::Shown)), 2 the beginning of the answer's body, 3 its head. Parts of another kind are passed over, and
/// a reader may leave them all alone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal<'a> {
    /// 0 if no HTTP answer came.
    pub status: u16,
    /// What failed, and where.
    pub text: &'a str,
    /// Status line and headers of the answer, as they came, cut where the page ends; empty if there was none.
    pub head: &'a [u8],
    /// The beginning of the answer's body, at most 1024 bytes.
    pub body: &'a [u8],
}

impl<'a> Refusal<'a> {
    /// A text, and the status of the server's answer or 0.
    pub fn new(status: u16, text: &'a str) -> Self {
        Refusal { status, text, head: &[], body: &[] }
    }

    /// With the head and the beginning of the body of that answer.
    #[must_use]
    pub fn answer(mut self, head: &'a [u8], body: &'a [u8]) -> Self {
        (self.head, self.body) = (head, body);
        self
    }

    /// Writes the refusal into `page`: the text, the body and the head, as far as each fits. Returns the number of
    /// bytes.
    pub fn write(&self, page: &mut [u8]) -> usize {
        let room = page.len().saturating_sub(8).min(usize::from(u16::MAX));
        let mut end = self.text.len().min(room);
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let mut w = Writer::new(page);
        w.u32(0);
        w.u16(self.status);
        w.text(&self.text[..end]);
        let mut room = room - end;
        for (kind, content) in [(part::BODY, self.body), (part::HEAD, self.head)] {
            let Some(most) = room.checked_sub(part::FIXED).filter(|_| !content.is_empty()) else { continue };
            let content = &content[..content.len().min(most)];
            room = most - content.len();
            w.u8(kind);
            w.blob(content);
        }
        w.finish().unwrap_or(0)
    }

    /// Reads a refusal; `None` if the page holds something else.
    pub fn parse(page: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(page);
        r.u32()?;
        let (status, text) = (r.u16()?, r.text()?);
        let (mut head, mut body) = (&[][..], &[][..]);
        while let Some((kind, content)) = part::next(&mut r) {
            match kind {
                part::HEAD => head = content,
                part::BODY => body = content,
                _ => (),
            }
        }
        Some(Refusal { status, text, head, body })
    }

    /// The error that the client crate reports.
    pub(crate) fn into_error(self, code: Code) -> OpenError {
        let text = self.text.to_owned();
        match code {
            Code::Refused => {
                let (head, body) = (self.head.to_vec(), self.body.to_vec());
                OpenError::Refused { status: self.status, text, head, body }
            }
            code => OpenError::Failed { code, text },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_go_there_and_back() {
        for sub_protocol in [None, Some(""), Some("chat")] {
            let handle = Handle::new(3, 9);
            let reply = Reply { handle, status: 101, sub_protocol, head: b"HTTP/1.1 101 OK\r\n\r\n" };
            let mut page = [0; 4096];
            let len = reply.write(&mut page).unwrap();
            assert_eq!(Reply::parse(&page[..len]), Some(reply));
            for cut in 0..len {
                assert_eq!(Reply::parse(&page[..cut]), None);
            }
        }
    }

    #[test]
    fn a_head_is_cut_where_the_page_ends() {
        let reply = Reply { handle: Handle::SOLE, status: 101, sub_protocol: None, head: &[b'x'; 100] };
        let mut page = [0; 50];
        assert_eq!(reply.write(&mut page), Some(50));
        assert_eq!(Reply::parse(&page).unwrap().head.len(), 38);
    }

    #[test]
    fn a_refusal_is_cut_between_characters() {
        let mut page = [0; 11];
        let refusal = |status, text| Refusal { status, text, head: b"", body: b"" };
        let len = refusal(404, "aéé").write(&mut page);
        assert_eq!(Refusal::parse(&page[..len]), Some(refusal(404, "aé")));
        assert_eq!(refusal(0, "x").write(&mut [0; 4]), 0);
    }

    #[test]
    fn a_refusal_brings_the_answer_behind_its_text() {
        let head = b"HTTP/1.1 429 Slow\r\nRetry-After: 3\r\n\r\n";
        let whole = Refusal { status: 429, text: "later", head, body: b"wait" };
        let mut page = [0; 4096];
        let len = whole.write(&mut page);
        assert_eq!(Refusal::parse(&page[..len]), Some(whole.clone()));
        // A page without it, as it was once written, and one that is cut.
        for cut in 13..len {
            let body: &[u8] = if cut < 13 + part::FIXED + 4 { b"" } else { b"wait" };
            assert_eq!(Refusal::parse(&page[..cut]), Some(Refusal { head: b"", body, ..whole.clone() }));
        }
        let len = whole.write(&mut page[..40]);
        let cut = Refusal::parse(&page[..len]).unwrap();
        assert_eq!((cut.text, cut.head, cut.body), ("later", &head[..13], &b"wait"[..]));
        // Lengths that lie.
        page[14..18].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Refusal::parse(&page), Some(Refusal { head: b"", body: b"", ..whole }));
    }
}
