//! Bytes as hexadecimal digits.

use std::io::{self, Write};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Writes two digits a byte.
pub(crate) fn write(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    // Some at a time: a write may be a call to another process.
    for some in bytes.chunks(256) {
        let digits: Vec<u8> = some
            .iter()
            .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
            .collect();
        out.write_all(&digits)?;
    }
    Ok(())
}

/// The bytes of digits in either case, with blanks between any two bytes.
///
/// # Errors
/// Says what is wrong.
pub(crate) fn read(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    for word in text.split_whitespace() {
        let mut digits = word.chars();
        while let Some(high) = digits.next() {
            let low = digits.next().ok_or(format!("{word:?}: a byte has two hexadecimal digits"))?;
            let digit = |c: char| {
                c.to_digit(16).ok_or(format!("{c:?} is not a hexadecimal digit; --text sends text"))
            };
            bytes.push((digit(high)? * 16 + digit(low)?) as u8);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_there_and_back() {
        let bytes: Vec<u8> = (0..=255).chain(0..=255).collect();
        let mut digits = Vec::new();
        write(&mut digits, &bytes).unwrap();
        let digits = String::from_utf8(digits).unwrap();
        assert!(digits.starts_with("000102") && digits.ends_with("feff"), "{digits}");
        assert_eq!(read(&digits), Ok(bytes));
        assert_eq!(read(" 00 FFff\t7e\r"), Ok(vec![0, 255, 255, 0x7e]));
        assert_eq!(read(""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_not_a_byte_is_named() {
        for (text, said) in
            [("0", "two"), ("00 0 0", "two"), ("0x10", "'x'"), ("zz", "'z'"), ("\u{e9}0", "\u{e9}")]
        {
            let refused = read(text);
            assert!(refused.as_ref().is_err_and(|error| error.contains(said)), "{text}: {refused:?}");
        }
    }
}
