//! JSON, as far as the protocol needs it: strings written, flat objects read (RFC 8259).

use std::fmt::Write;

/// Appends a JSON string (RFC 8259 section 7).
pub(crate) fn push_string(json: &mut String, value: &str) {
    json.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if c < ' ' => {
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A member's value, as it was written.
pub(crate) enum Value<'a> {
    Number(&'a str),
    Text(&'a str),
}

impl Value<'_> {
    /// The number; `None` if it has a sign or does not fit 32 bits.
    pub(crate) fn number(&self) -> Option<u32> {
        match self {
            Value::Number(digits) => digits.parse().ok(),
            Value::Text(_) => None,
        }
    }
}

/// Reads JSON without nesting. A string with escapes can only be skipped, as no name and no token has any.
pub(crate) struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Scanner { rest: text }
    }

    /// Whether only white space is left.
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.trim_ascii().is_empty()
    }

    /// The next character that is not white space.
    pub(crate) fn next(&mut self) -> Option<char> {
        let mut letters = self.rest.trim_start_matches([' ', '\t', '\n', '\r']).chars();
        let next = letters.next()?;
        self.rest = letters.as_str();
        Some(next)
    }

    pub(crate) fn expect(&mut self, wanted: char) -> Option<()> {
        (self.next()? == wanted).then_some(())
    }

    /// The text between two quotes, with its escapes.
    pub(crate) fn string(&mut self) -> Option<&'a str> {
        self.expect('"')?;
        let mut escaped = false;
        let end = self.rest.find(|c: char| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        })?;
        let (text, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.get(1..)?;
        (!text.contains(|c: char| c < ' ')).then_some(text)
    }

    pub(crate) fn value(&mut self) -> Option<Value<'a>> {
        let start = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        if start.starts_with('"') {
            return self.string().map(Value::Text);
        }
        let end = start.find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c))).unwrap_or(start.len());
        let (number, rest) = start.split_at_checked(end)?;
        self.rest = rest;
        // `u32`'s own parser takes a sign, which JSON does not.
        (number.starts_with(|c: char| c.is_ascii_digit() || c == '-')).then_some(Value::Number(number))
    }
}
