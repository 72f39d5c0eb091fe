//! Senres, the form of the PDDB's requests and answers in pages (`services/pddb/src/libstd/senres.rs`): a mark, four
//! letters that say what follows, and fields, each aligned to its own size from the start of the page.

/// `SENRES_V1_MAGIC`.
const MARK: u32 = 0x344c_b6ca;

/// Writes the fields of a request, and remembers if they did not fit.
pub(super) struct Request<'a> {
    page: &'a mut [u8],
    at: usize,
    overflow: bool,
}

impl<'a> Request<'a> {
    /// A request of the kind `letters` in a cleared page.
    pub(super) fn new(page: &'a mut [u8], letters: &[u8; 4]) -> Self {
        let mut request = Request { page, at: 0, overflow: false };
        request.u32(MARK);
        request.bytes(letters);
        request
    }

    pub(super) fn bool(&mut self, value: bool) {
        self.bytes(&[value.into()]);
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.align(4);
        self.bytes(&value.to_le_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.align(8);
        self.bytes(&value.to_le_bytes());
    }

    pub(super) fn str(&mut self, value: &str) {
        match u32::try_from(value.len()) {
            Ok(len) => self.u32(len),
            Err(_) => self.overflow = true,
        }
        self.bytes(value.as_bytes());
    }

    pub(super) fn some_str(&mut self, value: &str) {
        self.bool(true);
        self.str(value);
    }

    pub(super) fn none(&mut self) {
        self.bool(false);
    }

    /// `None` if it did not fit.
    pub(super) fn finish(self) -> Option<()> {
        (!self.overflow).then_some(())
    }

    fn align(&mut self, to: usize) {
        self.at = self.at.next_multiple_of(to);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        match self.at.checked_add(bytes.len()).and_then(|end| self.page.get_mut(self.at..end)) {
            Some(space) => {
                space.copy_from_slice(bytes);
                self.at += bytes.len();
            }
            None => self.overflow = true,
        }
    }
}

/// Why a field of an answer cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The page ends first, as the server silently cuts what does not fit. More pages may help.
    Short,
    /// The server never writes such a field.
    Malformed,
}

/// Reads the fields of an answer. Bytes behind its end are left from the request.
pub(super) struct Answer<'a> {
    page: &'a [u8],
    at: usize,
}

impl<'a> Answer<'a> {
    /// The fields of an answer of the kind `letters`.
    pub(super) fn new(page: &'a [u8], letters: &[u8; 4]) -> Result<Self, Fault> {
        let mut answer = Answer { page, at: 0 };
        let marked = answer.u32()? == MARK && answer.bytes(4)? == letters;
        if marked { Ok(answer) } else { Err(Fault::Malformed) }
    }

    pub(super) fn u16(&mut self) -> Result<u16, Fault> {
        self.field().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Fault> {
        self.field().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Fault> {
        self.field().map(u64::from_le_bytes)
    }

    pub(super) fn str(&mut self) -> Result<&'a str, Fault> {
        let len = usize::try_from(self.u32()?).map_err(|_| Fault::Malformed)?;
        std::str::from_utf8(self.bytes(len)?).map_err(|_| Fault::Malformed)
    }

    fn field<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        self.at = self.at.next_multiple_of(N);
        self.bytes(N)?.try_into().map_err(|_| Fault::Short)
    }

    fn bytes(&mut self, len: usize) -> Result<&'a [u8], Fault> {
        let end = self.at.checked_add(len).ok_or(Fault::Short)?;
        let bytes = self.page.get(self.at..end).ok_or(Fault::Short)?;
        self.at = end;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_request_is_laid_out_as_the_server_reads_it() {
        let mut page = [0; 64];
        let mut request = Request::new(&mut page, b"KyOQ");
        request.str(":b:d/k");
        for flag in [true, true, false, false, false] {
            request.bool(flag);
        }
        request.u64(300);
        request.none();
        assert!(request.finish().is_some());
        assert_eq!(page[..8], [0xca, 0xb6, 0x4c, 0x34, b'K', b'y', b'O', b'Q']);
        assert_eq!(page[8..18], *b"\x06\0\0\0:b:d/k");
        assert_eq!(page[18..23], [1, 1, 0, 0, 0]);
        assert_eq!(page[24..33], [0x2c, 1, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn what_does_not_fit_is_noticed_in_both_directions() {
        let mut page = [0; 16];
        let mut request = Request::new(&mut page, b"RmKQ");
        request.str("a longer path than that");
        assert!(request.finish().is_none());

        let mut answer = [0; 16];
        answer[..8].copy_from_slice(b"\xca\xb6\x4c\x34LiKR");
        answer[8..12].copy_from_slice(&9u32.to_le_bytes());
        let mut cut = Answer::new(&answer, b"LiKR").ok().unwrap();
        assert_eq!(cut.str(), Err(Fault::Short));
        answer[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        let mut lying = Answer::new(&answer, b"LiKR").ok().unwrap();
        assert_eq!(lying.str(), Err(Fault::Short));
        assert_eq!(Answer::new(&answer, b"LiDR").err(), Some(Fault::Malformed));
        assert_eq!(Answer::new(&answer[..6], b"LiKR").err(), Some(Fault::Short));
    }
}
