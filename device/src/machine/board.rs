//! The address map, the interrupt lines, and what happens between instructions.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    Devices, Ram, View,
    clock::{Clock, Idle, NANOSECONDS},
    ticktimer::Ticktimer,
    timer::Timer,
    trng::{self, Generator},
    uart::{Line, Source, Uart},
};
use crate::net::{Dns, MakePeer, Net, Network};

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
/// Free on a Precursor; the network is this emulator's own.
const NET: u32 = 0xf003_0000;
const DNS: u32 = 0xf003_1000;

const TIMER0_LINE: u32 = 0;
const UART_LINE: u32 = 2;
const CONSOLE_LINE: u32 = 3;
const TICKTIMER_LINE: u32 = 8;
const NET_LINE: u32 = 25;

/// Without any event the processor is left alone for this many instructions at most.
const MAX_RUN: u64 = 1_000_000;
/// The PC's sockets that something waits for are looked at after this many instructions.
const NET_ROUND: u64 = 20_000;
/// The longest sleep at a time, so that limits in the PC's time are kept.
const MAX_SLEEP: Duration = Duration::from_millis(100);

/// What can be chosen about a machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) idle: Idle,
    pub(crate) network: Network,
    /// Whether sockets are as strict as those of xous-core.
    pub(crate) strict_network: bool,
    /// The most bytes that a call to a socket moves, if it is less than a page.
    pub(crate) bytes_per_call: Option<usize>,
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
    net: Net,
    dns: Dns,
    /// The count at which the PC's sockets were looked at last.
    net_seen: u64,
    idle: Idle,
    asleep: bool,
    /// The count at which a byte was written or the processor was put to sleep last.
    active: u64,
    /// Registers without a meaning here keep what is written to them.
    storage: BTreeMap<u32, u32>,
    lines: Vec<Line>,
}

impl Board {
    pub(crate) fn new(options: &Options) -> Self {
        let mut net = Net::new(options.network, options.strict_network);
        if let Some(bytes) = options.bytes_per_call {
            net.limit_calls(bytes);
        }
        Board {
            clock: Clock::default(),
            uart: Uart::new(Source::Kernel),
            console: Uart::new(Source::Log),
            timer: Timer::new(options.quantum_seed),
            ticktimer: Ticktimer::default(),
            generator: Generator::new(options.seed),
            net,
            dns: Dns::default(),
            net_seen: 0,
            idle: options.idle,
            asleep: false,
            active: 0,
            storage: BTreeMap::new(),
            lines: Vec::new(),
        }
    }

    /// Lets connections to a port reach a peer.
    pub(crate) fn add_peer(&mut self, port: u16, make: MakePeer) {
        self.net.add_peer(port, make);
    }

    /// Has a peer connect to a port when it is opened.
    pub(crate) fn add_caller(&mut self, port: u16, make: MakePeer) {
        self.net.add_caller(port, make);
    }

    /// Lines that were written since the last call.
    pub(crate) fn take_lines(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.lines)
    }

    /// Adds a line of the machine's own.
    pub(crate) fn add_line(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// What was written without an end of line, at the end of a run.
    pub(crate) fn finish_lines(&mut self, count: u64) {
        let now = self.now(count);
        self.lines.extend([self.uart.finish(now), self.console.finish(now)].into_iter().flatten());
    }

    /// The count at which a byte was written to a UART, or the processor was put to sleep last.
    pub(crate) fn active(&self) -> u64 {
        self.active
    }

    /// Types at the kernel's debug shell.
    pub(crate) fn type_to_kernel(&mut self, text: &str) {
        self.uart.type_bytes(text.as_bytes());
    }

    /// Lets time and the world pass before the processor goes on.
    pub(crate) fn advance(&mut self, count: u64, ram: &mut Ram) -> Next {
        if std::mem::take(&mut self.asleep) && self.lines(count) == 0 && !self.sleep(count, ram) {
            return Next::IdleForever;
        }
        self.look_at_net(count, ram);
        self.timer.advance(self.now(count));
        let until = self.next_event().map_or(u64::MAX, |event| self.clock.count_at(event));
        // An event of the past is a level that stays up until its program has seen to it.
        let until = if until <= count { u64::MAX } else { until };
        let longest = if self.net.waits_outside() { NET_ROUND } else { MAX_RUN };
        Next::RunUntil(until.min(count + longest))
    }

    /// Skips to the next event, or waits for the world. False if nothing will ever happen.
    fn sleep(&mut self, count: u64, ram: &mut Ram) -> bool {
        let now = self.now(count);
        let left = self.next_event().map(|event| event.saturating_sub(now));
        let outside = self.net.waits_outside();
        if outside && (self.idle == Idle::Real || left.is_none()) {
            let start = Instant::now();
            let at_most = left.map_or(MAX_SLEEP, |left| Duration::from_nanos(left * NANOSECONDS));
            self.net.sleep(at_most.min(MAX_SLEEP));
            self.clock.skip(start.elapsed().as_nanos() as u64 / NANOSECONDS);
            self.net_seen = count;
            self.net.poll(self.now(count), ram);
            // If nobody was waiting for what has happened, the kernel goes to sleep again.
            return true;
        }
        if let Some(left) = left {
            self.clock.skip(left);
        }
        left.is_some()
    }

    fn look_at_net(&mut self, count: u64, ram: &mut Ram) {
        let now = self.now(count);
        let late = self.net.deadline().is_some_and(|deadline| now >= deadline);
        let due = self.net.waits_outside() && count >= self.net_seen + NET_ROUND;
        if late || due {
            self.net_seen = count;
            self.net.poll(now, ram);
        }
    }

    fn next_event(&self) -> Option<u64> {
        let events = [self.timer.next_event(), self.ticktimer.next_event(), self.net.deadline()];
        events.into_iter().flatten().min()
    }
}

impl Devices for Board {
    fn lines(&self, count: u64) -> u32 {
        u32::from(self.timer.line_is_up()) << TIMER0_LINE
            | u32::from(self.uart.line_is_up()) << UART_LINE
            | u32::from(self.console.line_is_up()) << CONSOLE_LINE
            | u32::from(self.ticktimer.line_is_up(self.now(count))) << TICKTIMER_LINE
            | u32::from(self.net.line_is_up()) << NET_LINE
    }

    fn now(&self, count: u64) -> u64 {
        self.clock.now(count)
    }

    fn read(&mut self, address: u32, count: u64) -> Option<u32> {
        let register = address & 0xfff;
        Some(match address & !0xfff {
            UART => self.uart.read(register),
            CONSOLE => self.console.read(register),
            TIMER0 => self.timer.read(register),
            TICKTIMER => self.ticktimer.read(register, self.now(count)),
            TRNG_KERNEL => trng::read_kernel(&mut self.generator, register),
            NET => self.net.read(register),
            TRNG_SERVER => trng::read_server(&mut self.generator, register),
            _ if in_devices(address) => self.storage.get(&address).copied().unwrap_or(0),
            _ => return None,
        })
    }

    fn write(&mut self, address: u32, value: u32, count: u64, view: View<'_>) -> Option<()> {
        let now = self.now(count);
        let register = address & 0xfff;
        if register == 0 && matches!(address & !0xfff, UART | CONSOLE | WFI) {
            self.active = count;
        }
        match address & !0xfff {
            UART => self.lines.extend(self.uart.write(register, value, now)),
            CONSOLE => self.lines.extend(self.console.write(register, value, now)),
            TIMER0 => self.timer.write(register, value, now),
            TICKTIMER => self.ticktimer.write(register, value, now),
            NET => self.net.write(register, value, now, view),
            DNS => self.dns.write(register, value, view),
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
