//! The closing handshake (RFC 6455, sections 5.5.1 and 7.1).

use super::close::{ClosePayload, CloseReason};
use super::frame::Role;
use super::violation::Violation;

/// Where the closing handshake of a connection stands; the reader and the writer share it.
///
/// The reader reports what comes ([`Closing::received`], [`Closing::fail`]), anyone may start it
/// ([`Closing::start`]), the writer takes the one Close frame that is to be sent
/// ([`Closing::take_due`]), and [`Closing::next`] says what remains to be done. At most one Close frame is
/// sent. A value of about 260 bytes.
#[derive(Clone, Debug)]
pub struct Closing {
    role: Role,
    ours: Ours,
    peer: Option<ClosePayload>,
    failed: Option<Violation>,
}

#[derive(Clone, Debug)]
enum Ours {
    None,
    Due(ClosePayload),
    Sent,
}

/// What an end of a connection has to do next for its closing handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseStep {
    /// Nothing: the connection is open.
    None,
    /// Send the frame that [`Closing::take_due`] gives.
    Send,
    /// Read until the peer's Close frame comes, within a deadline.
    AwaitClose,
    /// Read until the end of the stream, within a deadline: the server ends the transport first
    /// (RFC 6455, section 7.1.1).
    AwaitEnd,
    /// End the transport now.
    ShutDown,
}

impl Closing {
    /// The state of an open connection. `role` is this program's own.
    pub const fn new(role: Role) -> Self {
        Self { role, ours: Ours::None, peer: None, failed: None }
    }

    /// Begins to close from this end. False if a Close frame is due or sent already: that one counts.
    pub fn start(&mut self, reason: Option<CloseReason<'_>>) -> bool {
        let open = matches!(self.ours, Ours::None);
        if open {
            self.ours = Ours::Due(ClosePayload::new(reason));
        }
        open
    }

    /// Takes the peer's Close frame. If none was started here, its answer becomes due, with the peer's code
    /// (section 5.5.1). Only the first call counts.
    pub fn received(&mut self, reason: Option<CloseReason<'_>>) {
        if self.peer.is_none() {
            self.peer = Some(ClosePayload::new(reason));
            self.start(reason.map(|reason| CloseReason::code_only(reason.code())));
        }
    }

    /// Fails the connection for what the peer did: a Close frame with its code becomes due unless another
    /// is, and no answer is waited for (section 7.1.7).
    pub fn fail(&mut self, violation: Violation) {
        if self.failed.is_none() {
            self.failed = Some(violation);
            self.start(CloseReason::new(violation.close_code(), violation.text()));
        }
    }

    /// The Close frame's payload that is to be sent now, once; from then on it counts as sent.
    pub fn take_due(&mut self) -> Option<ClosePayload> {
        match core::mem::replace(&mut self.ours, Ours::Sent) {
            Ours::Due(payload) => Some(payload),
            other => {
                self.ours = other;
                None
            }
        }
    }

    /// What to do next.
    pub const fn next(&self) -> CloseStep {
        match (&self.ours, &self.peer) {
            (Ours::None, _) => CloseStep::None,
            (Ours::Due(_), _) => CloseStep::Send,
            (Ours::Sent, _) if self.failed.is_some() => CloseStep::ShutDown,
            (Ours::Sent, None) => CloseStep::AwaitClose,
            (Ours::Sent, Some(_)) => match self.role {
                Role::Client => CloseStep::AwaitEnd,
                Role::Server => CloseStep::ShutDown,
            },
        }
    }

    /// Whether this end ends the transport once its Close frame is out, without waiting for the peer to do so. The
    /// server does (RFC 6455 section 7.1.1), and so does an end that failed the connection (section 7.1.7).
    pub const fn ends_transport(&self) -> bool {
        self.failed.is_some() || matches!(self.role, Role::Server)
    }

    /// Whether data may still be sent.
    pub const fn is_open(&self) -> bool {
        matches!(self.ours, Ours::None)
    }

    /// Whether both ends have sent a Close frame and neither broke the protocol (section 7.1.4).
    pub const fn is_clean(&self) -> bool {
        matches!(self.ours, Ours::Sent) && self.peer.is_some() && self.failed.is_none()
    }

    /// The payload of the peer's Close frame, if one came; [`ClosePayload::reason`] reads it.
    pub const fn peer(&self) -> Option<&ClosePayload> {
        self.peer.as_ref()
    }

    /// What the peer did wrong, if the connection was failed for it.
    pub const fn failure(&self) -> Option<Violation> {
        self.failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::CloseCode;

    fn reason(code: CloseCode) -> Option<CloseReason<'static>> {
        CloseReason::new(code, "why")
    }

    #[test]
    fn the_peer_closes() {
        for (role, end) in [(Role::Client, CloseStep::AwaitEnd), (Role::Server, CloseStep::ShutDown)] {
            let mut closing = Closing::new(role);
            assert_eq!((closing.next(), closing.is_open()), (CloseStep::None, true));
            closing.received(reason(CloseCode::GOING_AWAY));
            assert_eq!(
                (closing.next(), closing.is_open(), closing.is_clean()),
                (CloseStep::Send, false, false)
            );
            let answer = closing.take_due().expect("due");
            assert_eq!(answer.reason(), Some(CloseReason::code_only(CloseCode::GOING_AWAY)));
            assert!(closing.take_due().is_none(), "once");
            assert_eq!((closing.next(), closing.is_clean()), (end, true));
            assert_eq!(closing.peer().and_then(ClosePayload::reason), reason(CloseCode::GOING_AWAY));
        }
    }

    #[test]
    fn this_end_closes() {
        for (role, end) in [(Role::Client, CloseStep::AwaitEnd), (Role::Server, CloseStep::ShutDown)] {
            let mut closing = Closing::new(role);
            assert!(closing.start(reason(CloseCode::NORMAL)));
            assert!(!closing.start(reason(CloseCode::INTERNAL)), "the first counts");
            assert_eq!(closing.take_due().as_ref().and_then(ClosePayload::reason), reason(CloseCode::NORMAL));
            assert_eq!((closing.next(), closing.is_clean()), (CloseStep::AwaitClose, false));
            closing.received(None);
            assert!(closing.take_due().is_none(), "answered already");
            assert_eq!((closing.next(), closing.is_clean()), (end, true));
            assert_eq!(closing.peer().map(ClosePayload::reason), Some(None));
        }
    }

    #[test]
    fn both_close_at_once() {
        let mut closing = Closing::new(Role::Server);
        closing.start(None);
        closing.received(reason(CloseCode::NORMAL));
        assert_eq!(closing.take_due().map(|due| due.as_bytes().len()), Some(0), "our own, not an answer");
        assert_eq!((closing.next(), closing.is_clean()), (CloseStep::ShutDown, true));
    }

    #[test]
    fn a_fault_of_the_peer() {
        for role in [Role::Client, Role::Server] {
            let mut closing = Closing::new(role);
            closing.fail(Violation::InvalidUtf8);
            closing.fail(Violation::Masked);
            assert_eq!(closing.failure(), Some(Violation::InvalidUtf8));
            let due = closing.take_due().expect("due");
            assert_eq!(due.reason().map(|reason| reason.code()), Some(CloseCode::INVALID_DATA));
            assert_eq!((closing.next(), closing.is_clean()), (CloseStep::ShutDown, false));
        }
        let mut closing = Closing::new(Role::Client);
        closing.start(None);
        assert!(closing.take_due().is_some());
        closing.fail(Violation::Masked);
        assert!(closing.take_due().is_none(), "one Close frame at most");
        assert_eq!((closing.next(), closing.is_clean()), (CloseStep::ShutDown, false));
    }

    #[test]
    fn every_violation_has_a_text_that_fits() {
        for violation in [Violation::LengthNotMinimal, Violation::CloseCode(65535), Violation::ControlTooLong]
        {
            assert!(CloseReason::new(violation.close_code(), violation.text()).is_some());
        }
    }

    #[test]
    fn a_server_and_who_fails_end_the_transport() {
        let (mut client, server) = (Closing::new(Role::Client), Closing::new(Role::Server));
        assert!(server.ends_transport() && !client.ends_transport());
        client.received(reason(CloseCode::NORMAL));
        assert!(!client.ends_transport());
        client.fail(Violation::ReservedBits);
        assert!(client.ends_transport());
    }
}
