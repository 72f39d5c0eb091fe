//! Why a request cannot be sent, in words for the person who wrote it.

use std::fmt;

use super::destination::Destination;
use crate::proto::handshake::RequestError;

/// A fault of a request, with the character that is wrong if it is one.
pub(super) struct Wording<'a> {
    pub(super) error: RequestError,
    pub(super) to: &'a Destination<'a>,
}

impl fmt::Display for Wording<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)?;
        let (text, is_right): (&str, fn(char) -> bool) = match self.error {
            RequestError::Path => (&self.to.path, |c| c.is_ascii_graphic() && c != '#'),
            RequestError::Host => (&self.to.host, |c| c.is_ascii_alphanumeric() || "-._".contains(c)),
            _ => return Ok(()),
        };
        let wrong = text.chars().enumerate().find(|&(_, c)| !is_right(c));
        let what = match (self.error, wrong) {
            (RequestError::Path, None) => return f.write_str(": it does not begin with /"),
            (RequestError::Path, Some((_, '#'))) => "a fragment is not sent to a server",
            (RequestError::Path, Some(_)) => "it needs percent-encoding",
            (_, None) => return f.write_str(": it is empty"),
            (_, Some((_, '@'))) => "a user name belongs in the credentials",
            (_, Some((_, '/' | '?' | '#'))) => "scheme and path are given separately",
            (_, Some((_, ':' | '[' | ']' | '%'))) => {
                "this is not an IPv6 address; a port is given separately"
            }
            (_, Some((_, c))) if !c.is_ascii() => "write the name in punycode (xn--...)",
            (_, Some(_)) => "a host name cannot have it",
        };
        let (at, c) = wrong.unwrap_or_default();
        write!(f, ": character {} is {c:?}, {what}", at.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use xous_api_websocket::Request;

    use super::*;

    fn text(error: RequestError, host: &str, path: &str) -> String {
        let request = Request::new(host, 80).path(path);
        Wording { error, to: &Destination::new(&request) }.to_string()
    }

    #[test]
    fn a_text_says_which_character_is_wrong_and_what_to_do() {
        let path = |path| text(RequestError::Path, "h", path);
        assert_eq!(path("/a b"), "invalid path: character 3 is ' ', it needs percent-encoding");
        assert_eq!(path("/b\u{fc}cher"), "invalid path: character 3 is '\u{fc}', it needs percent-encoding");
        assert_eq!(path("/a\n"), "invalid path: character 3 is '\\n', it needs percent-encoding");
        assert_eq!(path("/a#b"), "invalid path: character 3 is '#', a fragment is not sent to a server");
        assert_eq!(path("a"), "invalid path: it does not begin with /");
        let host = |host| text(RequestError::Host, host, "/");
        let says = "invalid host: character 3 is '@', a user name belongs in the credentials";
        assert_eq!(host("me@h"), says);
        assert!(host("ws://h").ends_with("a port is given separately"), "{}", host("ws://h"));
        assert!(host("h/a").ends_with("scheme and path are given separately"));
        assert!(host("b\u{fc}cher.example").contains("character 2 is '\u{fc}', write the name in punycode"));
        assert_eq!(host(""), "invalid host: it is empty");
        assert_eq!(text(RequestError::TooLong, "", ""), "request too long");
    }
}
