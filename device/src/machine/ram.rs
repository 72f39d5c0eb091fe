//! Main memory. Offsets count from its start, physical addresses from 0.

/// Where RAM starts, as on a Precursor.
pub(crate) const RAM_START: u32 = 0x4000_0000;
/// Its size, as on a Precursor: 16 MiB.
pub(crate) const RAM_SIZE: u32 = 16 << 20;
/// Size of a page of the MMU.
pub(crate) const PAGE_SIZE: u32 = 4096;

/// RAM, zeroed at first. Accesses are little-endian; an offset beyond the end is a fault of the emulator.
pub(crate) struct Ram {
    bytes: Vec<u8>,
}

impl Ram {
    pub(crate) fn new() -> Self {
        Ram { bytes: vec![0; RAM_SIZE as usize] }
    }

    /// The offset of the physical address, if it is one of RAM.
    pub(crate) fn offset(&self, physical: u32) -> Option<u32> {
        physical.checked_sub(RAM_START).filter(|offset| *offset < RAM_SIZE)
    }

    /// The word at the physical address, if it lies in RAM and is aligned.
    pub(crate) fn physical_word(&self, physical: u32) -> Option<u32> {
        let offset = self.offset(physical).filter(|offset| offset & 3 == 0)?;
        Some(self.word(offset))
    }

    #[inline(always)]
    pub(crate) fn byte(&self, offset: u32) -> u8 {
        self.bytes[offset as usize]
    }

    #[inline(always)]
    pub(crate) fn half(&self, offset: u32) -> u16 {
        u16::from_le_bytes(self.array(offset))
    }

    #[inline(always)]
    pub(crate) fn word(&self, offset: u32) -> u32 {
        u32::from_le_bytes(self.array(offset))
    }

    #[inline(always)]
    pub(crate) fn set_byte(&mut self, offset: u32, value: u8) {
        self.bytes[offset as usize] = value;
    }

    #[inline(always)]
    pub(crate) fn set_half(&mut self, offset: u32, value: u16) {
        self.write(offset, &value.to_le_bytes());
    }

    #[inline(always)]
    pub(crate) fn set_word(&mut self, offset: u32, value: u32) {
        self.write(offset, &value.to_le_bytes());
    }

    /// The page that starts at this offset.
    pub(crate) fn page(&mut self, offset: u32) -> &mut [u8] {
        &mut self.bytes[offset as usize..][..PAGE_SIZE as usize]
    }

    #[inline(always)]
    pub(crate) fn write(&mut self, offset: u32, bytes: &[u8]) {
        self.bytes[offset as usize..][..bytes.len()].copy_from_slice(bytes);
    }

    #[inline(always)]
    fn array<const N: usize>(&self, offset: u32) -> [u8; N] {
        let mut array = [0; N];
        array.copy_from_slice(&self.bytes[offset as usize..][..N]);
        array
    }
}
