//! Network stand-in: passes std's messages on to the emulator, through one page of registers.
//!
//! It does not look into them: the emulator reads and writes the lent page itself. An operation that must wait is
//! parked here as the message that it came in, so that its sender waits and its page stays where it is; an interrupt
//! tells that one is done.

use std::collections::BTreeMap;
use std::convert::Infallible;

use xous::{CID, MemoryAddress, MemorySize, Message, MessageEnvelope};
use xous_api_names::XousNames;

use crate::raw::{self, Registers};

/// The name that std asks the name server for.
const NAME: &str = "_Middleware Network Server_";
/// The page of the registers, and their interrupt line.
const PAGE: usize = 0xf003_0000;
const LINE: usize = 25;

/// The message: its id, the address of its page or 0, its fields, and its sender, by which the kernel tells it from all
/// others that wait; the sockets are those of the process in the sender's highest byte.
const OPCODE: usize = 0x00;
const LENT: usize = 0x04;
const FIRST: usize = 0x08;
const SECOND: usize = 0x0c;
const SENDER: usize = 0x10;
/// Does it.
const GO: usize = 0x14;
/// 1 if it is done, with its answer.
const STATUS: usize = 0x18;
const ANSWER: [usize; 2] = [0x1c, 0x20];
/// Takes the sender of an operation that has waited and is done now, or 0; the answer is that of the one read last.
const DONE: usize = 0x24;
const DONE_ANSWER: [usize; 2] = [0x28, 0x2c];
/// Lowers the interrupt line.
const ACKNOWLEDGE: usize = 0x30;

/// From the interrupt; what is done is looked at after every message.
const WAKE: usize = 0x7fff_0000;

/// Serves until the process is killed.
pub(crate) fn serve() -> Result<Infallible, xous::Error> {
    let server = XousNames::new()?.register_name(NAME, None)?;
    let registers = Registers::map(PAGE)?;
    let bell = Bell { registers, connection: xous::connect(server)? };
    raw::claim(LINE, bell, Bell::ring)?;
    let mut net = Net { registers, parked: BTreeMap::new() };
    loop {
        let envelope = xous::receive_message(server)?;
        match &envelope.body {
            Message::Scalar(scalar) if scalar.id == WAKE => {}
            _ => net.begin(envelope),
        }
        net.finish_parked();
    }
}

/// What the interrupt needs.
struct Bell {
    registers: Registers,
    connection: CID,
}

impl Bell {
    /// The line first: what is done afterwards raises it again.
    fn ring(&self) {
        self.registers.write(ACKNOWLEDGE, 1);
        // If the queue is full, the server looks anyway.
        xous::try_send_message(self.connection, Message::new_scalar(WAKE, 0, 0, 0, 0)).ok();
    }
}

struct Net {
    registers: Registers,
    parked: BTreeMap<usize, MessageEnvelope>,
}

impl Net {
    fn begin(&mut self, envelope: MessageEnvelope) {
        let (page, first, second) = match &envelope.body {
            Message::MutableBorrow(lent) => (
                lent.buf.as_ptr() as usize,
                lent.offset.map_or(0, MemoryAddress::get),
                lent.valid.map_or(0, MemorySize::get),
            ),
            Message::BlockingScalar(scalar) | Message::Scalar(scalar) => (0, scalar.arg1, scalar.arg2),
            // They have no answer.
            Message::Borrow(_) | Message::Move(_) => return,
        };
        let sender = envelope.sender.to_usize();
        let fields = [(OPCODE, envelope.body.id()), (LENT, page), (FIRST, first), (SECOND, second)];
        fields.iter().for_each(|(register, value)| self.registers.write(*register, *value));
        self.registers.write(SENDER, sender);
        self.registers.write(GO, 1);
        if self.registers.read(STATUS) == 0 {
            self.parked.insert(sender, envelope);
        } else {
            finish(envelope, ANSWER.map(|register| self.registers.read(register)));
        }
    }

    fn finish_parked(&mut self) {
        loop {
            let sender = self.registers.read(DONE);
            if sender == 0 {
                return;
            }
            if let Some(envelope) = self.parked.remove(&sender) {
                finish(envelope, DONE_ANSWER.map(|register| self.registers.read(register)));
            }
        }
    }
}

/// Answers a message: offset and valid of a page, or the first word alone.
fn finish(envelope: MessageEnvelope, [first, second]: [usize; 2]) {
    let sender = envelope.sender;
    let answered = match &envelope.body {
        Message::MutableBorrow(lent) => {
            let (offset, valid) = (MemoryAddress::new(first), MemorySize::new(second));
            xous::return_memory_offset_valid(sender, lent.buf, offset, valid)
        }
        Message::BlockingScalar(_) => xous::return_scalar(sender, first),
        _ => Ok(()),
    };
    // The page has gone back. Dropped, the envelope would panic if its sender has died.
    std::mem::forget(envelope);
    if let Err(error) = answered {
        eprintln!("net: a reply was not delivered: {error:?}");
    }
}
