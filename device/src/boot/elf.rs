//! Reads what the loader needs of an ELF file for rv32: its segments and its entry.

use object::{
    Architecture, Endianness, Object, ObjectSegment, SegmentFlags,
    elf::{PF_W, PF_X},
};

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ElfError {
    /// It is no ELF file, or a broken one.
    #[error("not a readable ELF file: {0}")]
    Broken(String),
    /// It is for another processor.
    #[error("not for riscv32")]
    NotRiscV32,
    /// A segment lies where no program may be.
    #[error("a segment lies where no program may be")]
    OutOfPlace,
    /// The first instruction lies in no segment that may be executed.
    #[error("it begins outside of its code")]
    NoEntry,
    /// More segments than the kernel's arguments can tell.
    #[error("more than {MAX_SEGMENTS} segments")]
    TooManySegments,
}

/// Programs have four. All of them together have to fit into what there is for the kernel's arguments, and the words of one
/// into 16 bits.
pub(super) const MAX_SEGMENTS: usize = 256;

/// A part of a program in memory.
#[derive(PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) address: u32,
    /// Its size in memory; more than the data, where zeros follow.
    pub(crate) size: u32,
    pub(crate) writable: bool,
    pub(crate) executable: bool,
    pub(crate) data: Vec<u8>,
}

/// A program to be loaded.
#[derive(PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) entry: u32,
    pub(crate) segments: Vec<Segment>,
}

impl Image {
    pub(crate) fn parse(file: &[u8]) -> Result<Image, ElfError> {
        let broken = |error: object::Error| ElfError::Broken(error.to_string());
        let file = object::File::parse(file).map_err(broken)?;
        if file.architecture() != Architecture::Riscv32 || file.endianness() != Endianness::Little {
            return Err(ElfError::NotRiscV32);
        }
        let mut segments = Vec::new();
        for segment in file.segments().filter(|segment| segment.size() != 0) {
            let SegmentFlags::Elf { p_flags: flags, .. } = segment.flags() else { continue };
            let address = u32::try_from(segment.address()).map_err(|_| ElfError::OutOfPlace)?;
            let size = u32::try_from(segment.size()).map_err(|_| ElfError::OutOfPlace)?;
            address.checked_add(size).ok_or(ElfError::OutOfPlace)?;
            let data = segment.data().map_err(broken)?.to_vec();
            let (writable, executable) = (flags.contains(PF_W), flags.contains(PF_X));
            if segments.len() == MAX_SEGMENTS {
                return Err(ElfError::TooManySegments);
            }
            segments.push(Segment { address, size, writable, executable, data });
        }
        let entry = u32::try_from(file.entry()).map_err(|_| ElfError::OutOfPlace)?;
        Ok(Image { entry, segments })
    }
}
