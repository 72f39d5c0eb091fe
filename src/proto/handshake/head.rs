//! One HTTP head out of a stream, under caps.

use core::fmt;

use super::field::MAX_LINES;

/// What a head may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Bytes of the whole head.
    pub bytes: usize,
    /// Lines, the first one included and the empty one at the end not.
    pub lines: usize,
}

impl Default for Caps {
    /// 8 KiB and as many lines as the checks of a head take.
    fn default() -> Self {
        Self { bytes: 8 * 1024, lines: MAX_LINES }
    }
}

/// Collects a head: from its first byte to the empty line.
///
/// Every byte is looked at once, however the head is cut. The buffer grows by doubling as bytes come, up
/// to [`Caps::bytes`] and never further; nothing in it depends on what a peer declares.
#[derive(Clone, Debug)]
pub struct HeadBuffer {
    caps: Caps,
    bytes: Vec<u8>,
    /// Lines that have ended.
    lines: usize,
    line_empty: bool,
    /// The last byte was a CR.
    cr: bool,
    complete: bool,
}

/// What [`HeadBuffer::push`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadProgress {
    /// Bytes of the input that belong to the head. The rest are frames, or the body.
    pub consumed: usize,
    /// Whether the head has ended.
    pub complete: bool,
}

/// Why a head is refused. A server answers with [`Refusal`](super::Refusal); a client gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// More bytes than [`Caps::bytes`].
    TooLong,
    /// More lines than [`Caps::lines`].
    TooManyLines,
    /// A control character, a CR or LF without the other, or an empty first line (RFC 9112, section 2.2).
    Malformed,
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HeadError::TooLong => "head too long",
            HeadError::TooManyLines => "too many header lines",
            HeadError::Malformed => "malformed head",
        })
    }
}

impl core::error::Error for HeadError {}

/// The first allocation.
const FIRST_STEP: usize = 512;

impl HeadBuffer {
    /// An empty buffer, which allocates nothing yet.
    pub const fn new(caps: Caps) -> Self {
        Self { caps, bytes: Vec::new(), lines: 0, line_empty: true, cr: false, complete: false }
    }

    /// Takes what belongs to the head from the front of `input`. Once it is complete, nothing.
    ///
    /// # Errors
    /// See [`HeadError`]: the connection is of no more use.
    pub fn push(&mut self, input: &[u8]) -> Result<HeadProgress, HeadError> {
        let mut consumed = 0;
        while consumed < input.len() && !self.complete {
            if self.bytes.len() + consumed >= self.caps.bytes {
                return Err(HeadError::TooLong);
            }
            self.scan(input[consumed])?;
            consumed += 1;
        }
        self.append(&input[..consumed]);
        Ok(HeadProgress { consumed, complete: self.complete })
    }

    /// The bytes so far: the whole head, with its empty line, once it is complete.
    pub fn head(&self) -> &[u8] {
        &self.bytes
    }

    /// Begins anew for the next head on the same stream; the memory is kept.
    pub fn clear(&mut self) {
        self.bytes.clear();
        (self.lines, self.line_empty, self.cr, self.complete) = (0, true, false, false);
    }

    fn scan(&mut self, byte: u8) -> Result<(), HeadError> {
        match (byte, self.cr) {
            (b'\r', false) => self.cr = true,
            (b'\n', true) => {
                self.cr = false;
                return self.end_line();
            }
            (b'\t' | b' '..=b'~' | 0x80.., false) => self.line_empty = false,
            _ => return Err(HeadError::Malformed),
        }
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), HeadError> {
        if self.line_empty {
            self.complete = self.lines > 0;
            return if self.complete { Ok(()) } else { Err(HeadError::Malformed) };
        }
        self.lines += 1;
        self.line_empty = true;
        if self.lines > self.caps.lines { Err(HeadError::TooManyLines) } else { Ok(()) }
    }

    fn append(&mut self, bytes: &[u8]) {
        let len = self.bytes.len() + bytes.len();
        if len > self.bytes.capacity() {
            let capacity = (2 * self.bytes.capacity()).max(FIRST_STEP).min(self.caps.bytes).max(len);
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(bytes);
    }
}
