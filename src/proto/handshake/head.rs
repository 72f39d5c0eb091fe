//! One HTTP head out of a stream, under caps.

use core::fmt;

/// The most lines of a head that the checks take: the first line and 100 header lines.
pub const MAX_LINES: usize = 101;
/// What a head may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Bytes of the whole head.
    pub bytes: usize,
    /// Lines, with the first one and without the empty one at the end.
    pub lines: usize,
}

impl Default for Caps {
    /// 8 KiB and as many lines as the checks of a head take.
    fn default() -> Self {
        Self { bytes: 8 * 1024, lines: MAX_LINES }
    }
}

/// The most empty lines in front of a request that are skipped. Clients that send any send one.
pub const MAX_EMPTY_LINES: usize = 4;

/// Collects a head: from its first byte to the empty line.
///
/// Every byte is looked at once, however the head is cut. The buffer grows by doubling as bytes come, up
/// to [`Caps::bytes`] and never further; nothing in it depends on what a peer declares.
#[derive(Clone, Debug)]
pub struct HeadBuffer {
    caps: Caps,
    lenience: Lenience,
    bytes: Vec<u8>,
    /// Lines that have ended.
    lines: usize,
    /// Empty lines in front of the first one.
    skipped: usize,
    line_empty: bool,
    /// The last byte was a CR.
    cr: bool,
    complete: bool,
}

/// Which old habit of peers is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lenience {
    None,
    EmptyLines,
    Folds,
}

/// What a byte means for the bytes before it.
enum Step {
    /// Nothing.
    Go,
    /// They are an empty line in front of the head.
    Skip,
    /// It goes on with the line that they end.
    Fold,
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
    /// A control character, a CR or LF without the other, or an empty first line (RFC 9112, section 2.2), unless
    /// [`HeadBuffer::skips_empty_lines`].
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
        Self {
            caps,
            lenience: Lenience::None,
            bytes: Vec::new(),
            lines: 0,
            skipped: 0,
            line_empty: true,
            cr: false,
            complete: false,
        }
    }

    /// For requests: up to [`MAX_EMPTY_LINES`] empty lines in front of a head are skipped (RFC 9112, section 2.2).
    pub const fn skips_empty_lines(mut self) -> Self {
        self.lenience = Lenience::EmptyLines;
        self
    }

    /// For replies: a header line that is folded becomes one line, with spaces where it was (RFC 9112,
    /// section 5.2). It still counts as several, and as many bytes as it had.
    pub const fn unfolds(mut self) -> Self {
        self.lenience = Lenience::Folds;
        self
    }

    /// Takes what belongs to the head from the front of `input`. Once it is complete, nothing.
    ///
    /// # Errors
    /// See [`HeadError`]. The connection cannot be used any more, and [`HeadBuffer::head`] has what came before the fault.
    pub fn push(&mut self, input: &[u8]) -> Result<HeadProgress, HeadError> {
        let (mut taken, mut consumed, mut fault) = (0, 0, None);
        while let Some(&byte) = input.get(consumed)
            && !self.complete
        {
            let is_full = self.bytes.len() + consumed - taken >= self.caps.bytes;
            match if is_full { Err(HeadError::TooLong) } else { self.scan(byte) } {
                Ok(Step::Go) => {}
                Ok(Step::Skip) => {
                    self.bytes.clear();
                    taken = consumed + 1;
                }
                Ok(Step::Fold) => {
                    self.append(&input[taken..consumed]);
                    taken = consumed;
                    self.bytes.iter_mut().rev().take(2).for_each(|end| *end = b' ');
                }
                Err(error) => {
                    fault = Some(error);
                    break;
                }
            }
            consumed += 1;
        }
        self.append(&input[taken..consumed]);
        fault.map_or(Ok(HeadProgress { consumed, complete: self.complete }), Err)
    }

    /// The bytes so far: the whole head, with its empty line, once it is complete. How a request is refused depends on
    /// its method, so that what came in front of a fault is there as well.
    pub fn head(&self) -> &[u8] {
        &self.bytes
    }

    /// Begins anew for the next head on the same stream; the memory is kept.
    pub fn clear(&mut self) {
        self.bytes.clear();
        (self.lines, self.skipped, self.line_empty, self.cr, self.complete) = (0, 0, true, false, false);
    }

    fn scan(&mut self, byte: u8) -> Result<Step, HeadError> {
        match (byte, self.cr) {
            (b'\r', false) => self.cr = true,
            (b'\n', true) => {
                self.cr = false;
                return self.end_line();
            }
            (b'\t' | b' '..=b'~' | 0x80.., false) => {
                // Behind the first line there is nothing that could go on (section 2.2).
                let folds = self.lenience == Lenience::Folds && self.lines > 1;
                if core::mem::replace(&mut self.line_empty, false) && folds && matches!(byte, b'\t' | b' ') {
                    return Ok(Step::Fold);
                }
            }
            _ => return Err(HeadError::Malformed),
        }
        Ok(Step::Go)
    }

    fn end_line(&mut self) -> Result<Step, HeadError> {
        if self.line_empty {
            self.complete = self.lines > 0;
            let skips = self.lenience == Lenience::EmptyLines && self.skipped < MAX_EMPTY_LINES;
            return match (self.complete, skips) {
                (true, _) => Ok(Step::Go),
                (false, true) => {
                    self.skipped += 1;
                    Ok(Step::Skip)
                }
                (false, false) => Err(HeadError::Malformed),
            };
        }
        self.lines += 1;
        self.line_empty = true;
        if self.lines > self.caps.lines { Err(HeadError::TooManyLines) } else { Ok(Step::Go) }
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
