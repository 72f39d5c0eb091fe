//! Messages that wait to be sent and reported.

use std::collections::VecDeque;
use std::mem;

use xous::CID;

use crate::Kind;
use crate::link::options::SendOptions;

/// The most of a connection.
const MAX: usize = 16;

/// Messages that wait to be sent and reported, in order.
///
/// Who competes: threads that send, and one thread that takes. Full: the message is refused.
#[derive(Default)]
pub(crate) struct Queue {
    messages: VecDeque<Queued>,
    /// A thread takes them.
    pub(crate) taken: bool,
}

pub(crate) struct Queued {
    pub(crate) kind: Kind,
    /// Empty while it is being sent.
    pub(crate) data: Vec<u8>,
    pub(crate) len: usize,
    pub(crate) options: SendOptions,
    pub(crate) server: (CID, usize),
}

impl Queue {
    /// How many wait, and their bytes. The one that is being sent is among them.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.messages.len(), self.messages.iter().map(|message| message.len).sum())
    }

    pub(crate) fn is_full(&self) -> bool {
        self.messages.len() >= MAX
    }

    pub(crate) fn push(&mut self, message: Queued) {
        self.messages.push_back(message);
    }

    /// The last one is not to be sent.
    pub(crate) fn take_back(&mut self) {
        self.messages.pop_back();
    }

    /// The first one, which stays among those that are counted until it is [sent](Queue::first_is_sent). Without one nobody
    /// takes any more.
    pub(crate) fn first(&mut self) -> Option<Queued> {
        let Some(first) = self.messages.front_mut() else {
            self.taken = false;
            return None;
        };
        let Queued { kind, len, options, server, .. } = *first;
        Some(Queued { kind, data: mem::take(&mut first.data), len, options, server })
    }

    pub(crate) fn first_is_sent(&mut self) {
        self.messages.pop_front();
    }
}
