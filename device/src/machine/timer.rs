//! TIMER0: a down counter of 12 MHz. The suspend server makes the tick of preemption with it, 10 ms.

use super::trng::Generator;

/// The registers, and when the counter reaches zero.
pub(super) struct Timer {
    load: u32,
    reload: u32,
    /// Machine time of the next zero; none while it stands.
    zero: Option<u64>,
    pending: bool,
    enabled: bool,
    /// Draws the length of each round anew, for other orders of threads.
    variation: Option<Generator>,
}

impl Timer {
    /// With a seed, each round takes between half and one and a half times of what was asked for.
    pub(super) fn new(seed: Option<u64>) -> Self {
        let variation = seed.map(Generator::new);
        Timer { load: 0, reload: 0, zero: None, pending: false, enabled: false, variation }
    }

    pub(super) fn line_is_up(&self) -> bool {
        self.pending && self.enabled
    }

    /// When the counter reaches zero, if it runs.
    pub(super) fn next_event(&self) -> Option<u64> {
        self.zero
    }

    /// Sees whether the counter has reached zero.
    pub(super) fn advance(&mut self, now: u64) {
        while let Some(zero) = self.zero.filter(|zero| now >= *zero) {
            self.pending = true;
            self.zero = (self.reload != 0).then(|| zero + self.round(self.reload));
        }
    }

    pub(super) fn read(&self, register: u32) -> u32 {
        match register {
            0x00 => self.load,
            0x04 => self.reload,
            0x08 => self.zero.is_some().into(),
            0x0c | 0x10 => self.pending.into(),
            0x14 => self.enabled.into(),
            _ => 0,
        }
    }

    pub(super) fn write(&mut self, register: u32, value: u32, now: u64) {
        let set = value & 1 != 0;
        match register {
            0x00 => self.load = value,
            0x04 => self.reload = value,
            0x08 => self.zero = set.then(|| now + self.round(self.load)),
            0x10 if set => self.pending = false,
            0x14 => self.enabled = set,
            _ => (),
        }
    }

    /// Machine time of so many ticks; never nothing, so that time goes on.
    fn round(&mut self, ticks: u32) -> u64 {
        let time = (u64::from(ticks) * 100 / 12).max(1);
        match &mut self.variation {
            Some(generator) => (time * (50 + u64::from(generator.next_word() % 101)) / 100).max(1),
            None => time,
        }
    }
}
