//! TICKTIMER: milliseconds since its reset, and one alarm.

use super::clock::PER_MILLISECOND;

/// The registers; times in milliseconds since the reset.
#[derive(Default)]
pub(super) struct Ticktimer {
    /// Machine time of the reset.
    base: u64,
    target: u64,
    enabled: bool,
}

impl Ticktimer {
    fn milliseconds(&self, now: u64) -> u64 {
        now.saturating_sub(self.base) / PER_MILLISECOND
    }

    /// The alarm's level: it stays up until the target is moved.
    pub(super) fn line_is_up(&self, now: u64) -> bool {
        self.enabled && self.milliseconds(now) >= self.target
    }

    /// When the alarm goes off, if it is on.
    pub(super) fn next_event(&self) -> Option<u64> {
        self.enabled.then(|| self.base.saturating_add(self.target.saturating_mul(PER_MILLISECOND)))
    }

    pub(super) fn read(&self, register: u32, now: u64) -> u32 {
        let time = self.milliseconds(now);
        match register {
            0x04 => (time >> 32) as u32,
            0x08 => time as u32,
            0x0c => (self.target >> 32) as u32,
            0x10 => self.target as u32,
            0x14 | 0x18 => u32::from(time >= self.target),
            0x1c => self.enabled.into(),
            _ => 0,
        }
    }

    pub(super) fn write(&mut self, register: u32, value: u32, now: u64) {
        match register {
            0x00 if value & 1 != 0 => self.base = now,
            0x0c => self.target = self.target & 0xffff_ffff | u64::from(value) << 32,
            0x10 => self.target = self.target & !0xffff_ffff | u64::from(value),
            0x1c => self.enabled = value & 1 != 0,
            _ => (),
        }
    }
}
