//! The head of a client's request as a program is shown it, or its recording: without what the client comes in with.
//!
//! A cookie or a login is good for all that a port has, of whatever program, and browsers send it to each of them.

use super::pairing;

/// What stands for each byte of a cookie's value.
const HIDDEN: u8 = b'x';

/// The head, with `x` for each byte of a pairing cookie, of whatever port, as browsers send those of all ports to each.
/// The lines `Authorization` are left out if it `has_login`: one that is not for the program.
pub(super) fn shown_head(head: &[u8], has_login: bool) -> Vec<u8> {
    let mut shown = Vec::with_capacity(head.len());
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        if has_login && name.eq_ignore_ascii_case(b"Authorization") {
            continue;
        }
        let start = shown.len() + name.len() + 1;
        shown.extend_from_slice(line);
        if name.eq_ignore_ascii_case(b"Cookie")
            && let Some(pairs) = shown.get_mut(start..)
        {
            pairs.split_mut(|byte| *byte == b';').for_each(hide);
        }
    }
    shown
}

/// Hides the value of a pair that is a pairing cookie.
fn hide(pair: &mut [u8]) {
    if let Some(at) = pair.iter().position(|byte| *byte == b'=')
        && let Some((name, value)) = pair.split_at_mut_checked(at)
        && pairing::is_cookie(name.trim_ascii())
    {
        value.iter_mut().skip(1).filter(|byte| byte.is_ascii_graphic()).for_each(|byte| *byte = HIDDEN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(lines: &str, has_login: bool) -> String {
        let head = format!("GET /a:b HTTP/1.1\r\n{lines}\r\n");
        let shown = String::from_utf8(shown_head(head.as_bytes(), has_login)).unwrap();
        shown.strip_prefix("GET /a:b HTTP/1.1\r\n").unwrap().strip_suffix("\r\n").unwrap().to_owned()
    }

    #[test]
    fn cookies_of_pairings_are_hidden_and_no_others() {
        for (lines, seen) in [
            ("Cookie: pairing-8080=0af\r\n", "Cookie: pairing-8080=xxx\r\n"),
            ("cookie:a=b;pairing-1=0a=f ; c=d\r\n", "cookie:a=b;pairing-1=xxxx ; c=d\r\n"),
            ("Cookie: a=b\r\nCOOKIE: pairing-0=1\r\n", "Cookie: a=b\r\nCOOKIE: pairing-0=x\r\n"),
            ("Cookie: pairing-1=\r\nX: y\r\n", "Cookie: pairing-1=\r\nX: y\r\n"),
        ] {
            assert_eq!(shown(lines, false), seen);
            assert_eq!(shown(lines, true), seen);
        }
        for same in [
            "Cookie: pairing=a; pairing-=b; pairing-a=b; xpairing-1=c; a=pairing-1; pairing-1\r\n",
            "X-Cookie: pairing-1=a\r\nCookies: pairing-1=a\r\n",
            "Cookie:\r\n",
            "",
        ] {
            assert_eq!(shown(same, true), same);
        }
    }

    #[test]
    fn a_login_that_is_for_somebody_else_is_left_out() {
        let lines = "A: 1\r\nauthorization: Basic YTpi\r\nB: 2\r\nAuthorization:x\r\n";
        assert_eq!(shown(lines, false), lines);
        assert_eq!(shown(lines, true), "A: 1\r\nB: 2\r\n");
    }
}
