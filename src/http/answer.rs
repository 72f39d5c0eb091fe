//! Answers to plain requests.

use std::sync::Arc;

use super::date::date;
use super::reason::Reason;
use crate::clock;
use crate::proto::handshake::{Response, ResponseError};

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
    let content_length = Some(page.body.len() as u64);
    let head = head(200, &headers, content_length, keep_alive);
    let page = (head.is_answer && !head_only).then_some(page);
    Answer { head: head.bytes, page }
}

/// A composed head; not the answer that was meant if a value would break out of its line.
struct Head {
    bytes: Vec<u8>,
    is_answer: bool,
}

/// Composes a head, with the date where the clock is set (RFC 9110 section 6.6.1).
fn head(status: u16, headers: &[(&str, &str)], content_length: Option<u64>, keep_alive: bool) -> Head {
    match compose(Response { status, headers, content_length, chunked: false, keep_alive }) {
        Ok(bytes) => Head { bytes, is_answer: true },
        Err(_) => {
            let failed =
                b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            Head { bytes: failed.to_vec(), is_answer: false }
        }
    }
}

/// Composes a head, with the date where the clock is set (RFC 9110 section 6.6.1).
///
/// # Errors
/// A value would break out of its line.
pub(crate) fn compose(response: Response<'_>) -> Result<Vec<u8>, ResponseError> {
    let has_date = response.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Date"));
    let date = clock::now().filter(|_| !has_date).map(date);
    let mut headers = response.headers.to_vec();
    headers.extend(date.as_deref().map(|date| ("Date", date)));
    let mut head = Vec::new();
    Response { headers: &headers, ..response }.compose(&mut head)?;
    Ok(head)
}

/// The answer that refuses a request, with a few words for a person; to a HEAD request without them.
pub(crate) fn refusal(reason: Reason, head_only: bool, keep_alive: bool) -> Answer {
    let mut headers =
        vec![("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")];
    headers.extend(reason.headers());
    if let Reason::Method(allowed) = reason {
        headers.push(("Allow", allowed));
    }
    words(reason.status(), &headers, &format!("{}\n", reason.text()), head_only, keep_alive)
}

/// The page that takes the code of those who are not paired.
pub(crate) fn pairing(html: &str, head_only: bool, keep_alive: bool) -> Answer {
    // The digest is that of the script in the page, which would not run otherwise.
    const POLICY: &str = "default-src 'none'; \
        script-src 'sha256-UZy4p6MPeTcEU2VqBCdQkhW+NjA7mvnx+AAEmZYSe/I='; \
        connect-src 'self'; frame-ancestors 'none'";
    let mut headers = vec![
        ("Content-Type", "text/html; charset=utf-8"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", POLICY),
        ("Cache-Control", "no-store"),
    ];
    headers.extend(Reason::NotPaired.headers());
    words(Reason::NotPaired.status(), &headers, html, head_only, keep_alive)
}

fn words(status: u16, headers: &[(&str, &str)], body: &str, head_only: bool, keep_alive: bool) -> Answer {
    let mut answer = head(status, headers, Some(body.len() as u64), keep_alive).bytes;
    if !head_only {
        answer.extend_from_slice(body.as_bytes());
    }
    answer.into()
}

/// An answer without a body.
pub(crate) fn status(status: u16, headers: &[(&str, &str)], keep_alive: bool) -> Answer {
    head(status, headers, length_of(status, ""), keep_alive).bytes.into()
}

/// What an answer says of the length of its body. Some never have one, nor say that (RFC 9110 section 8.6).
fn length_of(status: u16, body: &str) -> Option<u64> {
    (!matches!(status, 204 | 304)).then_some(body.len() as u64)
}

/// The answer that a program has decided on, the last one.
///
/// # Errors
/// A name or a value that would break its line, or a header that the service writes itself.
pub(crate) fn decided(status: u16, headers: &[(&str, &str)], body: &str) -> Result<Answer, ResponseError> {
    const TEXT: (&str, &str) = ("Content-Type", "text/plain; charset=utf-8");
    // These never have a body (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5).
    let body = if matches!(status, 204 | 205 | 304) { "" } else { body };
    let mut headers = headers.to_vec();
    if !body.is_empty() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(TEXT.0)) {
        headers.push(TEXT);
    }
    let content_length = length_of(status, body);
    let response = Response { status, headers: &headers, content_length, chunked: false, keep_alive: false };
    let mut answer = compose(response)?;
    answer.extend_from_slice(body.as_bytes());
    Ok(answer.into())
}

/// Methods that pages and files take, as `Allow` names them (RFC 9110 section 10.2.1).
pub(crate) const READS: &str = "GET, HEAD, OPTIONS";
/// Methods that files take which can be deleted.
pub(crate) const DELETES: &str = "GET, HEAD, DELETE, OPTIONS";
/// Methods that the path of a WebSocket takes.
pub(crate) const UPGRADES: &str = "GET, OPTIONS";

/// The answer to OPTIONS (RFC 9110 section 9.3.7).
pub(crate) fn options(allowed: &str, keep_alive: bool) -> Answer {
    status(200, &[("Allow", allowed)], keep_alive)
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
    fn a_refusal_says_why_and_an_answer_when() {
        let text = |answer: Answer| String::from_utf8(answer.parts().concat()).unwrap();
        let refused = text(refusal(Reason::Full, false, false));
        assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
        assert!(refused.ends_with(&format!("\r\n\r\n{}\n", Reason::Full.text())), "{refused}");
        assert!(refused.contains("\r\nRetry-After: 1\r\n") && refused.contains("\r\nDate: "), "{refused}");
        let head = text(refusal(Reason::Method(READS), true, true));
        assert!(head.ends_with("\r\n\r\n") && head.contains("\r\nAllow: GET, HEAD, OPTIONS\r\n"), "{head}");
    }

    #[test]
    fn a_content_type_cannot_break_out_of_its_line() {
        let [head, body] = page(given("a\r\nX: y"), false, true).parts().map(<[u8]>::to_vec);
        assert!(head.starts_with(b"HTTP/1.1 500") && body.is_empty());
    }

    #[test]
    fn a_decided_answer_is_text_unless_it_says_something_else_and_has_a_body_where_it_may() {
        let text = |status, headers, body| {
            String::from_utf8(decided(status, headers, body).unwrap().parts().concat()).unwrap()
        };
        let plain = "Content-Type: text/plain; charset=utf-8\r\n";
        let refused = text(403, &[], "no");
        assert!(refused.contains(plain) && refused.ends_with("\r\n\r\nno"), "{refused}");
        assert!(
            refused.contains("Content-Length: 2\r\n") && refused.contains("Connection: close\r\n"),
            "{refused}"
        );
        let html = text(403, &[("content-type", "text/html")], "no");
        assert!(!html.contains(plain) && html.contains("content-type: text/html\r\n"), "{html}");
        assert!(!text(403, &[], "").contains("Content-Type"));
        for status in [204, 304] {
            let empty = text(status, &[], "no");
            assert!(!empty.contains("Content-Length") && empty.ends_with("\r\n\r\n"), "{empty}");
        }
        let reset = text(205, &[], "no");
        assert!(reset.contains("Content-Length: 0\r\n") && reset.ends_with("\r\n\r\n"), "{reset}");
        assert!(decided(403, &[("X", "a\r\nY: b")], "").is_err());
    }

    fn given(content_type: &str) -> Arc<Page> {
        Arc::new(Page { content_type: content_type.into(), body: (*b"hello").into() })
    }
}
