//! What must hold for the parts parser whatever it is fed; for tests and fuzzing.

use websocket::upload::{Malformed, NAME_BYTES, Parser, Parts};

/// Feeds the messages in `data`, whole and cut, and panics if it makes a difference or an event cannot be.
///
/// The first byte chooses the cuts; then each message is its length in one byte, and its bytes.
pub(crate) fn check(data: &[u8]) {
    let (cut, mut rest) =
        data.split_first().map_or((1, data), |(cut, rest)| (usize::from(cut % 16) + 1, rest));
    let mut messages = Vec::new();
    while let Some((len, tail)) = rest.split_first() {
        let (message, tail) = tail.split_at(tail.len().min(usize::from(*len)));
        messages.push(message);
        rest = tail;
    }
    let whole = trace(&messages, usize::MAX);
    assert_eq!(whole, trace(&messages, cut), "chunks of {cut}");
    assert_eq!(whole, trace(&messages, 1), "chunks of 1");
}

fn trace(messages: &[&[u8]], most: usize) -> Trace {
    let mut trace = Trace::default();
    let mut parser = Parser::default();
    for message in messages {
        let mut rest = *message;
        let mut first = true;
        loop {
            let (chunk, tail) = rest.split_at(rest.len().min(most));
            parser.feed(first, tail.is_empty(), chunk, &mut trace);
            if tail.is_empty() {
                break;
            }
            (first, rest) = (false, tail);
        }
        trace.close(message);
    }
    trace
}

/// What happened, with the data of a message in one piece.
#[derive(Debug, Default, PartialEq, Eq)]
struct Trace {
    known: Vec<u32>,
    events: Vec<Event>,
    /// The message that is being parsed has had an event after which there is none.
    over: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Event {
    Begin(u32, String, u32),
    Data(u32, Vec<u8>),
    End(u32),
    Malformed(Option<u32>, Malformed),
}

impl Trace {
    fn push(&mut self, event: Event) {
        assert!(!self.over, "{event:?} behind the end of its message");
        self.events.push(event);
    }

    fn close(&mut self, message: &[u8]) {
        assert!(std::mem::take(&mut self.over), "no end of {message:?}");
    }
}

impl Parts for Trace {
    fn knows(&self, id: u32) -> bool {
        self.known.contains(&id)
    }

    fn begin(&mut self, id: u32, name: &str, length: u32) {
        assert!(name.len() <= NAME_BYTES && !name.contains('\0'));
        self.known.push(id);
        self.push(Event::Begin(id, name.to_owned(), length));
    }

    fn data(&mut self, id: u32, bytes: &[u8]) {
        assert!(!bytes.is_empty() && self.known.contains(&id));
        match self.events.last_mut() {
            Some(Event::Data(of, data)) if *of == id => data.extend_from_slice(bytes),
            _ => self.push(Event::Data(id, bytes.to_vec())),
        }
    }

    fn end(&mut self, id: u32) {
        assert!(self.known.contains(&id));
        self.push(Event::End(id));
        self.over = true;
    }

    fn malformed(&mut self, id: Option<u32>, why: Malformed) {
        self.push(Event::Malformed(id, why));
        self.over = true;
    }
}
