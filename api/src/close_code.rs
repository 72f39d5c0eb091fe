//! The codes of a Close frame, as programs read and choose them.

use std::fmt;

/// Why a connection ends (RFC 6455 section 7.4, and IANA's registry of close codes).
///
/// 3000 to 3999 are for libraries and are registered, 4000 to 4999 are free for applications:
///
/// ```
/// use xous_api_websocket::CloseCode;
///
/// const WRONG_ROOM: CloseCode = CloseCode::new(4001);
/// assert!(WRONG_ROOM.may_be_sent());
/// assert_eq!(CloseCode::GOING_AWAY.to_string(), "1001 (going away)");
/// assert_eq!(CloseCode::from(1001), CloseCode::GOING_AWAY);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: what the connection was for is done.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// 1001: a server goes down, or a person leaves a page. The service closes so when its owner does not receive.
    pub const GOING_AWAY: CloseCode = CloseCode(1001);
    /// 1002: the peer has broken the protocol.
    pub const PROTOCOL: CloseCode = CloseCode(1002);
    /// 1003: a kind of data that this end does not take, such as binary.
    pub const UNSUPPORTED: CloseCode = CloseCode(1003);
    /// 1005: the Close frame had no code. Never sent; 0 asks the service for 1000.
    pub const NONE: CloseCode = CloseCode(1005);
    /// 1006: the connection ended without a Close frame. Never sent.
    pub const ABNORMAL: CloseCode = CloseCode(1006);
    /// 1007: data that does not fit its kind, such as text that is not UTF-8.
    pub const INVALID_DATA: CloseCode = CloseCode(1007);
    /// 1008: a rule of this end, for which no other code fits.
    pub const POLICY: CloseCode = CloseCode(1008);
    /// 1009: a message too big to take.
    pub const TOO_BIG: CloseCode = CloseCode(1009);
    /// 1010: the client misses an extension.
    pub const EXTENSION: CloseCode = CloseCode(1010);
    /// 1011: this end met something unexpected.
    pub const INTERNAL: CloseCode = CloseCode(1011);
    /// 1012: the service restarts.
    pub const SERVICE_RESTART: CloseCode = CloseCode(1012);
    /// 1013: overloaded; come back later.
    pub const TRY_AGAIN_LATER: CloseCode = CloseCode(1013);
    /// 1014: a gateway got no valid answer from behind it.
    pub const BAD_GATEWAY: CloseCode = CloseCode(1014);
    /// 1015: TLS failed. Never sent.
    pub const TLS: CloseCode = CloseCode(1015);

    /// The code with this number, which may be one that nobody has named.
    pub const fn new(code: u16) -> Self {
        CloseCode(code)
    }

    /// The number.
    pub const fn value(self) -> u16 {
        self.0
    }

    /// Whether it may stand in a Close frame: 1000 to 1014 without 1004, 1005 and 1006, and 3000 to 4999 (RFC 6455
    /// section 7.4).
    pub const fn may_be_sent(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    /// Whether opening the connection again is right, as the same may succeed then: behind 1001, 1006 and 1011 to 1014.
    /// [`Reconnect`](crate::Reconnect) goes by this, too.
    pub const fn is_transient(self) -> bool {
        matches!(self.0, 1001 | 1006 | 1011..=1014)
    }

    /// What the code says, if it has a name.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            1000 => "normal closure",
            1001 => "going away",
            1002 => "protocol error",
            1003 => "unsupported data",
            1005 => "no code",
            1006 => "lost",
            1007 => "invalid data",
            1008 => "policy",
            1009 => "message too big",
            1010 => "extension missing",
            1011 => "internal error",
            1012 => "service restart",
            1013 => "try again later",
            1014 => "bad gateway",
            1015 => "TLS failed",
            _ => return None,
        })
    }
}

/// The number, and what it says if it has a name.
impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} ({name})", self.0),
            None => self.0.fmt(f),
        }
    }
}

impl From<u16> for CloseCode {
    fn from(code: u16) -> Self {
        CloseCode(code)
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> u16 {
        code.0
    }
}

impl PartialEq<u16> for CloseCode {
    fn eq(&self, code: &u16) -> bool {
        self.0 == *code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_their_numbers() {
        for (code, number) in [
            (CloseCode::NORMAL, 1000),
            (CloseCode::NONE, 1005),
            (CloseCode::ABNORMAL, 1006),
            (CloseCode::TRY_AGAIN_LATER, 1013),
        ] {
            assert_eq!((code.value(), CloseCode::from(number)), (number, code));
            assert!(code.name().is_some());
        }
        assert_eq!(CloseCode::new(4000).to_string(), "4000");
        assert_eq!(CloseCode::new(1006).to_string(), "1006 (lost)");
    }

    #[test]
    fn an_end_by_circumstances_is_transient() {
        let transient: Vec<_> = (0..=u16::MAX).filter(|code| CloseCode::new(*code).is_transient()).collect();
        assert_eq!(transient, [1001, 1006, 1011, 1012, 1013, 1014]);
    }

    #[test]
    fn only_those_of_the_rfc_may_be_sent() {
        let sent: Vec<_> = (0..=u16::MAX).filter(|code| CloseCode::new(*code).may_be_sent()).collect();
        assert_eq!(sent.len(), 4 + 8 + 2000);
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000] {
            assert!(!CloseCode::new(code).may_be_sent(), "{code}");
        }
    }
}
