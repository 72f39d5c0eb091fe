//! Senres, the form of requests and replies: a mark, four letters, and fields aligned to their own size.
//!
//! As in the real server, what does not fit a reply's page is left out without a word.

use super::Code;

const MARK: u32 = 0x344c_b6ca;

/// Reads a request. Everything wrong with one is an [`Code::InternalError`].
pub(super) struct Reader<'a> {
    page: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(page: &'a [u8], letters: &[u8; 4]) -> Result<Self, Code> {
        let mut reader = Reader { page, at: 0 };
        let right = reader.u32()? == MARK && reader.bytes(4)? == letters;
        if right { Ok(reader) } else { Err(Code::InternalError) }
    }

    pub(super) fn bool(&mut self) -> Result<bool, Code> {
        match self.bytes(1)? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Code::InternalError),
        }
    }

    pub(super) fn u32(&mut self) -> Result<u32, Code> {
        self.field().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Code> {
        self.field().map(u64::from_le_bytes)
    }

    pub(super) fn str(&mut self) -> Result<String, Code> {
        let length = self.u32()? as usize;
        let bytes = self.bytes(length)?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Code::InternalError)
    }

    pub(super) fn optional_str(&mut self) -> Result<Option<String>, Code> {
        if !self.bool()? {
            return Ok(None);
        }
        self.has_room_for(size_of::<Option<String>>())?;
        self.str().map(Some)
    }

    pub(super) fn optional_address(&mut self) -> Result<Option<[u32; 4]>, Code> {
        if !self.bool()? {
            return Ok(None);
        }
        self.has_room_for(size_of::<Option<[u32; 4]>>())?;
        Ok(Some([self.u32()?, self.u32()?, self.u32()?, self.u32()?]))
    }

    /// The real reader wants the size of the whole option behind its flag.
    fn has_room_for(&self, size: usize) -> Result<(), Code> {
        if self.at + size > self.page.len() { Err(Code::InternalError) } else { Ok(()) }
    }

    fn field<const N: usize>(&mut self) -> Result<[u8; N], Code> {
        self.at = self.at.next_multiple_of(N);
        self.bytes(N)?.try_into().map_err(|_| Code::InternalError)
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], Code> {
        let end = self.at.checked_add(length).ok_or(Code::InternalError)?;
        let bytes = self.page.get(self.at..end).ok_or(Code::InternalError)?;
        self.at = end;
        Ok(bytes)
    }
}

/// Writes a reply over the request.
pub(super) struct Writer<'a> {
    page: &'a mut [u8],
    at: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(page: &'a mut [u8], letters: &[u8; 4]) -> Self {
        let mut writer = Writer { page, at: 0 };
        writer.u32(MARK);
        writer.bytes(letters);
        writer
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.aligned(&value.to_le_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.aligned(&value.to_le_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.aligned(&value.to_le_bytes());
    }

    pub(super) fn str(&mut self, value: &str) {
        self.u32(value.len() as u32);
        self.bytes(value.as_bytes());
    }

    fn aligned(&mut self, field: &[u8]) {
        self.at = self.at.next_multiple_of(field.len());
        self.bytes(field);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let space = self.page.get_mut(self.at..).unwrap_or_default();
        let fits = bytes.len().min(space.len());
        space[..fits].copy_from_slice(&bytes[..fits]);
        self.at += fits;
    }
}
