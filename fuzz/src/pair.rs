//! Two ends that talk to each other over a stream that delivers as it likes.

use std::collections::VecDeque;

use websocket::proto::{CloseStep, Event, Kind, Limits, Role};

use super::endpoint::{Echo, Endpoint};

/// One end, the bytes on their way to it, and the messages that it still has to see.
struct End {
    endpoint: Endpoint,
    incoming: VecDeque<u8>,
    expected: VecDeque<(Kind, Vec<u8>)>,
    message: Vec<u8>,
}

impl End {
    fn new(role: Role) -> Self {
        Self {
            endpoint: Endpoint::new(role, Limits::NONE, Echo::Nothing),
            incoming: VecDeque::new(),
            expected: VecDeque::new(),
            message: Vec::new(),
        }
    }

    /// Delivers up to `len` bytes in one piece.
    fn deliver(&mut self, len: usize) {
        let len = len.min(self.incoming.len());
        let mut piece: Vec<u8> = self.incoming.drain(..len).collect();
        let (expected, message) = (&mut self.expected, &mut self.message);
        self.endpoint.receive(&mut piece, |event| {
            if let Event::Data(chunk) = event {
                message.extend_from_slice(chunk.payload);
                if chunk.last {
                    assert_eq!(expected.pop_front(), Some((chunk.kind, std::mem::take(message))));
                }
            }
        });
        assert_eq!(self.endpoint.closing().failure(), None, "neither end ever breaks the protocol");
    }
}

/// Each two bytes are something that an end does, or that happens to it.
pub fn check(data: &[u8]) {
    let mut ends = [End::new(Role::Client), End::new(Role::Server)];
    for &[what, size] in data.as_chunks().0 {
        let [this, other] = if what & 1 == 0 { ends.each_mut() } else { swapped(ends.each_mut()) };
        act(this, other, what >> 1 & 7, usize::from(size));
        other.incoming.extend(this.endpoint.out.drain(..));
    }
    finish(&mut ends);
}

fn act(this: &mut End, other: &mut End, what: u8, size: usize) {
    match what {
        0 | 1 => {
            let (kind, payload) = match what {
                0 => (Kind::Text, "aé€𝄞".repeat(size).into_bytes()),
                _ => (Kind::Binary, (0..size * size).map(|i| i as u8).collect()),
            };
            if this.endpoint.send(kind, &payload) {
                other.expected.push_back((kind, payload));
            }
        }
        2 => {
            this.endpoint.ping(&vec![7; size.min(125)]);
        }
        3 if size > 200 => this.endpoint.close(),
        3 | 4 => this.deliver(size * size),
        _ => this.deliver(size),
    }
}

/// Lets everything arrive, closes, and checks that nothing is missing.
fn finish(ends: &mut [End; 2]) {
    settle(ends);
    ends[0].endpoint.close();
    settle(ends);
    for end in &*ends {
        assert!(end.endpoint.closing().is_clean());
        assert!(end.message.is_empty());
    }
    // What was sent before the other end's Close frame came has arrived; behind it nothing was sent.
    assert!(ends.iter().all(|end| end.expected.is_empty()));
    assert_eq!(ends[0].endpoint.next(), CloseStep::AwaitEnd);
    assert_eq!(ends[1].endpoint.next(), CloseStep::ShutDown);
}

fn settle([client, server]: &mut [End; 2]) {
    loop {
        server.incoming.extend(client.endpoint.out.drain(..));
        client.incoming.extend(server.endpoint.out.drain(..));
        if client.incoming.is_empty() && server.incoming.is_empty() {
            return;
        }
        client.deliver(usize::MAX);
        server.deliver(usize::MAX);
    }
}

fn swapped<T>([a, b]: [T; 2]) -> [T; 2] {
    [b, a]
}
