//! Pairing: who shows a code that the device shows gets a cookie, which stands for them from then on.
//!
//! Who competes: clients try codes, a few tries for each address and some more for all of them; then a new code is
//! needed. Cookies are few: the oldest gives way.

use std::net::IpAddr;
use std::time::Instant;

use sha2::{Digest, Sha256};

use crate::proto::handshake::Headers;
use crate::service::limits::{CODE_TIME, CODE_TRIES, CODE_TRIES_PER_PEER, COOKIE_TIME, COOKIES};
use crate::sync::Mutex;

/// The header that brings a code. No page of another origin can send it without being asked first.
pub(crate) const CODE_HEADER: &str = "Pairing-Code";
/// Where it is brought to, with POST.
pub(crate) const PATH: &str = "/.pair";
/// What those get who have no cookie.
pub(crate) const PAGE: &str = include_str!("pairing.html");

/// What a cookie's name is before the number of the port.
const COOKIE: &str = "pairing-";

/// Characters of a code: no two that look alike (Crockford's Base32), of five bits each.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
pub(crate) const CODE_CHARS: usize = 8;

/// Codes and cookies of a port.
#[derive(Default)]
pub(crate) struct Pairing {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    code: Option<Code>,
    /// Each with the time at which it ends.
    cookies: Vec<([u8; 32], Instant)>,
}

struct Code {
    digest: [u8; 32],
    ends: Instant,
    /// Wrong codes, and those of each address.
    tries: u16,
    of_peers: Vec<(IpAddr, u16)>,
}

/// Why a code gets no cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotPaired {
    /// It is not the code, or that has ended.
    Wrong,
    /// Too many have been tried.
    TooMany,
}

impl Pairing {
    /// A new code of random bytes, in place of the one before.
    pub(crate) fn new_code(&self, random: [u8; CODE_CHARS], now: Instant) -> String {
        let code: String = random.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect();
        let (digest, ends) = (digest(code.as_bytes()), now + CODE_TIME);
        self.state.lock().code = Some(Code { digest, ends, tries: 0, of_peers: Vec::new() });
        code
    }

    /// The value of a cookie, of random bytes, for who shows the code, which ends with that. What cannot be a code is
    /// not counted: a page of another origin can make its visitors' browsers send anything but the header of one.
    ///
    /// # Errors
    /// See [`NotPaired`].
    pub(crate) fn exchange(
        &self,
        shown: &[u8],
        peer: IpAddr,
        random: [u8; 16],
        now: Instant,
    ) -> Result<String, NotPaired> {
        let shown = plain(shown);
        if shown.len() != CODE_CHARS {
            return Err(NotPaired::Wrong);
        }
        let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut state = self.state.lock();
        let State { code, cookies } = &mut *state;
        let current = code.as_mut().filter(|code| now < code.ends).ok_or(NotPaired::Wrong)?;
        current.count(peer)?;
        if !is_same(&current.digest, &digest(&shown)) {
            return Err(NotPaired::Wrong);
        }
        *code = None;
        cookies.retain(|(_, ends)| now < *ends);
        if cookies.len() >= COOKIES {
            cookies.remove(0);
        }
        cookies.push((digest(token.as_bytes()), now + COOKIE_TIME));
        Ok(token)
    }

    /// A request with these headers has a cookie of this port.
    pub(crate) fn knows(&self, headers: &Headers<'_>, port: u16, now: Instant) -> bool {
        let name = cookie_name(port);
        let shown = headers.all("Cookie").flat_map(|line| line.split(|byte| *byte == b';'));
        let mut tokens = shown.filter_map(|pair| {
            let (own, value) = pair.trim_ascii().split_at_checked(name.len())?;
            (own == name.as_bytes()).then(|| value.strip_prefix(b"=")).flatten()
        });
        let state = self.state.lock();
        tokens.any(|token| {
            let token = digest(token);
            state
                .cookies
                .iter()
                .fold(false, |known, (cookie, ends)| known | (is_same(cookie, &token) && now < *ends))
        })
    }
}

impl Code {
    /// Counts a try, unless there were too many.
    fn count(&mut self, peer: IpAddr) -> Result<(), NotPaired> {
        if self.tries >= CODE_TRIES {
            return Err(NotPaired::TooMany);
        }
        match self.of_peers.iter_mut().find(|(one, _)| *one == peer) {
            Some((_, tries)) if *tries >= CODE_TRIES_PER_PEER => return Err(NotPaired::TooMany),
            Some((_, tries)) => *tries += 1,
            // At most one for each try.
            None => self.of_peers.push((peer, 1)),
        }
        self.tries += 1;
        Ok(())
    }
}

/// Cookies of all ports of a host come to each of them.
fn cookie_name(port: u16) -> String {
    format!("{COOKIE}{port}")
}

/// Whether a cookie of this name is one of a port.
pub(crate) fn is_cookie(name: &[u8]) -> bool {
    let port = name.strip_prefix(COOKIE.as_bytes()).unwrap_or_default();
    !port.is_empty() && port.iter().all(u8::is_ascii_digit)
}

/// The header line that gives a browser its cookie, for this site alone and for no script (RFC 6265).
pub(crate) fn set_cookie(token: &str, port: u16, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    let seconds = COOKIE_TIME.as_secs();
    format!("{}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}", cookie_name(port))
}

/// As a person may type it: in any case, with something between its halves.
fn plain(shown: &[u8]) -> Vec<u8> {
    let kept = shown.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_uppercase);
    kept.take(2 * CODE_CHARS)
        .map(|byte| match byte {
            b'O' => b'0',
            b'I' | b'L' => b'1',
            other => other,
        })
        .collect()
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// In the same time wherever they differ.
fn is_same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let differs = one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b));
    std::hint::black_box(differs) == 0
}

#[cfg(test)]
mod tests {
    use crate::proto::handshake::{Request, check_request};

    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn knows(pairing: &Pairing, cookies: &str, now: Instant) -> bool {
        let head = format!("GET / HTTP/1.1\r\nHost: h\r\nCookie: {cookies}\r\n\r\n");
        let Ok(Request::Plain(request)) = check_request(head.as_bytes()) else { panic!("{head}") };
        pairing.knows(&request.headers, 8080, now)
    }

    #[test]
    fn a_code_is_good_once_and_for_a_while_and_so_is_its_cookie() {
        let (pairing, now) = (Pairing::default(), Instant::now());
        assert_eq!(pairing.exchange(b"", ONE, [0; 16], now), Err(NotPaired::Wrong), "there is none");
        assert_eq!(pairing.new_code([0, 31, 32, 10, 18, 19, 20, 255], now), "0Z0AJKMZ");
        assert_eq!(pairing.exchange(b"0Z0AJKM0", ONE, [0; 16], now), Err(NotPaired::Wrong));
        let token = pairing.exchange(b"oz0a-jkmz", ONE, [7; 16], now).unwrap();
        assert_eq!(token, "07".repeat(16));
        assert_eq!(pairing.exchange(b"0Z0AJKMZ", ONE, [0; 16], now), Err(NotPaired::Wrong), "it was used");
        let right = format!("a=b; pairing-8080={token}");
        assert!(knows(&pairing, &right, now) && knows(&pairing, &right, now + COOKIE_TIME / 2));
        assert!(!knows(&pairing, &right, now + COOKIE_TIME), "it has ended");
        for wrong in
            ["", "pairing-8080=", "pairing-8080", &right.replace("8080", "8081"), &right.replace('7', "8")]
        {
            assert!(!knows(&pairing, wrong, now), "{wrong}");
        }
        pairing.new_code([0; 8], now);
        let late = pairing.exchange(b"00000000", ONE, [0; 16], now + CODE_TIME);
        assert_eq!(late, Err(NotPaired::Wrong), "it has ended");
    }

    #[test]
    fn tries_are_counted_for_each_address_and_for_all() {
        let (pairing, now) = (Pairing::default(), Instant::now());
        pairing.new_code([0; 8], now);
        for _ in 0..CODE_TRIES_PER_PEER {
            assert_eq!(pairing.exchange(b"11111111", ONE, [0; 16], now), Err(NotPaired::Wrong));
        }
        assert_eq!(pairing.exchange(b"00000000", ONE, [0; 16], now), Err(NotPaired::TooMany));
        let mut others = (0_u32..).map(|at| IpAddr::V4(at.into()));
        let rest = usize::from(CODE_TRIES - CODE_TRIES_PER_PEER);
        for peer in others.clone().take(rest) {
            assert_eq!(pairing.exchange(b"11111111", peer, [0; 16], now), Err(NotPaired::Wrong));
        }
        let other = others.nth(rest).unwrap();
        assert_eq!(pairing.exchange(b"00000000", other, [0; 16], now), Err(NotPaired::TooMany));
        pairing.new_code([0; 8], now);
        assert!(pairing.exchange(b"00000000", ONE, [0; 16], now).is_ok(), "a new code");
    }

    #[test]
    fn what_cannot_be_a_code_is_not_counted() {
        let (pairing, now) = (Pairing::default(), Instant::now());
        pairing.new_code([0; 8], now);
        for shown in ["", "1", "0000000", "000000000", "0000-000", &"0".repeat(99)] {
            for _ in 0..CODE_TRIES {
                assert_eq!(pairing.exchange(shown.as_bytes(), ONE, [0; 16], now), Err(NotPaired::Wrong));
            }
        }
        assert!(pairing.exchange(b"0000-0000", ONE, [0; 16], now).is_ok());
    }

    #[test]
    fn the_oldest_cookie_gives_way() {
        let (pairing, now) = (Pairing::default(), Instant::now());
        let tokens: Vec<_> = (0..=COOKIES as u8)
            .map(|at| {
                pairing.new_code([0; 8], now);
                pairing.exchange(b"00000000", ONE, [at; 16], now).unwrap()
            })
            .collect();
        let known = tokens.iter().map(|token| knows(&pairing, &format!("pairing-8080={token}"), now));
        assert_eq!(known.filter(|known| !known).count(), 1);
    }
}
