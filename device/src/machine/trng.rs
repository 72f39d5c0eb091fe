//! The random number generators: not random at all, so that runs repeat.

/// Marsaglia's xorshift64.
pub(super) struct Generator(u64);

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        // A state of zero would stay zero.
        Generator((seed ^ 0x9e37_79b9_7f4a_7c15).max(1))
    }

    pub(super) fn next_word(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as u32
    }
}

/// TRNG_KERNEL's registers: always ready.
pub(super) fn read_kernel(generator: &mut Generator, register: u32) -> u32 {
    match register {
        0x00 => 3,
        0x04 | 0x08 => generator.next_word(),
        0x0c => 1,
        _ => 0,
    }
}

/// TRNG_SERVER's registers: always ready.
pub(super) fn read_server(generator: &mut Generator, register: u32) -> u32 {
    match register {
        0x04 | 0xdc => generator.next_word(),
        0x08 => 1 | 1 << 22,
        0xe0 => 1,
        _ => 0,
    }
}
