//! A connection that a client has opened, as its new owner learns of it.

use super::Handle;
use super::fields::{Reader, Writer};
use crate::certificate::Subject;

/// Stands for no text, which differs from an empty one.
const NONE: u16 = u16::MAX;
const UNDECIDED: u8 = 1;

/// In the page of an answered `Accept`, little-endian: u32 handle, u16 number of the route, u16 length of the head;
/// texts as u16 length (65535 for none) and UTF-8: peer, path, query, sub-protocol, origin; the head; u8 flags (1 nothing
/// is decided); u16 length of the certificate's subject (65535 for none), and the subject. The head is the client's request
/// line and headers as they came, without what [`Websocket::peer_head`](crate::Websocket::peer_head) names, cut where
/// there is no more room in the page.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted<'a> {
    /// The connection, or what will be one when a `Decide` has let the client in.
    pub handle: Handle,
    /// The number of its route.
    pub route: u16,
    /// The peer's address and port.
    pub peer: &'a str,
    /// The path of the request as it was sent. Percent-encoding is undone only to find the route.
    pub path: &'a str,
    /// The query, behind the `?`, if there was one.
    pub query: Option<&'a str>,
    /// The chosen sub-protocol.
    pub sub_protocol: Option<&'a str>,
    /// The `Origin` header.
    pub origin: Option<&'a str>,
    /// Request line and headers, without cookies and logins that are not for the program:
    /// [`Websocket::peer_head`](crate::Websocket::peer_head).
    pub head: &'a [u8],
    /// The client has had no answer: it waits for what the program decides, up to the port's `accept_time`.
    pub undecided: bool,
    /// Whom the client's certificate is for, if the port asks for one.
    pub subject: Option<Subject<'a>>,
}

impl<'a> Accepted<'a> {
    /// How many pages to lend. They hold the texts of any head of the usual limit, and the head itself unless path
    /// and query are long.
    pub(crate) const PAGES: usize = 3;

    /// A connection of which nothing more is known.
    pub fn new(handle: Handle, route: u16, peer: &'a str, path: &'a str) -> Self {
        Accepted {
            handle,
            route,
            peer,
            path,
            query: None,
            sub_protocol: None,
            origin: None,
            head: &[],
            undecided: false,
            subject: None,
        }
    }

    /// Writes it into `page`, the head as far as it fits. Returns the number of bytes, or `None` if not even the
    /// texts fit.
    pub fn write(&self, page: &mut [u8]) -> Option<usize> {
        let texts = [Some(self.peer), Some(self.path), self.query, self.sub_protocol, self.origin];
        let len = texts.iter().map(|text| 2 + text.map_or(0, str::len)).sum::<usize>();
        let subject = self.subject.map_or(0, |Subject(name)| name.len());
        let room = page.len().checked_sub(8 + len + 3 + subject)?.min(usize::from(u16::MAX));
        let head = self.head.get(..room).unwrap_or(self.head);
        let mut w = Writer::new(page);
        w.u32(self.handle.to_raw());
        w.u16(self.route);
        w.u16(u16::try_from(head.len()).ok()?);
        for text in texts {
            match text {
                Some(text) => w.text(text),
                None => w.u16(NONE),
            }
        }
        w.bytes(head);
        w.u8(if self.undecided { UNDECIDED } else { 0 });
        match self.subject {
            Some(Subject(name)) => {
                w.u16(u16::try_from(name.len()).ok().filter(|len| *len != NONE)?);
                w.bytes(name);
            }
            None => w.u16(NONE),
        }
        w.finish()
    }

    /// Reads it; `None` if the page holds something else.
    pub fn parse(page: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(page);
        let handle = Handle::from_raw(r.u32()?)?;
        let route = r.u16()?;
        let head = usize::from(r.u16()?);
        let mut text = || match r.u16()? {
            NONE => Some(None),
            len => std::str::from_utf8(r.bytes(usize::from(len))?).ok().map(Some),
        };
        let (peer, path) = (text()??, text()??);
        let (query, sub_protocol, origin) = (text()?, text()?, text()?);
        let head = r.bytes(head)?;
        let undecided = r.u8()? & UNDECIDED != 0;
        let subject = match r.u16()? {
            NONE => None,
            len => Some(Subject(r.bytes(usize::from(len))?)),
        };
        Some(Accepted { handle, route, peer, path, query, sub_protocol, origin, head, undecided, subject })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_there_and_back_and_is_cut_where_the_page_ends() {
        let accepted = Accepted {
            handle: Handle::new(2, 7),
            route: 3,
            peer: "127.0.0.1:9",
            path: "/a",
            query: Some(""),
            sub_protocol: None,
            origin: Some("null"),
            head: b"GET /a? HTTP/1.1\r\n\r\n",
            undecided: true,
            subject: Some(Subject(b"name")),
        };
        let mut page = [0; 256];
        let len = accepted.write(&mut page).unwrap();
        assert_eq!(Accepted::parse(&page[..len]), Some(accepted.clone()));
        for cut in 0..len {
            assert_eq!(Accepted::parse(&page[..cut]), None, "cut at {cut}");
        }
        assert_eq!(accepted.write(&mut page[..len - 5]), Some(len - 5));
        assert_eq!(accepted.write(&mut page[..20]), None);
    }
}
