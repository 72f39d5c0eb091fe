//! Answers to plain requests.

use crate::proto::handshake::Response;

/// A page that a program has given.
pub(crate) struct Page {
    pub(crate) content_type: Box<str>,
    pub(crate) body: Box<[u8]>,
}

/// The answer with `page`; for a HEAD request without the body.
pub(crate) fn page(page: &Page, head_only: bool, keep_alive: bool) -> Vec<u8> {
    // What a browser must not guess: the type, and whether another site may frame the page.
    let headers = [
        ("Content-Type", &*page.content_type),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "SAMEORIGIN"),
        ("Cache-Control", "no-cache"),
    ];
    let mut answer = Vec::new();
    let content_length = Some(page.body.len() as u64);
    let head = Response { status: 200, headers: &headers, content_length, keep_alive };
    if head.compose(&mut answer).is_err() {
        return status(500, &[], false);
    }
    if !head_only {
        answer.extend_from_slice(&page.body);
    }
    answer
}

/// An answer without a body.
pub(crate) fn status(status: u16, headers: &[(&str, &str)], keep_alive: bool) -> Vec<u8> {
    let mut answer = Vec::new();
    let head = Response { status, headers, content_length: Some(0), keep_alive };
    if head.compose(&mut answer).is_err() {
        answer =
            b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec();
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_type_and_length_and_head_has_no_body() {
        let given = Page { content_type: "text/plain".into(), body: (*b"hello").into() };
        let full = String::from_utf8(page(&given, false, true)).unwrap();
        let head = String::from_utf8(page(&given, true, true)).unwrap();
        assert_eq!(full, format!("{head}hello"));
        for line in
            ["HTTP/1.1 200 OK", "Content-Type: text/plain", "Content-Length: 5", "Connection: keep-alive"]
        {
            assert!(head.contains(&format!("{line}\r\n")), "{line} in {head}");
        }
    }

    #[test]
    fn a_content_type_cannot_break_out_of_its_line() {
        let given = Page { content_type: "a\r\nX: y".into(), body: (*b"").into() };
        assert!(page(&given, false, true).starts_with(b"HTTP/1.1 500"));
    }
}
