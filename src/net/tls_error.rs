//! Why a connection is not, or no longer, secure.

/// Nothing of the caller's was sent if this comes before the handshake is complete.
#[derive(Debug, thiserror::Error)]
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "there is only one reason without TLS"))]
pub(crate) enum TlsError {
    /// The service was built without TLS.
    #[error("TLS is not built in: ask for ws:// or build the service with TLS")]
    #[cfg_attr(feature = "tls", expect(dead_code, reason = "TLS is built in"))]
    NotBuiltIn,
    /// What the caller gave cannot be used; the text says what.
    #[error("{0}")]
    Settings(String),
    /// A key of the PDDB cannot be read, or does not hold what it should. The text says which key, why, and what to
    /// do.
    #[error("{1}")]
    Stored(StoredFault, String),
    /// The clock has not been set.
    #[error("the clock is not set, so no certificate can be checked")]
    ClockNotSet,
    /// There are no random numbers.
    #[error("no random numbers")]
    Entropy,
    /// The peer's certificate is not accepted; the text says why.
    #[error("the certificate is not accepted: {1}")]
    Certificate(CertificateFault, String),
    /// The peer's first bytes are not TLS.
    #[error("the answer is not TLS: is it the port of ws:// or of another protocol?")]
    NotTls,
    /// The peer refused or broke the protocol; the text says how.
    #[error("TLS: {0}")]
    Failed(String),
    /// The peer could not go on for a reason of its own, such as want of room.
    #[error("TLS: {0}")]
    Unable(String),
    /// The peer ended the connection during the handshake.
    #[error("closed during the TLS handshake")]
    Closed,
    /// The connection ended without a close_notify, so what came may not be all that was sent.
    #[error("truncated: the connection ended without a TLS close_notify")]
    Truncated,
    /// The socket's error.
    #[error("{0}")]
    Io(std::io::Error),
}

/// What is wrong with a key of the PDDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "without TLS nothing is read"))]
pub(crate) enum StoredFault {
    /// There is no PDDB, or it is not mounted.
    NoPddb,
    /// It has no such key.
    NoKey,
    /// The key's content cannot be used.
    Bad,
    /// The PDDB failed.
    Failed,
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "without TLS there are no certificates"))]
pub(crate) enum CertificateFault {
    /// It leads to no trusted root.
    UnknownIssuer,
    /// It is not for this host.
    WrongHost,
    /// It has expired, or a certificate that it rests on has.
    Expired,
    /// It is not valid yet, or a certificate that it rests on is not.
    NotYetValid,
    /// It is none of those that are pinned.
    WrongPin,
    /// Anything else.
    Other,
}
