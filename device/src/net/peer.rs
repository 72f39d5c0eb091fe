//! Connections to or from somebody outside the machine who lives in its time and costs it nothing: what is measured is one side of a
//! conversation alone, and the same each time.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    io::{self, ErrorKind},
};

use crate::machine::PER_MILLISECOND;

/// Half a millisecond, in which the program that waits for the answer has gone to sleep.
const ANSWER_TIME: u64 = PER_MILLISECOND / 2;

/// The other side of a connection, which never ends it.
pub trait Peer {
    /// Takes bytes that the machine has sent, and gives those that come back half a millisecond later.
    fn answer(&mut self, bytes: &[u8]) -> Vec<u8>;

    /// Gives bytes that come without being asked for, whenever the machine has read all that was there. A peer that only
    /// answers has none.
    fn unasked(&mut self) -> Vec<u8> {
        Vec::new()
    }
}

/// Makes the peer of a new connection.
pub(crate) type MakePeer = Box<dyn FnMut() -> Box<dyn Peer> + Send>;

/// The ports on which there are peers.
#[derive(Default)]
pub(super) struct Peers(BTreeMap<u16, MakePeer>);

impl Peers {
    pub(super) fn add(&mut self, port: u16, make: MakePeer) {
        self.0.insert(port, make);
    }

    /// Whether there is a peer on a port.
    pub(super) fn has(&self, port: u16) -> bool {
        self.0.contains_key(&port)
    }

    /// A connection to a port, if there is a peer.
    pub(super) fn connect(&mut self, port: u16) -> Option<PeerStream> {
        let peer = self.0.get_mut(&port)?();
        Some(PeerStream(RefCell::new(Conversation { peer, coming: VecDeque::new() })))
    }
}

/// The machine's end of a connection to a peer.
pub(super) struct PeerStream(RefCell<Conversation>);

struct Conversation {
    peer: Box<dyn Peer>,
    /// What is on its way to the machine, with the time at which it is there.
    coming: VecDeque<(u64, VecDeque<u8>)>,
}

impl PeerStream {
    /// Like a non-blocking `recv`; `keep` for a peek.
    pub(super) fn read(&self, into: &mut [u8], keep: bool, now: u64) -> io::Result<usize> {
        let mut conversation = self.0.borrow_mut();
        conversation.fill(into.len(), now);
        let there = conversation.coming.iter().take_while(|(time, _)| *time <= now);
        let bytes = there.flat_map(|(_, bytes)| bytes);
        let mut count = 0;
        for (to, from) in into.iter_mut().zip(bytes) {
            *to = *from;
            count += 1;
        }
        if count == 0 && !into.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        if !keep {
            conversation.take(count);
        }
        Ok(count)
    }

    /// The peer takes everything at once.
    pub(super) fn write(&self, from: &[u8], now: u64) -> usize {
        let mut conversation = self.0.borrow_mut();
        let answer = conversation.peer.answer(from);
        if !answer.is_empty() {
            conversation.coming.push_back((now + ANSWER_TIME, answer.into()));
        }
        from.len()
    }

    /// The time at which something can be read.
    pub(super) fn ready(&self) -> Option<u64> {
        self.0.borrow().coming.front().map(|(time, _)| *time)
    }
}

impl Conversation {
    /// Lets the peer give what it has, until so much is there.
    fn fill(&mut self, wanted: usize, now: u64) {
        let mut length: usize = self.coming.iter().map(|(_, bytes)| bytes.len()).sum();
        while length < wanted {
            let more = self.peer.unasked();
            if more.is_empty() {
                return;
            }
            length += more.len();
            self.coming.push_back((now, more.into()));
        }
    }

    fn take(&mut self, mut count: usize) {
        while let Some((_, bytes)) = self.coming.front_mut()
            && count != 0
        {
            let taken = count.min(bytes.len());
            bytes.drain(..taken);
            count -= taken;
            if bytes.is_empty() {
                self.coming.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Doubles what it is told, and then counts.
    struct Parrot {
        left: u8,
    }

    impl Peer for Parrot {
        fn answer(&mut self, bytes: &[u8]) -> Vec<u8> {
            [bytes, bytes].concat()
        }

        fn unasked(&mut self) -> Vec<u8> {
            self.left = self.left.saturating_sub(1);
            if self.left == 0 { Vec::new() } else { vec![self.left] }
        }
    }

    fn stream(left: u8) -> PeerStream {
        let mut peers = Peers::default();
        peers.add(80, Box::new(move || Box::new(Parrot { left })));
        assert!(peers.connect(81).is_none());
        peers.connect(80).unwrap()
    }

    #[test]
    fn an_answer_takes_its_time() {
        let stream = stream(0);
        let mut bytes = [0; 4];
        assert_eq!(stream.read(&mut bytes, false, 0).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(stream.write(b"abc", 1000), 3);
        let time = stream.ready().unwrap();
        assert_eq!(time, 1000 + ANSWER_TIME);
        assert!(stream.read(&mut bytes, false, time - 1).is_err());
        assert_eq!((stream.read(&mut bytes, true, time).unwrap(), &bytes), (4, b"abca"));
        assert_eq!((stream.read(&mut bytes, false, time).unwrap(), &bytes), (4, b"abca"));
        assert_eq!((stream.read(&mut bytes, false, time).unwrap(), &bytes[..2]), (2, &b"bc"[..]));
        assert_eq!(stream.ready(), None);
    }

    #[test]
    fn what_comes_unasked_fills_a_read() {
        let stream = stream(5);
        let mut bytes = [0; 3];
        assert_eq!((stream.read(&mut bytes, false, 0).unwrap(), bytes), (3, [4, 3, 2]));
        assert_eq!((stream.read(&mut bytes, false, 0).unwrap(), bytes[0]), (1, 1));
        assert!(stream.read(&mut bytes, false, 0).is_err());
    }
}
