//! What a peer asks a program to do on a connection, in the first message of each exchange.

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Every message is sent back.
    Echo = 1,
    /// Messages are received; one byte is sent when all have come.
    Sink = 2,
    /// Messages are sent.
    Source = 3,
}

/// The whole order. Both sides know from it what comes, so that a stream without frames serves as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) task: Task,
    /// Bytes of a message.
    pub(crate) size: u32,
    pub(crate) messages: u32,
}

impl Job {
    /// Bytes of an order.
    pub(crate) const LEN: usize = 12;

    pub(crate) fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[0] = self.task as u8;
        bytes[4..8].copy_from_slice(&self.size.to_le_bytes());
        bytes[8..].copy_from_slice(&self.messages.to_le_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: [u8; Self::LEN]) -> Option<Self> {
        let task = match bytes[0] {
            1 => Task::Echo,
            2 => Task::Sink,
            3 => Task::Source,
            _ => return None,
        };
        let [.., a, b, c, d, e, f, g, h] = bytes;
        let (size, messages) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        Some(Self { task, size, messages })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_arrive_as_they_were_given() {
        let job = Job { task: Task::Sink, size: 1 << 24, messages: 300 };
        assert_eq!(Job::from_bytes(job.to_bytes()), Some(job));
        assert_eq!(Job::from_bytes([0; Job::LEN]), None);
    }
}
