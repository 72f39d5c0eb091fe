//! The address map, the interrupt lines, and what happens between instructions.

use std::collections::BTreeMap;

use super::{
    Devices, View,
    clock::{Clock, Idle},
    ticktimer::Ticktimer,
    timer::Timer,
    trng::{self, Generator},
    uart::{Line, Source, Uart},
};

/// The region of all registers, which programs may map pages of.
pub(crate) const DEVICES_START: u32 = 0xf000_0000;
/// Its size in bytes.
pub(crate) const DEVICES_SIZE: u32 = 0x4_0000;

const TIMER0: u32 = 0xf000_1000;
const UART: u32 = 0xf000_5000;
const CONSOLE: u32 = 0xf000_7000;
const TICKTIMER: u32 = 0xf001_2000;
const TRNG_KERNEL: u32 = 0xf001_c000;
const TRNG_SERVER: u32 = 0xf001_d000;
const WFI: u32 = 0xf002_5000;

const TIMER0_LINE: u32 = 0;
const UART_LINE: u32 = 2;
const CONSOLE_LINE: u32 = 3;
const TICKTIMER_LINE: u32 = 8;

/// Without any event the processor is left alone for this many instructions at most.
const LONGEST_RUN: u64 = 1_000_000;

/// What can be chosen about a machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) idle: Idle,
    /// Seed of the random number generators.
    pub(crate) seed: u64,
    /// With it, rounds of the preemption timer vary in length.
    pub(crate) quantum_seed: Option<u64>,
}

/// What the processor does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Runs until this count.
    RunUntil(u64),
    /// Sleeps, and nothing will ever wake it.
    IdleForever,
}

/// All devices.
pub(crate) struct Board {
    clock: Clock,
    uart: Uart,
    console: Uart,
    timer: Timer,
    ticktimer: Ticktimer,
    generator: Generator,
    asleep: bool,
    /// Registers without a meaning here keep what is written to them.
    storage: BTreeMap<u32, u32>,
    lines: Vec<Line>,
}

impl Board {
    pub(crate) fn new(options: &Options) -> Self {
        Board {
            clock: Clock::default(),
            uart: Uart::new(Source::Kernel),
            console: Uart::new(Source::Log),
            timer: Timer::new(options.quantum_seed),
            ticktimer: Ticktimer::default(),
            generator: Generator::new(options.seed),
            asleep: false,
            storage: BTreeMap::new(),
            lines: Vec::new(),
        }
    }

    /// Machine time after so many instructions.
    pub(crate) fn now(&self, count: u64) -> u64 {
        self.clock.now(count)
    }

    /// Lines that were written since the last call.
    pub(crate) fn take_lines(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.lines)
    }

    /// What was written without an end of line, at the end of a run.
    pub(crate) fn finish_lines(&mut self, count: u64) {
        let now = self.now(count);
        self.lines.extend([self.uart.finish(now), self.console.finish(now)].into_iter().flatten());
    }

    /// Types at the kernel's debug shell.
    pub(crate) fn type_to_kernel(&mut self, text: &str) {
        self.uart.type_bytes(text.as_bytes());
    }

    /// Lets time and the world pass before the processor goes on.
    pub(crate) fn advance(&mut self, count: u64) -> Next {
        if std::mem::take(&mut self.asleep) && self.lines(count) == 0 {
            let Some(event) = self.next_event() else { return Next::IdleForever };
            self.clock.skip(event.saturating_sub(self.now(count)));
        }
        self.timer.advance(self.now(count));
        let until = self.next_event().map_or(u64::MAX, |event| self.clock.count_at(event));
        // An event of the past is a level that stays up until its program has seen to it.
        let until = if until <= count { u64::MAX } else { until };
        Next::RunUntil(until.min(count + LONGEST_RUN))
    }

    fn next_event(&self) -> Option<u64> {
        [self.timer.next_event(), self.ticktimer.next_event()].into_iter().flatten().min()
    }
}

impl Devices for Board {
    fn lines(&self, count: u64) -> u32 {
        u32::from(self.timer.line_is_up()) << TIMER0_LINE
            | u32::from(self.uart.line_is_up()) << UART_LINE
            | u32::from(self.console.line_is_up()) << CONSOLE_LINE
            | u32::from(self.ticktimer.line_is_up(self.now(count))) << TICKTIMER_LINE
    }

    fn read(&mut self, address: u32, count: u64) -> Option<u32> {
        let register = address & 0xfff;
        Some(match address & !0xfff {
            UART => self.uart.read(register),
            CONSOLE => self.console.read(register),
            TIMER0 => self.timer.read(register),
            TICKTIMER => self.ticktimer.read(register, self.now(count)),
            TRNG_KERNEL => trng::read_kernel(&mut self.generator, register),
            TRNG_SERVER => trng::read_server(&mut self.generator, register),
            _ if in_devices(address) => self.storage.get(&address).copied().unwrap_or(0),
            _ => return None,
        })
    }

    fn write(&mut self, address: u32, value: u32, count: u64, _view: View<'_>) -> Option<()> {
        let now = self.now(count);
        let register = address & 0xfff;
        match address & !0xfff {
            UART => self.lines.extend(self.uart.write(register, value, now)),
            CONSOLE => self.lines.extend(self.console.write(register, value, now)),
            TIMER0 => self.timer.write(register, value, now),
            TICKTIMER => self.ticktimer.write(register, value, now),
            WFI if register == 0 => self.asleep = value & 1 != 0,
            _ if in_devices(address) => {
                self.storage.insert(address, value);
            }
            _ => return None,
        }
        Some(())
    }
}

fn in_devices(address: u32) -> bool {
    address.checked_sub(DEVICES_START).is_some_and(|offset| offset < DEVICES_SIZE)
}
