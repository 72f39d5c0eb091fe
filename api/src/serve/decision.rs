//! What a program decides about a client before the client is answered, and how that travels.

use std::borrow::Cow;

use crate::error::RequestError;
use crate::wire::fields::{Reader, Writer, len_of};

/// The most header lines.
const MAX_HEADERS: usize = 16;
/// The first four bytes of the page, and with them its version.
const MAGIC: u32 = u32::from_le_bytes(*b"WSD1");
/// The status of a client that is let in (RFC 6455 section 4.2.2).
const SWITCHING: u16 = 101;
const PROTOCOL: u8 = 1;

/// The answer to a client of a route that [decides](crate::Route::decides()).
///
/// ```no_run
/// use xous_api_websocket::{Listener, Route, serve::Decision};
///
/// fn serve(listener: &Listener) -> Result<(), Box<dyn std::error::Error>> {
///     let route = listener.add_route(&Route::receiver("/room/").prefix().decides())?;
///     let client = listener.accept_if(route, |client| match client.path {
///         "/room/1" | "/room/2" => Decision::accept().header("X-Room", "open"),
///         _ => Decision::refuse(404, "there is no such room"),
///     })?;
///     client.websocket.send_text("welcome")?;
///     Ok(())
/// }
/// ```
///
/// What is decided on, [`Accepted`](crate::wire::Accepted), has the client's head, also its `Authorization` if nobody else
/// checks that: a program can ask for a login of its own kind on a port that it has opened.
///
/// # In a page
/// In the page of a `Decide`, little-endian, texts as 16 bits of length and UTF-8: `WSD1`; u16 status; u8 flags (1 a
/// sub-protocol); u8 number of header lines; the text sub-protocol, if flagged; the lines, each two texts, name and value;
/// the text body.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Decision<'a> {
    /// 101 lets the client in. 200 to 599 is its answer instead, and it is not connected.
    pub status: u16,
    /// The sub-protocol of a client that is let in, one that it has offered (RFC 6455 section 4.2.2). Without one, the
    /// route's own are looked through.
    pub sub_protocol: Option<Cow<'a, str>>,
    /// Header lines beside those of the handshake, or of the answer: at most 16. `Connection`, `Upgrade`, `Content-Length`,
    /// `Transfer-Encoding`, those of the handshake and a few more are the service's own.
    pub headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The body of another answer than 101, `text/plain` unless a header says otherwise. 204, 205 and 304 have none.
    pub body: Cow<'a, str>,
}

impl<'a> Decision<'a> {
    /// The longest page, in bytes.
    pub const MAX_LEN: usize = 8 * 1024;

    /// The client is let in.
    pub fn accept() -> Self {
        Self::new(SWITCHING, "".into())
    }

    /// The client is answered with this status and these words, which may be empty.
    pub fn refuse(status: u16, body: impl Into<Cow<'a, str>>) -> Self {
        Self::new(status, body.into())
    }

    fn new(status: u16, body: Cow<'a, str>) -> Self {
        Decision { status, sub_protocol: None, headers: Vec::new(), body }
    }

    /// With one more header line.
    pub fn header(mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With this sub-protocol, which the client must have offered.
    pub fn sub_protocol(mut self, name: impl Into<Cow<'a, str>>) -> Self {
        self.sub_protocol = Some(name.into());
        self
    }

    /// The client is let in.
    pub fn is_accept(&self) -> bool {
        self.status == SWITCHING
    }

    /// How many bytes it takes in a page.
    pub fn encoded_len(&self) -> usize {
        len_of(|w| self.fields(w))
    }

    /// Writes it into `page`. Returns the number of bytes.
    ///
    /// # Errors
    /// `TooMany` for more than 16 header lines; `TooLong` for more than [`Decision::MAX_LEN`], or if `page` is shorter than
    /// [`Decision::encoded_len`].
    pub fn write(&self, page: &mut [u8]) -> Result<usize, RequestError> {
        if self.headers.len() > MAX_HEADERS {
            return Err(RequestError::TooMany);
        }
        if self.encoded_len() > Self::MAX_LEN {
            return Err(RequestError::TooLong);
        }
        let mut w = Writer::new(page);
        self.fields(&mut w);
        w.finish().ok_or(RequestError::TooLong)
    }

    /// Reads what another process wrote; `None` if it is not a decision, or too long.
    pub fn parse(page: &'a [u8]) -> Option<Self> {
        let mut r = Reader::new(page);
        if page.len() > Self::MAX_LEN || r.u32()? != MAGIC {
            return None;
        }
        let status = r.u16()?;
        let flags = r.u8()?;
        let headers = usize::from(r.u8()?);
        let is_status = status == SWITCHING || (200..=599).contains(&status);
        if !is_status || flags & !PROTOCOL != 0 || headers > MAX_HEADERS {
            return None;
        }
        let mut text = || r.text().map(Cow::Borrowed);
        let sub_protocol = if flags & PROTOCOL != 0 { Some(text()?) } else { None };
        let headers = (0..headers).map(|_| Some((text()?, text()?))).collect::<Option<_>>()?;
        Some(Decision { status, sub_protocol, headers, body: text()? })
    }

    /// In the order in which they travel.
    fn fields(&self, w: &mut Writer<'_>) {
        w.u32(MAGIC);
        w.u16(self.status);
        w.u8(if self.sub_protocol.is_some() { PROTOCOL } else { 0 });
        w.u8(self.headers.len() as u8);
        self.sub_protocol.iter().for_each(|name| w.text(name));
        for (name, value) in &self.headers {
            w.text(name);
            w.text(value);
        }
        w.text(&self.body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_go_there_and_back_and_no_cut_of_them_does() {
        for decision in [
            Decision::accept(),
            Decision::accept().sub_protocol("chat").header("Set-Cookie", "a=b").header("X", ""),
            Decision::refuse(402, "Pay first.").header("Location", "/pay"),
            Decision::refuse(204, ""),
        ] {
            let mut page = vec![0; decision.encoded_len()];
            assert_eq!(decision.write(&mut page), Ok(page.len()));
            assert_eq!(Decision::parse(&page), Some(decision));
            for cut in 0..page.len() {
                assert_eq!(Decision::parse(&page[..cut]), None, "cut at {cut}");
            }
        }
    }

    #[test]
    fn what_is_no_answer_is_no_decision() {
        let mut page = [0; 32];
        for status in [0, 99, 100, 102, 199, 600, u16::MAX] {
            let len = Decision::refuse(status, "").write(&mut page).unwrap();
            assert_eq!(Decision::parse(&page[..len]), None, "{status}");
        }
        let lines = |many| (0..many).fold(Decision::accept(), |decision, _| decision.header("A", "b"));
        let mut page = vec![0; Decision::MAX_LEN];
        assert!(lines(MAX_HEADERS).write(&mut page).is_ok());
        assert_eq!(lines(MAX_HEADERS + 1).write(&mut page), Err(RequestError::TooMany));
        let long = Decision::refuse(400, "x".repeat(Decision::MAX_LEN));
        assert_eq!(long.write(&mut vec![0; 2 * Decision::MAX_LEN]), Err(RequestError::TooLong));
    }
}
