//! What a sender says in text messages: `{"resume": transferId, "token": "..."}`, `{"cancel": transferId}` and
//! `{"keep": transferId}`.

use super::answer::Token;
use super::json::{Scanner, Value};

/// Bytes of the longest message.
pub(crate) const COMMAND_BYTES: usize = 256;

/// What a sender asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// Go on with a transfer whose connection has gone.
    Resume { id: u32, token: Token },
    /// Give up a transfer of this connection.
    Cancel { id: u32 },
    /// Replace nothing by the transfer that begins under this id.
    Keep { id: u32 },
}

impl Command {
    /// The transfer that it is about.
    pub(crate) fn id(self) -> u32 {
        match self {
            Command::Resume { id, .. } | Command::Cancel { id } | Command::Keep { id } => id,
        }
    }

    /// Reads a message; `None` for anything else. Unknown members are ignored, as long as their values are numbers or
    /// strings.
    pub(crate) fn parse(message: &[u8]) -> Option<Command> {
        let mut scanner = Scanner::new(std::str::from_utf8(message).ok()?);
        let (mut resume, mut cancel, mut keep, mut token) = (None, None, None, None);
        scanner.expect('{')?;
        loop {
            let key = scanner.string()?;
            scanner.expect(':')?;
            let value = scanner.value()?;
            match (key, value) {
                ("resume", value) => resume = Some(value.number()?),
                ("cancel", value) => cancel = Some(value.number()?),
                ("keep", value) => keep = Some(value.number()?),
                ("token", value) => token = Some(token_of(&value)?),
                _ => (),
            }
            match scanner.next()? {
                ',' => (),
                '}' => break,
                _ => return None,
            }
        }
        if !scanner.is_at_end() {
            return None;
        }
        match (resume, cancel, keep, token) {
            (Some(id), None, None, Some(token)) => Some(Command::Resume { id, token }),
            (None, Some(id), None, None) => Some(Command::Cancel { id }),
            (None, None, Some(id), None) => Some(Command::Keep { id }),
            _ => None,
        }
    }
}

/// A token, 32 hexadecimal digits.
fn token_of(value: &Value<'_>) -> Option<Token> {
    let Value::Text(text) = value else { return None };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let mut token = Token::default();
    if pairs.len() != token.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in token.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(token)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_in_any_order_and_spacing() {
        let token = "000102030405060708090a0B0c0d0e0f";
        let resume = Command::Resume { id: 5, token: std::array::from_fn(|i| i as u8) };
        for text in [
            format!(r#"{{"resume":5,"token":"{token}"}}"#),
            format!(" {{ \"token\" : \"{token}\" ,\n\"resume\" : 5 , \"name\":\"a\\\"b\", \"x\":-1.5e3 }} "),
        ] {
            assert_eq!(Command::parse(text.as_bytes()), Some(resume), "{text}");
        }
        assert_eq!(Command::parse(br#"{"cancel":4294967295}"#), Some(Command::Cancel { id: u32::MAX }));
        assert_eq!(Command::parse(br#"{"keep":7}"#), Some(Command::Keep { id: 7 }));
    }

    #[test]
    fn anything_else_is_no_command() {
        let token = "0".repeat(32);
        for text in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"cancel":}"#,
            r#"{"cancel":+1}"#,
            r#"{"cancel":1.0}"#,
            r#"{"cancel":4294967296}"#,
            r#"{"cancel":"1"}"#,
            r#"{"cancel":1"#,
            r#"{"cancel":1}}"#,
            r#"{"cancel":1,}"#,
            r#"{"resume":1}"#,
            r#"{"resume":1,"token":"00"}"#,
            r#"{"resume":1,"token":0}"#,
            r#"{"keep":1,"cancel":1}"#,
            r#"{"keep":true}"#,
            "{\"a\n\":1,\"cancel\":1}",
            "{\"\u{e9}",
            "\"",
            "{\"\\",
        ] {
            assert_eq!(Command::parse(text.as_bytes()), None, "{text}");
        }
        let both = format!(r#"{{"resume":1,"cancel":1,"token":"{token}"}}"#);
        assert_eq!(Command::parse(both.as_bytes()), None);
        assert_eq!(Command::parse(&[b'{', b'"', 0xff, b'"']), None);
    }
}
