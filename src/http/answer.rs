//! Answers to plain requests.

use std::sync::Arc;

use crate::proto::handshake::{Refusal, Response};

/// A page that a program has given.
pub(crate) struct Page {
    pub(crate) content_type: Box<str>,
    pub(crate) body: Box<[u8]>,
}

/// An answer: its head, and the page whose body follows, which is not copied for it.
pub(crate) struct Answer {
    head: Vec<u8>,
    page: Option<Arc<Page>>,
}

impl Answer {
    /// What is to be sent, one after the other.
    pub(crate) fn parts(&self) -> [&[u8]; 2] {
        [&self.head, self.page.as_ref().map_or(&[], |page| &page.body)]
    }
}

impl From<Vec<u8>> for Answer {
    fn from(head: Vec<u8>) -> Self {
        Answer { head, page: None }
    }
}

/// The answer with `page`. A HEAD request gets no body.
pub(crate) fn page(page: Arc<Page>, head_only: bool, keep_alive: bool) -> Answer {
    // What a browser must not guess: the type, and whether another site may frame the page.
    let headers = [
        ("Content-Type", &*page.content_type),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "SAMEORIGIN"),
        ("Cache-Control", "no-cache"),
    ];
    let mut head = Vec::new();
    let content_length = Some(page.body.len() as u64);
    let response = Response { status: 200, headers: &headers, content_length, keep_alive };
    if response.compose(&mut head).is_err() {
        return status(500, &[], false);
    }
    Answer { head, page: (!head_only).then_some(page) }
}

/// An answer without a body.
pub(crate) fn status(status: u16, headers: &[(&str, &str)], keep_alive: bool) -> Answer {
    let mut head = Vec::new();
    let response = Response { status, headers, content_length: Some(0), keep_alive };
    if response.compose(&mut head).is_err() {
        head =
            b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec();
    }
    head.into()
}

/// Methods that pages and files take, as `Allow` names them (RFC 9110 section 10.2.1).
pub(crate) const READS: &str = "GET, HEAD, OPTIONS";
/// Methods that the path of a WebSocket takes.
pub(crate) const UPGRADES: &str = "GET, OPTIONS";

/// The answer to OPTIONS (RFC 9110 section 9.3.7).
pub(crate) fn options(allowed: &str, keep_alive: bool) -> Answer {
    status(200, &[("Allow", allowed)], keep_alive)
}

/// The answer to a request that does not fit its path: a plain one on the path of a WebSocket, or the other way
/// round.
pub(crate) fn upgrade_required(keep_alive: bool) -> Answer {
    status(Refusal::UpgradeRequired.status(), Refusal::UpgradeRequired.headers(), keep_alive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_type_and_length_and_head_has_no_body() {
        let given = given("text/plain");
        let text = |answer: Answer| String::from_utf8(answer.parts().concat()).unwrap();
        let full = text(page(given.clone(), false, true));
        let head = text(page(given, true, true));
        assert_eq!(full, format!("{head}hello"));
        for line in
            ["HTTP/1.1 200 OK", "Content-Type: text/plain", "Content-Length: 5", "Connection: keep-alive"]
        {
            assert!(head.contains(&format!("{line}\r\n")), "{line} in {head}");
        }
    }

    #[test]
    fn a_content_type_cannot_break_out_of_its_line() {
        let [head, body] = page(given("a\r\nX: y"), false, true).parts().map(<[u8]>::to_vec);
        assert!(head.starts_with(b"HTTP/1.1 500") && body.is_empty());
    }

    fn given(content_type: &str) -> Arc<Page> {
        Arc::new(Page { content_type: content_type.into(), body: (*b"hello").into() })
    }
}
