//! Twelve threads that send all that [`Forge`] makes, and one that takes away what they get.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use xous::{CID, Message};
use xous_api_websocket::wire::{Accepted, Handle, Opcode, Reply, message_id};
use xous_api_websocket::{Code, Listen};

use super::forge::{Forge, Kind, Paged};
use crate::by_hand::{Client, upgrade_request};
use crate::common::pages::RawPages;
use crate::common::random::Random;
use crate::common::{PATIENCE, service_cid};

const THREADS: u64 = 12;
/// The hosted kernel keeps what each page takes, 8 KiB, for ever; five minutes of these are 3.4 GiB.
const PAGES_PER_SECOND: u64 = 1500;
/// What is left of a processor is for those who are attacked, and for other tests.
const MESSAGES_PER_SECOND: u64 = 3000;
/// Between two looks at what is to be taken away, and for a thread that is ahead of its time.
const PACE: Duration = Duration::from_millis(5);
/// Clients of the ports that are kept at a time.
const CLIENTS: usize = 6;

/// The attack, as its threads share it.
pub(super) struct Attack {
    forge: Forge,
    cid: CID,
    /// What no page that comes back may hold.
    secret: &'static [u8],
    start: Instant,
    over: AtomicBool,
    messages: AtomicU64,
    pages: AtomicU64,
    /// Messages that were answered with something else than a refusal.
    taken: AtomicU64,
    opened: AtomicU64,
}

impl Attack {
    pub(super) fn new(forge: Forge, secret: &'static str) -> Self {
        Attack {
            forge,
            cid: service_cid(),
            secret: secret.as_bytes(),
            start: Instant::now(),
            over: AtomicBool::new(false),
            messages: AtomicU64::new(0),
            pages: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            opened: AtomicU64::new(0),
        }
    }

    /// Attacks for so long, and leaves nothing that it can give back.
    pub(super) fn run(&self, time: Duration, seed: u64) {
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..THREADS).map(|thread| scope.spawn(move || self.attack(seed + thread))).collect();
            self.take_away_until(seed, || self.start.elapsed() > time);
            self.over.store(true, Relaxed);
            let end = Instant::now();
            self.take_away_until(seed, || {
                assert!(end.elapsed() < PATIENCE, "a call of the attack does not end");
                threads.iter().all(|thread| thread.is_finished())
            });
        });
        // What the last calls have got.
        self.forge.own().drain(..).for_each(|handle| self.give_back(handle));
        println!(
            "{} messages, {} pages; {} were taken, {} connections and listeners among them",
            self.messages.load(Relaxed),
            self.pages.load(Relaxed),
            self.taken.load(Relaxed),
            self.opened.load(Relaxed)
        );
    }

    /// As much may be open as at first, a megabyte: all that was lent has been counted down to the last byte.
    pub(super) fn lends_a_megabyte(&self) {
        let listen = Listen::new("127.0.0.1", 0);
        let mut page = RawPages::new(1);
        let len = listen.write(page.bytes_mut()).unwrap();
        let (code, len) = page.lend_mut(self.cid, message_id(Opcode::Listen, Handle::SOLE), 0, len);
        assert_eq!(code, 0);
        let listener = listening(&page.bytes()[..len]).unwrap();
        let accept = |pages, handle| {
            RawPages::new(pages).lend_mut(self.cid, message_id(Opcode::Accept, handle), 0, 0).0
        };
        std::thread::scope(|scope| {
            let lent: Vec<_> = (0..4).map(|_| scope.spawn(|| accept(64, listener))).collect();
            let start = Instant::now();
            while accept(1, Handle::SOLE) != Code::BusyMessages as usize {
                let refused = lent.iter().any(|page| page.is_finished());
                assert!(!refused && start.elapsed() < PATIENCE, "a megabyte cannot be lent");
            }
            self.give_back(listener);
            for page in lent {
                assert_eq!(page.join().unwrap(), Code::Closed as usize);
            }
        });
    }

    fn attack(&self, seed: u64) {
        let mut random = Random::new(seed);
        while !self.over.load(Relaxed) {
            let milliseconds = self.start.elapsed().as_millis() as u64;
            if self.messages.fetch_add(1, Relaxed) > milliseconds * MESSAGES_PER_SECOND / 1000 {
                // A pace, not a wait for anything.
                std::thread::sleep(PACE);
            }
            let may_page = self.pages.load(Relaxed) <= milliseconds * PAGES_PER_SECOND / 1000;
            let paged = may_page && !random.once_in(3);
            let (id, kind) = self.forge.message(&mut random, paged);
            self.send(id, kind);
        }
    }

    fn send(&self, id: usize, kind: Kind) {
        let count = |paged: &Paged| self.pages.fetch_add((paged.pages.bytes().len() / 4096) as u64, Relaxed);
        match kind {
            Kind::Scalar { waits, words: [one, two, three, four] } => {
                let message = match waits {
                    true => Message::new_blocking_scalar(id, one, two, three, four),
                    false => Message::new_scalar(id, one, two, three, four),
                };
                xous::send_message(self.cid, message).unwrap();
            }
            Kind::Lend(paged) => {
                count(&paged);
                paged.pages.lend(self.cid, id, paged.offset, paged.valid);
            }
            Kind::Give(paged) => {
                count(&paged);
                paged.pages.give(self.cid, id, paged.offset, paged.valid);
            }
            Kind::LendMut(mut paged) => {
                count(&paged);
                let (code, len) = paged.pages.lend_mut(self.cid, id, paged.offset, paged.valid);
                self.look_at(id, code, paged.pages.bytes(), len);
            }
        }
    }

    /// Nothing that comes back is somebody else's; handles are kept.
    fn look_at(&self, id: usize, code: usize, bytes: &[u8], len: usize) {
        let leaked = bytes.windows(self.secret.len()).any(|part| part == self.secret);
        assert!(!leaked, "{id:#x} was answered with {code:#x} and what an innocent has sent");
        if code != 0 {
            return;
        }
        self.taken.fetch_add(1, Relaxed);
        let answer = bytes.get(..len).unwrap_or_default();
        let handle = match id & 0xff {
            id if id == Opcode::Open as usize => Reply::parse(answer).map(|reply| reply.handle),
            id if id == Opcode::Accept as usize => Accepted::parse(answer).map(|accepted| accepted.handle),
            id if id == Opcode::Listen as usize => listening(answer),
            _ => return,
        };
        self.opened.fetch_add(1, Relaxed);
        self.forge.own().push(handle.expect("who is answered with 0 gets a handle"));
    }

    /// Takes handles away, the oldest first, so that calls that wait for what never comes end; and has clients
    /// come to the ports.
    fn take_away_until(&self, seed: u64, is_over: impl Fn() -> bool) {
        let mut clients = VecDeque::new();
        let mut random = Random::new(seed ^ u64::MAX);
        while !is_over() {
            // A pace, not a wait for anything.
            std::thread::sleep(PACE);
            if !random.once_in(4) {
                continue;
            }
            let oldest = {
                let mut own = self.forge.own();
                (!own.is_empty()).then(|| own.remove(0))
            };
            if let Some(handle) = oldest {
                self.give_back(handle);
            }
            if random.once_in(2) {
                clients.extend(self.client(&mut random));
                clients.drain(..clients.len().saturating_sub(CLIENTS));
            }
        }
    }

    /// A connection's end, and a listener's.
    fn give_back(&self, handle: Handle) {
        for opcode in [Opcode::Close, Opcode::Unlisten] {
            let message = Message::new_scalar(message_id(opcode, handle), 0, 0, 0, 0);
            xous::send_message(self.cid, message).unwrap();
        }
    }

    /// One who asks for a WebSocket where an attacker may have a route.
    fn client(&self, random: &mut Random) -> Option<Client> {
        let port = random.one_of(&self.forge.ports);
        let stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
        let mut client = Client::over(stream);
        client.try_send(upgrade_request(random.one_of(&["/a", "/a/b/c", "/"]), ""));
        Some(client)
    }
}

/// The handle in the answer to a `Listen`.
fn listening(answer: &[u8]) -> Option<Handle> {
    let raw = answer.get(..4)?.try_into().ok()?;
    Handle::from_raw(u32::from_le_bytes(raw))
}
