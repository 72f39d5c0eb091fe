//! Suspend stand-in: speaks `xous-api-susres` of xous-core at 73c0946, as `services/xous-susres` answers it.
//!
//! Nothing is ever switched off. When all who have subscribed are ready, in their order, the device has slept and is
//! awake again. Differs from the real one where that one stops: an unknown token is passed over, an order without
//! subscribers is no fault, and a malformed page subscribes nobody.

use std::convert::Infallible;
use std::time::Duration;

use xous::{CID, Message, MessageEnvelope, MessageSender, SID};
use xous_api_names::XousNames;

use crate::raw;
use crate::settings::{SUSPEND_NOW, SUSRES};

/// Opcodes, beside [`SUSPEND_NOW`].
const SUBSCRIBE: usize = 3;
const READY: usize = 4;
const TIMEOUT: usize = 5;
const WAS_CLEAN: usize = 6;
const SUSPENDING: usize = 11;
/// The opcode of what subscribers get: the connection and the opcode that they have named, and a token.
const EVENT: usize = 0;
/// Subscribers have one of these, from 0, and are told in this order.
const ORDERS: u8 = 5;
/// How long all of them have.
const PATIENCE: Duration = Duration::from_secs(5);
/// A subscription as rkyv 0.8 archives it: four words of a SID, the opcode, the connection, and a byte for the order.
const SUBSCRIPTION: usize = 28;

struct Subscriber {
    connection: CID,
    named: [usize; 2],
    order: u8,
    ready: bool,
}

struct Susres {
    own: CID,
    subscribers: Vec<Subscriber>,
    /// Who has asked for the suspend that is under way.
    asked: Option<MessageSender>,
    /// How many there have been.
    number: usize,
    order: u8,
    /// Who waits for the device to wake.
    asleep: Vec<MessageSender>,
}

/// Serves until the process is killed.
pub(crate) fn serve() -> Result<Infallible, xous::Error> {
    let server = XousNames::new()?.register_name(SUSRES, None)?;
    let own = xous::connect(server)?;
    let mut susres =
        Susres { own, subscribers: Vec::new(), asked: None, number: 0, order: 0, asleep: Vec::new() };
    loop {
        susres.take(&xous::receive_message(server)?);
    }
}

impl Susres {
    fn take(&mut self, envelope: &MessageEnvelope) {
        match &envelope.body {
            Message::Borrow(message) | Message::Move(message) if message.id == SUBSCRIBE => {
                let subscriber = raw::brought(envelope).and_then(subscriber);
                self.subscribers.extend(subscriber);
            }
            Message::Scalar(scalar) if scalar.id == READY => self.is_ready(scalar.arg1),
            Message::Scalar(scalar) if scalar.id == TIMEOUT && scalar.arg1 == self.number => self.wake(0),
            Message::BlockingScalar(scalar) => match scalar.id {
                SUSPEND_NOW => self.suspend(envelope.sender),
                SUSPENDING if self.asked.is_some() => self.asleep.push(envelope.sender),
                WAS_CLEAN => answer(envelope.sender, 1),
                _ => answer(envelope.sender, 0),
            },
            _ => (),
        }
    }

    fn suspend(&mut self, sender: MessageSender) {
        if self.asked.is_some() {
            return answer(sender, 0);
        }
        self.subscribers.iter_mut().for_each(|subscriber| subscriber.ready = false);
        (self.asked, self.order) = (Some(sender), 0);
        self.number += 1;
        let (own, number) = (self.own, self.number);
        std::thread::spawn(move || {
            std::thread::sleep(PATIENCE);
            xous::send_message(own, Message::new_scalar(TIMEOUT, number, 0, 0, 0)).ok();
        });
        self.tell();
        self.go_on();
    }

    fn is_ready(&mut self, token: usize) {
        if let (Some(subscriber), Some(_)) = (self.subscribers.get_mut(token), self.asked) {
            subscriber.ready = true;
            self.go_on();
        }
    }

    /// Tells those whose turn it is.
    fn tell(&self) {
        for (token, subscriber) in self.subscribers.iter().enumerate() {
            let [cid, opcode] = subscriber.named;
            if subscriber.order == self.order {
                xous::send_message(subscriber.connection, Message::new_scalar(EVENT, cid, opcode, token, 0))
                    .ok();
            }
        }
    }

    /// To the next in order, as long as all before them are ready.
    fn go_on(&mut self) {
        while self.subscribers.iter().all(|subscriber| subscriber.order != self.order || subscriber.ready) {
            self.order += 1;
            if self.order == ORDERS {
                return self.wake(1);
            }
            self.tell();
        }
    }

    /// The device is awake, and has slept (1) or not (0).
    fn wake(&mut self, slept: usize) {
        self.asleep.drain(..).for_each(|sender| answer(sender, 0));
        if let Some(sender) = self.asked.take() {
            answer(sender, slept);
        }
    }
}

/// `None` for bytes that are no subscription, or of a server that there is not.
fn subscriber(bytes: &[u8]) -> Option<Subscriber> {
    let bytes: &[u8; SUBSCRIPTION] = bytes.try_into().ok()?;
    let (words, _) = bytes.as_chunks::<4>();
    let &[s0, s1, s2, s3, opcode, cid, order] = words else { return None };
    let [s0, s1, s2, s3, opcode, cid] = [s0, s1, s2, s3, opcode, cid].map(u32::from_le_bytes);
    let order = order.first().copied().filter(|order| *order < ORDERS)?;
    let connection = xous::try_connect(SID::from_u32(s0, s1, s2, s3)).ok()?;
    Some(Subscriber { connection, named: [cid as usize, opcode as usize], order, ready: false })
}

fn answer(sender: MessageSender, value: usize) {
    xous::return_scalar(sender, value).ok();
}
