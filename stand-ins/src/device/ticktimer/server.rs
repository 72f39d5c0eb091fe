//! The server: messages in, answers out, and the alarm.

use std::convert::Infallible;

use xous::{CID, Message, MessageSender};

use super::waits::Waits;
use crate::raw::{self, Registers};

/// The server's well-known address.
const ADDRESS: &[u8; 16] = b"ticktimer-server";
/// The page of the registers, and their interrupt line.
const PAGE: usize = 0xf001_2000;
const LINE: usize = 8;

/// The time in milliseconds, upper and lower half.
const TIME1: usize = 0x04;
const TIME0: usize = 0x08;
/// When the alarm goes off.
const TARGET1: usize = 0x0c;
const TARGET0: usize = 0x10;
/// Writing 1 takes the alarm back; 1 in ENABLE lets it through.
const PENDING: usize = 0x18;
const ENABLE: usize = 0x1c;

mod opcode {
    pub(super) const ELAPSED_MS: usize = 0;
    pub(super) const SLEEP_MS: usize = 1;
    pub(super) const LOCK_MUTEX: usize = 6;
    pub(super) const UNLOCK_MUTEX: usize = 7;
    pub(super) const WAIT_FOR_CONDITION: usize = 8;
    pub(super) const NOTIFY_CONDITION: usize = 9;
    pub(super) const FREE_MUTEX: usize = 10;
    pub(super) const FREE_CONDITION: usize = 11;
    /// From the interrupt; the time is looked at after every message.
    pub(super) const ALARM: usize = 0x1_0000;
}

/// Serves until the process is killed.
pub(crate) fn serve() -> Result<Infallible, xous::Error> {
    let server = xous::create_server_with_address(ADDRESS)?;
    let registers = Registers::map(PAGE)?;
    let alarm = Alarm { registers, connection: xous::connect(server)? };
    raw::claim(LINE, alarm, Alarm::ring)?;
    let mut ticktimer = Ticktimer { registers, waits: Waits::new(), armed: None };
    loop {
        let envelope = xous::receive_message(server)?;
        // Nothing here is answered by a page; one that is lent goes back as it came.
        let message = match &envelope.body {
            Message::BlockingScalar(scalar) => Some((*scalar, true)),
            Message::Scalar(scalar) => Some((*scalar, false)),
            _ => None,
        };
        if let Some((scalar, blocking)) = message {
            let request =
                Request { sender: envelope.sender, blocking, arguments: [scalar.arg1, scalar.arg2] };
            ticktimer.serve(scalar.id, &request);
        }
        ticktimer.wake();
    }
}

/// What the interrupt needs.
struct Alarm {
    registers: Registers,
    connection: CID,
}

impl Alarm {
    fn ring(&self) {
        self.registers.write(ENABLE, 0);
        self.registers.write(PENDING, 1);
        // If the queue is full, the server looks at the time anyway.
        xous::try_send_message(self.connection, Message::new_scalar(opcode::ALARM, 0, 0, 0, 0)).ok();
    }
}

struct Request {
    sender: MessageSender,
    blocking: bool,
    arguments: [usize; 2],
}

impl Request {
    /// An answer, if one is waited for.
    fn answer(&self, value: usize) {
        if self.blocking {
            answer(self.sender, value);
        }
    }
}

struct Ticktimer {
    registers: Registers,
    waits: Waits<MessageSender>,
    /// The time for which the alarm is set.
    armed: Option<u64>,
}

impl Ticktimer {
    fn now(&self) -> u64 {
        (self.registers.read(TIME1) as u64) << 32 | self.registers.read(TIME0) as u64
    }

    fn after(&self, milliseconds: usize) -> u64 {
        self.now().saturating_add(milliseconds as u64)
    }

    fn serve(&mut self, id: usize, request: &Request) {
        let [first, second] = request.arguments;
        let sender = request.sender;
        let key = (sender.pid().map_or(0, xous::PID::get), first);
        match id {
            opcode::ELAPSED_MS if request.blocking => {
                let now = self.now();
                xous::return_scalar2(sender, now as usize, (now >> 32) as usize).ok();
            }
            opcode::SLEEP_MS if request.blocking => self.waits.sleep(sender, self.after(first)),
            opcode::LOCK_MUTEX if request.blocking => {
                if self.waits.lock(key, sender) {
                    request.answer(0);
                }
            }
            opcode::UNLOCK_MUTEX => {
                if let Some(next) = self.waits.unlock(key) {
                    answer(next, 0);
                }
                request.answer(0);
            }
            opcode::WAIT_FOR_CONDITION if request.blocking => {
                let until = (second != 0).then(|| self.after(second));
                self.waits.wait(key, sender, until);
            }
            opcode::NOTIFY_CONDITION => {
                let reached = self.waits.notify(key, second);
                reached.iter().for_each(|(sender, value)| answer(*sender, *value));
                request.answer(reached.len());
            }
            opcode::FREE_MUTEX => {
                self.waits.free_mutex(key);
                request.answer(0);
            }
            opcode::FREE_CONDITION => {
                self.waits.notify(key, 0).iter().for_each(|(sender, value)| answer(*sender, *value));
                request.answer(0);
            }
            _ => request.answer(0),
        }
    }

    /// Answers those whose time has come, and sets the alarm for the next.
    fn wake(&mut self) {
        let Some(first) = self.waits.next() else { return };
        let now = self.now();
        if first <= now {
            self.waits.due(now).iter().for_each(|(sender, value)| answer(*sender, *value));
        }
        let next = self.waits.next();
        if next == self.armed {
            return;
        }
        self.armed = next;
        self.registers.write(ENABLE, 0);
        if let Some(next) = next {
            self.registers.write(TARGET1, (next >> 32) as usize);
            self.registers.write(TARGET0, next as usize);
            self.registers.write(PENDING, 1);
            self.registers.write(ENABLE, 1);
        }
    }
}

fn answer(sender: MessageSender, value: usize) {
    if let Err(error) = xous::return_scalar(sender, value) {
        eprintln!("ticktimer: a reply was not delivered: {error:?}");
    }
}
