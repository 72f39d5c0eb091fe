//! An undisturbed conversation: how many bytes have passed each way when a step of it is done.

use crate::proxy::{Proxy, WAYS, Way};
use crate::session::MESSAGES;

/// Steps: the opening handshake, each message there and back, the closing handshake.
pub(crate) const STEPS: usize = MESSAGES.len() + 2;

/// What is between the WebSocket and the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "tls-ring"), allow(dead_code, reason = "the tests over TLS speak it with ring"))]
pub(crate) enum Security {
    Plain,
    Tls12,
    Tls13,
}

/// Where the steps end, and where TLS is agreed on.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    /// By way and step, bytes from the beginning.
    ends: [[usize; STEPS]; 2],
    /// All bytes of each way, an alert behind the closing handshake included.
    all: [usize; 2],
    /// By way, bytes without which the client does not know that TLS is agreed on; 0 without TLS.
    agreed: [usize; 2],
}

impl Trace {
    /// From the bytes that had passed behind each step but the last, and those in all.
    pub(crate) fn new(security: Security, marks: &[[usize; 2]], passed: &[Vec<u8>; 2]) -> Self {
        assert_eq!(marks.len(), STEPS - 1);
        let mut trace =
            Trace { ends: [[0; STEPS]; 2], all: [passed[0].len(), passed[1].len()], agreed: [0; 2] };
        for way in WAYS {
            let (at, bytes) = (way as usize, &passed[way as usize]);
            for (end, mark) in trace.ends[at].iter_mut().zip(marks) {
                *end = mark[at];
            }
            trace.ends[at][STEPS - 1] = bytes.len();
            if security == Security::Plain {
                continue;
            }
            // Behind its Close frame, which is a record, there may be an alert.
            let before_close = trace.ends[at][STEPS - 2];
            trace.ends[at][STEPS - 1] = before_close + records(&bytes[before_close..])[0];
            // The request and its answer are a record each, the last ones so far.
            let opened = trace.ends[at][0];
            let handshake = records(&bytes[..opened]);
            trace.agreed[at] = match (security, way) {
                // With its first words it has said all that the server needs to send the rest.
                (Security::Tls13, Way::ToServer) => handshake[0],
                _ => opened - handshake[handshake.len() - 1],
            };
        }
        trace
    }

    /// The step that cannot be done if no more bytes pass this way; [`STEPS`] if all can.
    pub(crate) fn step(&self, way: Way, after: usize) -> usize {
        self.ends[way as usize].iter().position(|&end| after < end).unwrap_or(STEPS)
    }

    /// By way, where a step ends, or TLS is agreed on, the beginning and the end.
    pub(crate) fn edges(&self) -> [Vec<usize>; 2] {
        [0, 1].map(|way: usize| {
            let mut edges = vec![0, self.agreed[way], self.all[way]];
            edges.extend(self.ends[way]);
            edges.sort_unstable();
            edges.dedup();
            edges
        })
    }

    /// This is the end of a step.
    pub(crate) fn is_end(&self, way: Way, after: usize) -> bool {
        self.ends[way as usize].contains(&after)
    }

    /// Whether the client can know that TLS is agreed on; `None` if it is just about to.
    pub(crate) fn is_agreed(&self, way: Way, after: usize) -> Option<bool> {
        match after.cmp(&self.agreed[way as usize]) {
            std::cmp::Ordering::Less => Some(false),
            std::cmp::Ordering::Equal if after > 0 => None,
            _ => Some(true),
        }
    }
}

/// The bytes that have passed so far, by way.
pub(crate) fn mark(proxy: &Proxy) -> [usize; 2] {
    proxy.passed().map(|bytes| bytes.len())
}

/// The lengths of the records, with their headers.
fn records(mut bytes: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    while let [_, _, _, high, low, ..] = *bytes {
        let len = 5 + usize::from(u16::from_be_bytes([high, low]));
        lengths.push(len);
        bytes = bytes.get(len..).expect("records are whole");
    }
    lengths
}
