//! Texts as strings of JSON, written as they come.

use std::io::{self, Write};

/// Writes a string of JSON.
pub(crate) fn string(out: &mut impl Write, text: &str) -> io::Result<()> {
    write!(out, "\"")?;
    escaped(out, text.as_bytes())?;
    write!(out, "\"")
}

/// Writes what stands in a string of JSON for these bytes of UTF-8 (RFC 8259 section 7).
pub(crate) fn escaped(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\' | 0x7f)) {
        let (plain, special) = rest.split_at(at);
        out.write_all(plain)?;
        if let Some((byte, behind)) = special.split_first() {
            write!(out, "\\u{byte:04x}")?;
            rest = behind;
        }
    }
    out.write_all(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_those_of_json() {
        for text in ["", "plain", "a \"b\" \\ \u{0} \n\r\t \u{7f} \u{e9}\u{1f600}"] {
            let mut json = Vec::new();
            string(&mut json, text).unwrap();
            assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), text);
            assert!(!json.contains(&b'\n'));
        }
    }
}
