//! Little-endian fields in a page. Nothing here trusts a length.

/// The longest request, in bytes of its page.
pub(crate) const MAX_REQUEST: usize = 64 * 1024;

/// Writes fields one after the other. It counts them also where there is no room, so that the same code says how many
/// bytes something takes and writes it.
pub(crate) struct Writer<'a> {
    page: &'a mut [u8],
    at: usize,
    /// A length has no room in its field.
    overflow: bool,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(page: &'a mut [u8]) -> Self {
        Writer { page, at: 0, overflow: false }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let end = self.at.saturating_add(bytes.len());
        if let Some(space) = self.page.get_mut(self.at..end) {
            space.copy_from_slice(bytes);
        }
        self.at = end;
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.bytes(&[value]);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    /// A length in 16 bits and the bytes.
    pub(crate) fn text(&mut self, text: &str) {
        match u16::try_from(text.len()) {
            Ok(len) => {
                self.u16(len);
                self.bytes(text.as_bytes());
            }
            Err(_) => self.overflow = true,
        }
    }

    /// A length in 32 bits and the bytes.
    pub(crate) fn blob(&mut self, blob: &[u8]) {
        match u32::try_from(blob.len()) {
            Ok(len) => {
                self.u32(len);
                self.bytes(blob);
            }
            Err(_) => self.overflow = true,
        }
    }

    /// How many bytes were written; `None` if they did not fit.
    pub(crate) fn finish(self) -> Option<usize> {
        (!self.overflow && self.at <= self.page.len()).then_some(self.at)
    }
}

/// How many bytes `fields` writes: the only place where the size of anything in a page is computed.
pub(crate) fn len_of(fields: impl FnOnce(&mut Writer<'_>)) -> usize {
    let mut w = Writer::new(&mut []);
    fields(&mut w);
    w.at
}

/// Reads fields one after the other; `None` past the end.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(page: &'a [u8]) -> Self {
        Reader { rest: page }
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*bytes)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A text as [`Writer::text`] wrote it; `None` also if it is not UTF-8.
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let len = self.u16()?;
        std::str::from_utf8(self.bytes(usize::from(len))?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_reported_and_what_is_missing_is_not_read() {
        let mut page = [0; 12];
        let mut writer = Writer::new(&mut page);
        writer.u32(7);
        writer.text("abc");
        assert_eq!(writer.finish(), Some(9));
        let mut reader = Reader::new(&page);
        assert_eq!((reader.u32(), reader.text()), (Some(7), Some("abc")));
        assert_eq!(reader.u64(), None);

        let mut writer = Writer::new(&mut page);
        writer.text("0123456789abc");
        assert_eq!(writer.finish(), None);
        assert_eq!(len_of(|w| w.text("0123456789abc")), 15);
        let mut writer = Writer::new(&mut page);
        writer.text(&"x".repeat(1 << 16));
        writer.u8(1);
        assert_eq!(writer.finish(), None, "a length that has no room in its field");

        let lying = [255, 255, b'x'];
        assert_eq!(Reader::new(&lying).text(), None);
        assert_eq!(Reader::new(&[1, 0, 0xff]).text(), None, "not UTF-8");
    }
}
