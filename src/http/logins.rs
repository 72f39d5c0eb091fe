//! Whether a request shows what a route asks for (RFC 7617, RFC 6750).

use sha2::{Digest, Sha256};
use xous_api_websocket::serve::Login;

use super::reason::Challenge;
use crate::proto::handshake::{Headers, push_base64};

/// Who may use a route. Only digests of what they show are kept.
pub(crate) struct Logins {
    digests: Vec<[u8; 32]>,
    challenge: Challenge,
}

/// What kind of login, so that a token is no password.
#[derive(Clone, Copy)]
enum Scheme {
    Basic,
    Bearer,
}

impl Logins {
    /// Those in `list`; `None` if one of them could never be shown: an empty name or token, a colon in a name, a
    /// character that does not belong there, or more than [`Login::MAX_BYTES`].
    pub(crate) fn new(list: &[Login<'_>]) -> Option<Self> {
        let digests = list.iter().map(expected).collect::<Option<Vec<_>>>()?;
        let basic = list.iter().any(|login| matches!(login, Login::Basic { .. }));
        let bearer = list.iter().any(|login| matches!(login, Login::Bearer { .. }));
        let challenge = match (basic, bearer) {
            (true, false) => Challenge::Basic,
            (false, _) => Challenge::Bearer,
            (true, true) => Challenge::Both,
        };
        Some(Logins { digests, challenge })
    }

    /// How a client is asked.
    pub(crate) fn challenge(&self) -> Challenge {
        self.challenge
    }

    /// A request with these headers is one of theirs. Takes as long for a wrong login as for a right one of the same
    /// length, whichever it is near to.
    pub(crate) fn admit(&self, headers: &Headers<'_>) -> bool {
        let Some((scheme, shown)) = headers.only("Authorization").and_then(split) else { return false };
        let shown = digest(scheme, shown);
        let found = self.digests.iter().fold(0, |found, expected| {
            let differs = expected.iter().zip(&shown).fold(0, |differs, (a, b)| differs | (a ^ b));
            found | u8::from(std::hint::black_box(differs) == 0)
        });
        std::hint::black_box(found) != 0
    }
}

fn expected(login: &Login<'_>) -> Option<[u8; 32]> {
    let fits = |text: &str| text.len() <= Login::MAX_BYTES && !text.chars().any(char::is_control);
    match login {
        Login::Basic { user, password } => {
            let valid = !user.is_empty() && !user.contains(':') && fits(user) && fits(password);
            let mut encoded = Vec::new();
            push_base64(&mut encoded, format!("{user}:{password}").as_bytes());
            valid.then(|| digest(Scheme::Basic, &encoded))
        }
        Login::Bearer { token } => {
            let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
            let valid = !token.is_empty() && fits(token) && token.bytes().all(is_token);
            valid.then(|| digest(Scheme::Bearer, token.as_bytes()))
        }
        _ => None,
    }
}

/// The scheme, in any case, and what is shown (RFC 9110 section 11.4).
fn split(value: &[u8]) -> Option<(Scheme, &[u8])> {
    let at = value.iter().position(|byte| *byte == b' ')?;
    let (scheme, shown) = value.split_at(at);
    let scheme = if scheme.eq_ignore_ascii_case(b"Basic") {
        Scheme::Basic
    } else if scheme.eq_ignore_ascii_case(b"Bearer") {
        Scheme::Bearer
    } else {
        return None;
    };
    Some((scheme, shown.trim_ascii_start()))
}

/// All digests are as long, and tell nothing of how much of a guess is right.
fn digest(scheme: Scheme, shown: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update([scheme as u8]).chain_update(shown).finalize().into()
}

#[cfg(test)]
mod tests {
    use crate::proto::handshake::{Request, check_request};

    use super::*;

    fn admits(logins: &Logins, lines: &str) -> bool {
        let head = format!("GET / HTTP/1.1\r\nHost: h\r\n{lines}\r\n");
        let Ok(Request::Plain(request)) = check_request(head.as_bytes()) else { panic!("{head}") };
        logins.admit(&request.headers)
    }

    #[test]
    fn only_what_is_listed_is_admitted() {
        let list = [Login::basic("Aladdin", "open sesame"), Login::basic("b", ""), Login::bearer("abc.123=")];
        let logins = Logins::new(&list).unwrap();
        for right in [
            "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n",
            "authorization: bASIC  QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n",
            "Authorization: Basic Yjo=\r\n",
            "Authorization: Bearer abc.123=\r\n",
        ] {
            assert!(admits(&logins, right), "{right}");
        }
        for wrong in [
            "",
            "Authorization: Basic\r\n",
            "Authorization: Basic \r\n",
            "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ\r\n",
            "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZR==\r\n",
            "Authorization: Basic abc.123=\r\n",
            "Authorization: Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n",
            "Authorization: Bearer abc.123\r\n",
            "Authorization: Bearer ABC.123=\r\n",
            "Authorization: Digest abc.123=\r\n",
            "Authorization: Bearer abc.123=\r\nAuthorization: Bearer abc.123=\r\n",
        ] {
            assert!(!admits(&logins, wrong), "{wrong}");
        }
    }

    #[test]
    fn what_nobody_could_show_is_refused() {
        let long = "x".repeat(256);
        for login in [
            Login::basic("", "x"),
            Login::basic("a:b", "x"),
            Login::basic("a", "x\n"),
            Login::basic("a", &long),
            Login::bearer(""),
            Login::bearer("a b"),
            Login::bearer(&long),
        ] {
            assert!(Logins::new(&[login]).is_none(), "{login:?}");
        }
        assert_eq!(Logins::new(&[Login::basic("a", "b")]).unwrap().challenge(), Challenge::Basic);
    }
}
