//! An innocent program beside one that is not.

use std::time::{Duration, Instant};

use hosted::peer::Peer;
use xous_api_websocket::Websocket;

use super::open;

/// A connection to an echo, on which nothing unusual happens.
pub(crate) struct Neighbour {
    _peer: Peer,
    ws: Websocket,
    rounds: u32,
    worst: Duration,
}

impl Neighbour {
    pub(crate) fn new() -> Self {
        let peer = Peer::echo().unwrap();
        let ws = open(&peer);
        Neighbour { _peer: peer, ws, rounds: 0, worst: Duration::ZERO }
    }

    /// Sends messages, and receives each of them before the next.
    pub(crate) fn echo(&mut self, rounds: u32) {
        for round in self.rounds..self.rounds + rounds {
            let start = Instant::now();
            self.ws.send_text(&round.to_string()).unwrap();
            assert_eq!(self.ws.receive_text(10).unwrap(), round.to_string());
            self.worst = self.worst.max(start.elapsed());
        }
        self.rounds += rounds;
    }

    /// Closes it, and says how it went.
    pub(crate) fn done(self, beside: &str) {
        assert_eq!(self.ws.close(1000, "").map(u16::from), Ok(1000));
        println!("{} rounds beside {beside}: the worst took {:?}", self.rounds, self.worst);
    }
}
