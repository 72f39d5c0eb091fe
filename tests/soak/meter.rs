//! How long the soak lasts, how fast it goes, whether all parts of it still do, and what the service's memory is.

use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::PARTS;
use crate::common::random::Random;
use crate::process::Process;

/// What the hosted kernel, which gives nothing back, may take in all, and of it in a second: KiB.
const KERNEL: u64 = 2 << 20;
const KERNEL_PER_SECOND: u64 = 4 << 10;
/// Between two looks at the kernel, and for a part that is ahead.
const LOOK: Duration = Duration::from_millis(50);
/// Between two lines of progress.
const LINE: Duration = Duration::from_secs(10);
/// The service's memory is measured as often, and each part looked at.
const SAMPLE: Duration = Duration::from_secs(1);
/// At so many looks in a row nothing may have come.
const PATIENCE: u32 = 20;
/// It may grow by so many per cent from the second minute to the last.
const GROWTH: f64 = 2.0;

/// The soak, as its parts share it.
pub(crate) struct Soak {
    start: Instant,
    time: Duration,
    over: AtomicBool,
    /// The kernel has taken more than is due by now: nobody begins anything.
    ahead: AtomicBool,
    /// By part, messages or files that have been checked.
    counts: [AtomicU64; PARTS.len()],
    /// Since the start, and the service's memory, KiB.
    samples: Mutex<Vec<(Duration, f64)>>,
}

thread_local! {
    /// Which part this thread belongs to.
    static PART: Cell<usize> = const { Cell::new(0) };
}

impl Soak {
    pub(crate) fn new(time: Duration) -> Self {
        Soak {
            start: Instant::now(),
            time,
            over: AtomicBool::new(false),
            ahead: AtomicBool::new(false),
            counts: [const { AtomicU64::new(0) }; PARTS.len()],
            samples: Mutex::default(),
        }
    }

    /// Runs a part. If it fails, all end.
    pub(crate) fn part<T>(&self, part: usize, run: impl FnOnce() -> T) -> T {
        let _end = EndOfPart(self, part);
        PART.set(part);
        run()
    }

    /// Whether there is to be another message of this part; waits for its turn.
    pub(crate) fn goes_on(&self) -> bool {
        while self.ahead.load(Relaxed) && !self.is_over() {
            // A pace, not a wait for anything.
            std::thread::sleep(LOOK);
        }
        !self.is_over()
    }

    /// The time is over.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }

    /// A message or a file of this part has come and is what it has to be.
    pub(crate) fn checked(&self) {
        self.counts[PART.get()].fetch_add(1, Relaxed);
    }

    /// This part in a further thread of it.
    pub(crate) fn same_part<T>(&self, run: impl FnOnce() -> T) -> impl FnOnce() -> T {
        let part = PART.get();
        move || self.part(part, run)
    }

    /// Watches until the time is over.
    pub(crate) fn watch(&self) {
        let (service, kernel) = (Process::service(), Process::kernel());
        let at_first = kernel.figures().resident as u64;
        let per_second = KERNEL_PER_SECOND.min(KERNEL / self.time.as_secs());
        let (mut next_sample, mut next_line) = (SAMPLE, LINE);
        let mut moved = [(0, 0); PARTS.len()];
        while !self.is_over() {
            std::thread::sleep(LOOK);
            let (elapsed, taken) = (self.start.elapsed(), kernel.figures().resident as u64 - at_first);
            self.ahead.store(taken > elapsed.as_millis() as u64 * per_second / 1000, Relaxed);
            if elapsed > next_sample {
                next_sample += SAMPLE;
                self.samples.lock().unwrap().push((elapsed, service.figures().resident as f64));
                self.see_that_all_move(&mut moved);
            }
            if elapsed > next_line {
                next_line += LINE;
                println!("{}; kernel + {} MiB", self.line(), taken >> 10);
            }
            if elapsed > self.time {
                self.over.store(true, Relaxed);
            }
        }
    }

    /// A message that never comes is lost. Looks at which nobody may begin anything do not count.
    fn see_that_all_move(&self, moved: &mut [(u64, u32); PARTS.len()]) {
        for (part, (count, looks)) in moved.iter_mut().enumerate() {
            let now = self.counts[part].load(Relaxed);
            if now != *count {
                (*count, *looks) = (now, 0);
            }
            *looks += u32::from(!self.ahead.load(Relaxed));
            if *looks > PATIENCE {
                fail(&format!("{}: nothing comes behind number {now}", PARTS[part].0));
            }
        }
    }

    fn line(&self) -> String {
        let counts = PARTS.iter().zip(&self.counts);
        let counts: Vec<_> =
            counts.map(|((name, _), count)| format!("{name} {}", count.load(Relaxed))).collect();
        let resident = self.samples.lock().unwrap().last().map_or(0.0, |(_, resident)| *resident);
        format!("{:4} s: {}; service {resident} KiB", self.start.elapsed().as_secs(), counts.join(", "))
    }

    /// Says how it went, and fails if the service's memory has grown.
    pub(crate) fn report(&self) {
        println!("{}", self.line());
        let minute = Duration::from_secs(60);
        let (second, last) = match self.time >= 3 * minute {
            true => ((minute, 2 * minute), (self.time - minute, self.time)),
            false => ((self.time / 4, self.time / 2), (self.time * 3 / 4, self.time)),
        };
        let (second, last) = (self.mean(second), self.mean(last));
        let growth = (last / second - 1.0) * 100.0;
        println!("the service's memory: {second:.0} KiB at first, {last:.0} KiB at last, {growth:+.2} %");
        println!("all messages came once, in order and unchanged");
        assert!(growth <= GROWTH, "the service's memory has grown by {growth:.2} %");
    }

    fn mean(&self, (from, to): (Duration, Duration)) -> f64 {
        let samples = self.samples.lock().unwrap();
        let within: Vec<_> =
            samples.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, kib)| kib).collect();
        within.iter().copied().sum::<f64>() / within.len() as f64
    }
}

/// Ends the soak at once: other parts may wait for what never comes.
fn fail(what: &str) -> ! {
    eprintln!("soak: {what}");
    std::process::exit(1)
}

/// Held by a thread of a part; behind a panic, which has said what is wrong, it says where.
struct EndOfPart<'a>(&'a Soak, usize);

impl Drop for EndOfPart<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let number = self.0.counts[self.1].load(Relaxed);
            fail(&format!("{} has failed behind number {number}", PARTS[self.1].0));
        }
    }
}

/// Messages with numbers, the same ones for whoever has the same seed.
pub(crate) struct Numbered {
    random: Random,
    longest: usize,
    number: u64,
}

impl Numbered {
    pub(crate) fn new(seed: u64, longest: usize) -> Self {
        Numbered { random: Random::new(seed), longest, number: 0 }
    }

    /// The next message: its number, and bytes that are those of no other. ASCII, so that it may be text.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let len = self.random.place(self.longest);
        let mut message = format!("{:016} ", self.number).into_bytes();
        let number = self.number as usize;
        message.extend((0..len).map(|at| (crate::common::pattern_at(at + number * 31)) & 0x7f));
        self.number += 1;
        message
    }

    /// This must be the next message.
    pub(crate) fn expect(&mut self, came: &[u8]) {
        let number = self.number;
        let wanted = self.next();
        let head = String::from_utf8_lossy(&came[..came.len().min(17)]);
        assert!(
            came == wanted,
            "number {number} of {} bytes: {} bytes came, {head:?}",
            wanted.len(),
            came.len()
        );
    }
}
