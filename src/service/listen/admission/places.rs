//! How many clients a port has, in all and of each address.

use std::net::IpAddr;
use std::sync::Arc;

use crate::http::Reason;
use crate::sync::Mutex;

/// The places of a port.
pub(crate) struct Places {
    /// How many there are, and how many of them one address may have.
    connections: u16,
    per_peer: u16,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: u16,
    /// As many as there are clients at the most.
    per_peer: Vec<(IpAddr, u16)>,
}

/// Which limit a client meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The port has all the connections that it may have.
    Port,
    /// The client's address has its share of them.
    Peer,
    /// No worker is left for strangers.
    Workers,
}

impl Places {
    pub(crate) fn new(connections: u16, per_peer: u16) -> Arc<Self> {
        Arc::new(Places { connections, per_peer, taken: Mutex::default() })
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> u16 {
        self.taken.lock().all
    }

    /// Counts a client of this address, as [`one_peer`](crate::net::one_peer) has it, or says which limit it meets.
    pub(crate) fn count(&self, peer: IpAddr) -> Result<(), Full> {
        let mut taken = self.taken.lock();
        if taken.all >= self.connections {
            return Err(Full::Port);
        }
        match taken.per_peer.iter_mut().find(|(address, _)| *address == peer) {
            Some((_, count)) if *count >= self.per_peer => return Err(Full::Peer),
            Some((_, count)) => *count += 1,
            None if self.per_peer == 0 => return Err(Full::Peer),
            None => taken.per_peer.push((peer, 1)),
        }
        taken.all += 1;
        Ok(())
    }

    /// A client that was counted counts no more.
    pub(crate) fn uncount(&self, peer: IpAddr) {
        let mut taken = self.taken.lock();
        taken.all = taken.all.saturating_sub(1);
        taken.per_peer.retain_mut(|(address, count)| {
            if *address == peer {
                *count -= 1;
            }
            *count > 0
        });
    }
}

impl Full {
    /// What a client is told.
    pub(crate) const fn reason(self) -> Reason {
        match self {
            Full::Peer => Reason::PeerFull,
            Full::Port | Full::Workers => Reason::Full,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_and_the_port_its_places() {
        let places = Places::new(3, 2);
        let [one, two] = ["10.0.0.1", "10.0.0.2"].map(|address| address.parse().unwrap());
        assert_eq!([one, one, one].map(|peer| places.count(peer)), [Ok(()), Ok(()), Err(Full::Peer)]);
        assert_eq!([two, two].map(|peer| places.count(peer)), [Ok(()), Err(Full::Port)]);
        places.uncount(one);
        assert_eq!((places.taken(), places.count(one)), (2, Ok(())));
        assert_eq!(Places::new(3, 0).count(one), Err(Full::Peer));
    }
}
