//! Why a request cannot be sent, in words for the person who wrote it.

use std::fmt;

use crate::proto::handshake::{Authorization, ClientRequest, RequestError, is_token};

/// The most of a name that is shown.
const SHOWN: usize = 60;

/// A fault of a request, with what is wrong and where. What may be a secret, a header's value or credentials, is not
/// shown.
pub(super) struct Wording<'a> {
    pub(super) error: RequestError,
    pub(super) request: &'a ClientRequest<'a>,
    /// What of, if it is not the server's.
    pub(super) whose: &'static str,
}

/// What is wrong with a text that is no host name.
pub(super) struct HostFault<'a>(pub(super) &'a str);

impl fmt::Display for Wording<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.error, self.whose)?;
        let request = self.request;
        match self.error {
            RequestError::Path => path(f, request.path),
            RequestError::Host => write!(f, ": {}", HostFault(request.host)),
            RequestError::Origin => {
                let origin = request.origin.unwrap_or_default();
                wrong(f, origin, |c| c.is_ascii_graphic(), "an origin is as https://example.com")
            }
            RequestError::SubProtocol => {
                refused_name(f, request.refused_sub_protocol().unwrap_or_default(), "it is named twice")
            }
            RequestError::HeaderName => {
                refused_name(f, request.refused_header().unwrap_or_default().0, "the service sets it")
            }
            RequestError::HeaderValue => {
                let (name, value) = request.refused_header().unwrap_or_default();
                write!(f, " of {:?}", Start(name))?;
                secret(f, value, is_beyond_a_line)
            }
            RequestError::Credentials => match request.authorization {
                Authorization::Basic { user, .. } if user.contains(':') => {
                    f.write_str(": the user name has a colon, which Basic cannot send")
                }
                Authorization::Basic { user, password } | Authorization::Query { user, password } => {
                    let is_user = user.chars().any(char::is_control);
                    f.write_str(if is_user { ": the user name" } else { ": the password" })?;
                    secret(f, if is_user { user } else { password }, char::is_control)
                }
                Authorization::None => Ok(()),
            },
            RequestError::TooLong => Ok(()),
        }
    }
}

impl fmt::Display for HostFault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_right = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let what = match self.0.chars().find(|c| !is_right(*c)) {
            Some('@') => "a user name belongs in the credentials",
            Some('/' | '?' | '#') => "scheme and path are given separately",
            Some(':' | '[' | ']' | '%') if self.0.contains("//") => "scheme and path are given separately",
            Some(':' | '[' | ']' | '%') => "this is not an IPv6 address; a port is given separately",
            Some(c) if !c.is_ascii() => "write the name in punycode (xn--...)",
            _ => "a host name cannot have it",
        };
        wrong_at(f, self.0, is_right, what)
    }
}

fn path(f: &mut fmt::Formatter<'_>, path: &str) -> fmt::Result {
    let is_right = |c: char| c.is_ascii_graphic() && c != '#';
    match path.chars().find(|c| !is_right(*c)) {
        None => f.write_str(": it does not begin with /"),
        Some('#') => wrong(f, path, is_right, "a fragment is not sent to a server"),
        Some(_) => wrong(f, path, is_right, "it needs percent-encoding"),
    }
}

/// A name that is refused, with the character that no name has; without one, the reason is `why`.
fn refused_name(f: &mut fmt::Formatter<'_>, name: &str, why: &str) -> fmt::Result {
    write!(f, " {:?}", Start(name))?;
    if is_token(name.as_bytes()) { write!(f, ": {why}") } else { not_a_token(f, name) }
}

fn not_a_token(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    wrong(f, name, |c| c.is_ascii() && is_token(&[c as u8]), "such a name has letters, digits and hyphens")
}

/// Which character is wrong, and `what` is to be done about it.
fn wrong(f: &mut fmt::Formatter<'_>, text: &str, is_right: fn(char) -> bool, what: &str) -> fmt::Result {
    f.write_str(": ")?;
    wrong_at(f, text, is_right, what)
}

fn wrong_at(f: &mut fmt::Formatter<'_>, text: &str, is_right: fn(char) -> bool, what: &str) -> fmt::Result {
    match text.chars().enumerate().find(|&(_, c)| !is_right(c)) {
        None => f.write_str("it is empty"),
        Some((at, c)) => write!(f, "character {} is {c:?}, {what}", at.saturating_add(1)),
    }
}

/// Where a text that may be a secret has what cannot be sent, without any of it.
fn secret(f: &mut fmt::Formatter<'_>, text: &str, is_wrong: fn(char) -> bool) -> fmt::Result {
    let at = text.chars().position(is_wrong).unwrap_or_default().saturating_add(1);
    write!(f, ": character {at} cannot be sent")
}

fn is_beyond_a_line(c: char) -> bool {
    !matches!(c, '\t' | ' '..='~')
}

/// The beginning of a text, quoted, with what is no letter escaped.
struct Start<'a>(&'a str);

impl fmt::Debug for Start<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.char_indices().nth(SHOWN).map_or(self.0.len(), |(at, _)| at);
        fmt::Debug::fmt(self.0.get(..end).unwrap_or_default(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::handshake::Key;

    const PLAIN: ClientRequest<'_> = ClientRequest {
        host: "h",
        port: 80,
        secure: false,
        path: "/",
        origin: None,
        authorization: Authorization::None,
        sub_protocols: &[],
        headers: &[],
    };

    /// What is said of a request that is not composed.
    fn says(request: ClientRequest<'_>) -> String {
        let error = request.compose(&Key::new([0; 16]), &mut Vec::new()).unwrap_err();
        Wording { error, request: &request, whose: "" }.to_string()
    }

    #[test]
    fn a_text_says_which_character_is_wrong_and_what_to_do() {
        let path = |path| says(ClientRequest { path, ..PLAIN });
        assert_eq!(path("/a b"), "invalid path: character 3 is ' ', it needs percent-encoding");
        assert_eq!(path("/b\u{fc}cher"), "invalid path: character 3 is '\u{fc}', it needs percent-encoding");
        assert_eq!(path("/a\n"), "invalid path: character 3 is '\\n', it needs percent-encoding");
        assert_eq!(path("/a#b"), "invalid path: character 3 is '#', a fragment is not sent to a server");
        assert_eq!(path("a"), "invalid path: it does not begin with /");
        let host = |host| says(ClientRequest { host, ..PLAIN });
        assert_eq!(host("me@h"), "invalid host: character 3 is '@', a user name belongs in the credentials");
        assert!(host("ws://h").ends_with("scheme and path are given separately"), "{}", host("ws://h"));
        assert!(host("h:80").ends_with("a port is given separately"), "{}", host("h:80"));
        assert!(host("h/a").ends_with("scheme and path are given separately"));
        assert!(host("b\u{fc}cher.example").contains("character 2 is '\u{fc}', write the name in punycode"));
        assert_eq!(host(""), "invalid host: it is empty");
        assert_eq!(path(&"/".repeat(9000)), "request too long");
    }

    #[test]
    fn a_text_says_which_of_several_is_wrong() {
        let headers = |headers| says(ClientRequest { headers, ..PLAIN });
        let says_which =
            "invalid header name \"X Y\": character 2 is ' ', such a name has letters, digits and hyphens";
        assert_eq!(headers(&[("A", "b"), ("X Y", "1")]), says_which);
        assert_eq!(
            headers(&[("A", "b"), ("Host", "1")]),
            "invalid header name \"Host\": the service sets it"
        );
        assert_eq!(headers(&[("", "1")]), "invalid header name \"\": it is empty");
        let long = "\u{fc}".repeat(900);
        let text = headers(&[(&long, "1")]);
        assert!(text.contains("character 1 is") && text.len() < 400, "{text}");
        let protocols = |sub_protocols| says(ClientRequest { sub_protocols, ..PLAIN });
        assert_eq!(protocols(&["a", "b", "a"]), "invalid sub-protocol \"a\": it is named twice");
        assert!(protocols(&["a", "b,c"]).starts_with("invalid sub-protocol \"b,c\": character 2 is ','"));
        let origin = |origin| says(ClientRequest { origin: Some(origin), ..PLAIN });
        assert!(origin("https://a b").starts_with("invalid origin: character 10 is ' '"));
        assert_eq!(origin(""), "invalid origin: it is empty");
    }

    #[test]
    fn secrets_are_not_shown() {
        let text = says(ClientRequest { headers: &[("X-Key", "secr\u{e9}t")], ..PLAIN });
        assert!(text.starts_with("invalid header value of \"X-Key\": character 5 cannot be sent"), "{text}");
        let basic = |user, password| {
            says(ClientRequest { authorization: Authorization::Basic { user, password }, ..PLAIN })
        };
        assert_eq!(
            basic("a:b", "c"),
            "invalid credentials: the user name has a colon, which Basic cannot send"
        );
        assert_eq!(basic("me", "pass\n"), "invalid credentials: the password: character 5 cannot be sent");
        assert_eq!(basic("m\u{80}", "c"), "invalid credentials: the user name: character 2 cannot be sent");
    }
}
