//! A relay between a Xous process and the hosted kernel that counts what the process asks the kernel for.
//!
//! In hosted mode every system call is a packet on a TCP connection: the thread, eight words of which the first is the
//! call's number, and the pages that go with it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use hosted::Program;
use xous::{SysCall, SysCallNumber};

use super::system::Incoming;
use crate::Failure;

/// Where a hosted process finds the kernel.
const KERNEL: &str = "XOUS_SERVER";
/// Above the highest number of a system call.
const NUMBERS: usize = 64;
const WORDS: usize = 9;
const WORD: usize = size_of::<usize>();

/// System calls since the start, by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Calls([u32; NUMBERS]);

impl Calls {
    /// How often `call` was made.
    pub(crate) fn of(&self, call: SysCallNumber) -> u32 {
        self.0[call as usize % NUMBERS]
    }

    /// All calls.
    pub(crate) fn total(&self) -> u32 {
        self.0.iter().sum()
    }

    /// Those made since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self(std::array::from_fn(|number| self.0[number].wrapping_sub(earlier.0[number])))
    }
}

/// The end of a relay that asks it.
pub(crate) struct Counter {
    incoming: Incoming,
    relay: Option<TcpStream>,
}

impl Counter {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self { incoming: Incoming::new()?, relay: None })
    }

    /// The program `words` behind a relay that reports here.
    pub(crate) fn wrap<'a>(&self, own: &str, words: impl IntoIterator<Item = &'a str>) -> Program {
        Program::new(own).args(["relay", &self.incoming.port.to_string()]).args(words)
    }

    /// What the process has called so far.
    ///
    /// # Errors
    /// The relay is gone.
    pub(crate) fn calls(&mut self) -> Result<Calls, Failure> {
        let mut relay = match self.relay.take() {
            Some(relay) => relay,
            None => self.incoming.next()?,
        };
        relay.write_all(&[1])?;
        let mut bytes = [0; 4 * NUMBERS];
        relay.read_exact(&mut bytes)?;
        let calls = std::array::from_fn(|number| {
            let [a, b, c, d] = std::array::from_fn(|byte| bytes[4 * number + byte]);
            u32::from_le_bytes([a, b, c, d])
        });
        self.relay = Some(relay);
        Ok(Calls(calls))
    }
}

/// Runs `words` as a program whose calls to the kernel pass through here, and reports to `port`.
///
/// # Errors
/// It does not start.
pub(crate) fn run(port: u16, words: &[&str]) -> Result<(), Failure> {
    let [program, arguments @ ..] = words else { return Err(Failure("a relay for no program".into())) };
    let kernel = std::env::var(KERNEL).map_err(|_| Failure("not started by a hosted kernel".into()))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?.to_string();
    let mut child = Command::new(program).args(arguments).env(KERNEL, address).spawn()?;
    let (process, _) = listener.accept()?;
    let kernel = TcpStream::connect(kernel)?;
    process.set_nodelay(true)?;
    kernel.set_nodelay(true)?;

    let counts: Arc<[AtomicU32; NUMBERS]> = Arc::new([const { AtomicU32::new(0) }; NUMBERS]);
    let (mut from_kernel, mut to_process) = (kernel.try_clone()?, process.try_clone()?);
    std::thread::spawn(move || io::copy(&mut from_kernel, &mut to_process));
    let counting = counts.clone();
    std::thread::spawn(move || count(process, kernel, &counting));
    let mut asking = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    std::thread::spawn(move || {
        while asking.read_exact(&mut [0]).is_ok() {
            let bytes: Vec<u8> = counts.iter().flat_map(|count| count.load(Relaxed).to_le_bytes()).collect();
            if asking.write_all(&bytes).is_err() {
                return;
            }
        }
    });
    child.wait()?;
    Ok(())
}

/// Hands packets on from the process to the kernel.
fn count(mut process: TcpStream, mut kernel: TcpStream, counts: &[AtomicU32; NUMBERS]) -> io::Result<()> {
    // The key by which the kernel knows the process.
    let mut key = [0; 16];
    process.read_exact(&mut key)?;
    kernel.write_all(&key)?;
    let mut packet = vec![0; WORDS * WORD];
    loop {
        process.read_exact(&mut packet[..WORDS * WORD])?;
        let mut words = [0; WORDS];
        for (word, bytes) in words.iter_mut().zip(packet[..WORDS * WORD].as_chunks::<WORD>().0) {
            *word = usize::from_le_bytes(*bytes);
        }
        let [_thread, number, a, b, c, d, e, f, g] = words;
        let memory = SysCall::from_args(number, a, b, c, d, e, f, g).ok().and_then(|call| call.memory());
        packet.resize(WORDS * WORD + memory.map_or(0, |memory| memory.len()), 0);
        process.read_exact(&mut packet[WORDS * WORD..])?;
        counts[number % NUMBERS].fetch_add(1, Relaxed);
        kernel.write_all(&packet)?;
    }
}
