//! Which programs panic: std tells the log server so before it prints the message, by a number that no text can stand for.
//!
//! The message is seen when it is sent. Connections have numbers of each process's own, so the opening of the one to the log
//! server is seen too, when the kernel comes back from it.

use super::Cpu;
use crate::machine::Devices;

/// Numbers of system calls (`xous` 0.9, `SysCallNumber`).
const SEND_MESSAGE: u32 = 16;
const CONNECT: u32 = 17;
const TRY_SEND_MESSAGE: u32 = 24;
const TRY_CONNECT: u32 = 25;
const DISCONNECT: u32 = 35;
/// The kind of a message without memory that nobody waits for.
const SCALAR: u32 = 4;
/// The kernel's answer with the number of a connection.
const CONNECTION: u32 = 7;
/// std's `LogScalar::BeginPanic`.
const BEGIN_PANIC: u32 = 1000;
/// The log server's address, "xous-log-server ".
const LOG_SERVER: [u32; 4] = [
    u32::from_le_bytes(*b"xous"),
    u32::from_le_bytes(*b"-log"),
    u32::from_le_bytes(*b"-ser"),
    u32::from_le_bytes(*b"ver "),
];

/// What is known of each process's connection to the log server.
pub(crate) struct Panics {
    /// A call that opens it: the process, and where it goes on. A call that has to wait is made again.
    opening: Option<(u8, u32)>,
    /// The connections, by process.
    connections: Vec<Option<u32>>,
    /// Processes that panic, in the order in which they said so.
    told: Vec<u8>,
}

impl Default for Panics {
    fn default() -> Self {
        Panics { opening: None, connections: vec![None; 256], told: Vec::new() }
    }
}

impl Panics {
    /// Processes that panic, in the order in which they said so.
    pub(crate) fn told(&self) -> &[u8] {
        &self.told
    }

    /// Looks at a system call. Whether it tells of a panic that was not known.
    fn call(&mut self, pid: u8, resume: u32, registers: &[u32; 32]) -> bool {
        let connection = &mut self.connections[usize::from(pid)];
        match registers[10..18] {
            [CONNECT | TRY_CONNECT, a, b, c, d, ..] if [a, b, c, d] == LOG_SERVER => {
                self.opening = Some((pid, resume));
            }
            [DISCONNECT, closed, ..] if *connection == Some(closed) => *connection = None,
            [SEND_MESSAGE | TRY_SEND_MESSAGE, to, SCALAR, BEGIN_PANIC, ..]
                if *connection == Some(to) && !self.told.contains(&pid) =>
            {
                self.told.push(pid);
                return true;
            }
            _ => (),
        }
        false
    }

    /// Looks at what the kernel comes back with, if it is to the call that opens the connection.
    fn back(&mut self, pid: u8, resume: u32, registers: &[u32; 32]) {
        if self.opening.take() == Some((pid, resume)) && registers[10] == CONNECTION {
            self.connections[usize::from(pid)] = Some(registers[11]);
        }
    }
}

impl<D: Devices> Cpu<D> {
    /// Looks at the system call at `pc`; a panic lets `run` end.
    pub(super) fn look_for_panic(&mut self) {
        if self.panics.call(self.pid(), self.pc.wrapping_add(4), &self.x) {
            self.look_up();
        }
    }

    /// Looks at the kernel's answer before a program goes on with it.
    pub(super) fn look_at_answer(&mut self) {
        if self.panics.opening.is_some() {
            self.panics.back(self.pid(), self.csr.resume, &self.x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registers(arguments: &[u32]) -> [u32; 32] {
        let mut registers = [0; 32];
        registers[10..10 + arguments.len()].copy_from_slice(arguments);
        registers
    }

    /// Process 9 with connection 5 to the log server.
    fn connected() -> Panics {
        let mut panics = Panics::default();
        let [a, b, c, d] = LOG_SERVER;
        assert!(!panics.call(9, 0x104, &registers(&[CONNECT, a, b, c, d])));
        panics.back(9, 0x104, &registers(&[CONNECTION, 5]));
        panics
    }

    const PANIC: [u32; 4] = [TRY_SEND_MESSAGE, 5, SCALAR, BEGIN_PANIC];

    #[test]
    fn a_panic_is_told_once() {
        let mut panics = connected();
        assert!(panics.call(9, 0, &registers(&PANIC)));
        assert!(!panics.call(9, 0, &registers(&PANIC)));
        assert_eq!(panics.told(), [9]);
        assert!(connected().call(9, 0, &registers(&[SEND_MESSAGE, 5, SCALAR, BEGIN_PANIC])));
    }

    #[test]
    fn other_messages_are_no_panic() {
        let mut panics = connected();
        let others = [
            // To another server, of other kinds, with another number.
            [TRY_SEND_MESSAGE, 6, SCALAR, BEGIN_PANIC],
            [TRY_SEND_MESSAGE, 5, 1, BEGIN_PANIC],
            [TRY_SEND_MESSAGE, 5, SCALAR, 1100],
            [CONNECT, 5, SCALAR, BEGIN_PANIC],
        ];
        for other in others {
            assert!(!panics.call(9, 0, &registers(&other)), "{other:?}");
        }
        assert!(!panics.call(8, 0, &registers(&PANIC)), "another process's connection");
        panics.call(9, 0, &registers(&[DISCONNECT, 5]));
        assert!(!panics.call(9, 0, &registers(&PANIC)));
    }

    #[test]
    fn an_opening_counts_when_it_has_succeeded() {
        let [a, b, c, d] = LOG_SERVER;
        for (pid, resume, answer) in [(9, 0x104, 1), (8, 0x104, CONNECTION), (9, 0x100, CONNECTION)] {
            let mut panics = Panics::default();
            panics.call(9, 0x104, &registers(&[TRY_CONNECT, a, b, c, d]));
            panics.back(pid, resume, &registers(&[answer, 5]));
            // Whatever came of it, it is over.
            panics.back(9, 0x104, &registers(&[CONNECTION, 5]));
            assert!(!panics.call(9, 0, &registers(&PANIC)));
        }
    }
}
