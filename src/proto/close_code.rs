//! The codes of a Close frame (RFC 6455, section 7.4).

use core::fmt;

/// A status code that may stand in a Close frame.
///
/// 1005, 1006 and 1015 stand for "none given", "no Close frame" and "TLS failed" in programs and never
/// travel (RFC 6455, section 7.4.1), so this type cannot hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// A server goes down or a page is left.
    pub const GOING_AWAY: Self = Self(1001);
    /// The peer broke the protocol.
    pub const PROTOCOL: Self = Self(1002);
    /// A kind of data that this end does not take.
    pub const UNSUPPORTED: Self = Self(1003);
    /// Data that does not fit its kind, such as text that is not UTF-8.
    pub const INVALID_DATA: Self = Self(1007);
    /// A rule of this end, for which no other code fits.
    pub const POLICY: Self = Self(1008);
    /// A message too big to take.
    pub const TOO_BIG: Self = Self(1009);
    /// A client misses an extension in the server's answer.
    pub const EXTENSION: Self = Self(1010);
    /// This end met something unexpected.
    pub const INTERNAL: Self = Self(1011);
    /// The service restarts (this and the next two are in IANA's registry, not in the RFC).
    pub const SERVICE_RESTART: Self = Self(1012);
    /// Overloaded: come back later.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// A gateway got no valid answer from behind it.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// `code`, if it may stand in a Close frame: 1000 to 1014 without 1004, 1005 and 1006, and 3000 to 4999,
    /// which are for libraries and applications (RFC 6455, section 7.4.2).
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number.
    pub const fn value(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
