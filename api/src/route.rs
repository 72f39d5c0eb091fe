//! What a path of a port leads to, and how that travels.

use crate::RequestError;
use crate::wire::{Reader, Writer};

/// The most sub-protocols of a route.
const MOST_PROTOCOLS: usize = 32;
/// The first four bytes of the page, and with them its version.
const MAGIC: u32 = u32::from_le_bytes(*b"WSR1");
/// Length of the fixed fields.
const FIXED: usize = 12;

const PREFIX: u8 = 1;
const PAGE: u8 = 1 << 1;

/// Who answers on a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteKind<'a> {
    /// The program takes WebSockets: [`Listener::accept`](crate::Listener::accept).
    Receiver {
        /// Sub-protocols in order of preference, at most 32. The first that the client offers too is chosen; a
        /// client that offers none of them gets none.
        protocols: Vec<&'a str>,
    },
    /// The service answers GET and HEAD with these bytes.
    Page {
        /// Such as `text/html; charset=utf-8`.
        content_type: &'a str,
        /// At most [`Route::MOST_BODY`], kept by the service.
        body: &'a [u8],
    },
}

/// A path and who answers on it.
///
/// In the page of an `AddRoute`, little-endian, texts as 16 bits of length and UTF-8: `WSR1`; u8 flags (1 prefix,
/// 2 page); u8 number of sub-protocols; u16 0; u32 length of the body; the texts path, then either the
/// sub-protocols or the content type; the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route<'a> {
    /// Begins with `/`; no query, no `.` or `..` between slashes.
    pub path: &'a str,
    /// Also for every path that begins with it. Of several routes the longest path counts, an exact one first.
    pub prefix: bool,
    /// What it leads to.
    pub kind: RouteKind<'a>,
}

impl<'a> Route<'a> {
    /// The longest page, bytes: the service keeps it.
    pub const MOST_BODY: usize = 64 * 1024;

    /// WebSockets for the program.
    pub fn receiver(path: &'a str) -> Self {
        Route { path, prefix: false, kind: RouteKind::Receiver { protocols: Vec::new() } }
    }

    /// A page.
    pub fn page(path: &'a str, content_type: &'a str, body: &'a [u8]) -> Self {
        Route { path, prefix: false, kind: RouteKind::Page { content_type, body } }
    }

    /// Also for what begins with the path.
    pub fn prefix(mut self) -> Self {
        self.prefix = true;
        self
    }

    /// With one more sub-protocol, if it is a receiver.
    pub fn sub_protocol(mut self, name: &'a str) -> Self {
        if let RouteKind::Receiver { protocols } = &mut self.kind {
            protocols.push(name);
        }
        self
    }

    /// The bytes that it takes in a page.
    pub fn encoded_len(&self) -> usize {
        FIXED + self.texts().map(|text| 2 + text.len()).sum::<usize>() + self.body().len()
    }

    /// Writes it into `page`; the number of bytes.
    ///
    /// # Errors
    /// `TooMany`: more than 32 sub-protocols. `TooLong`: a longer body than is kept, or `page` is shorter than
    /// [`Route::encoded_len`].
    pub fn write(&self, page: &mut [u8]) -> Result<usize, RequestError> {
        let (kind, protocols) = match &self.kind {
            RouteKind::Receiver { protocols } => (0, protocols.len()),
            RouteKind::Page { .. } => (PAGE, 0),
        };
        if protocols > MOST_PROTOCOLS {
            return Err(RequestError::TooMany);
        }
        if self.body().len() > Self::MOST_BODY {
            return Err(RequestError::TooLong);
        }
        let mut w = Writer::new(page);
        w.u32(MAGIC);
        w.u8(kind | if self.prefix { PREFIX } else { 0 });
        w.u8(protocols as u8);
        w.u16(0);
        w.u32(u32::try_from(self.body().len()).map_err(|_| RequestError::TooLong)?);
        self.texts().for_each(|text| w.text(text));
        w.bytes(self.body());
        w.finish().ok_or(RequestError::TooLong)
    }

    /// Reads what another process wrote; `None` if it is not a route.
    pub fn parse(page: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(page);
        if r.u32()? != MAGIC {
            return None;
        }
        let flags = r.u8()?;
        let protocols = usize::from(r.u8()?);
        r.u16()?;
        let body = usize::try_from(r.u32()?).ok()?;
        if protocols > MOST_PROTOCOLS {
            return None;
        }
        let path = r.text()?;
        let kind = if flags & PAGE != 0 {
            let content_type = r.text()?;
            RouteKind::Page { content_type, body: r.bytes(body)? }
        } else {
            RouteKind::Receiver { protocols: (0..protocols).map(|_| r.text()).collect::<Option<_>>()? }
        };
        Some(Route { path, prefix: flags & PREFIX != 0, kind })
    }

    fn body(&self) -> &'a [u8] {
        match self.kind {
            RouteKind::Page { body, .. } => body,
            RouteKind::Receiver { .. } => &[],
        }
    }

    fn texts(&self) -> impl Iterator<Item = &'a str> + '_ {
        let (protocols, content_type) = match &self.kind {
            RouteKind::Receiver { protocols } => (protocols.as_slice(), None),
            RouteKind::Page { content_type, .. } => (&[][..], Some(*content_type)),
        };
        std::iter::once(self.path).chain(protocols.iter().copied()).chain(content_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_go_there_and_back_and_no_cut_of_them_does() {
        let receiver = Route::receiver("/chat").prefix().sub_protocol("a").sub_protocol("b");
        for route in [receiver, Route::page("/", "text/html", b"<p>"), Route::page("/e", "", b"")] {
            let mut page = vec![0; route.encoded_len()];
            assert_eq!(route.write(&mut page), Ok(page.len()));
            assert_eq!(Route::parse(&page), Some(route));
            for len in 0..page.len() {
                assert_eq!(Route::parse(&page[..len]), None, "cut at {len}");
            }
        }
    }
}
