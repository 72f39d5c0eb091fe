//! The code of a failure of TLS in messages between processes.

use xous_api_websocket::Code;

use crate::net::{CertificateFault, StoredFault, TlsError};

/// The code that tells a caller what to do about it.
pub(crate) fn code(error: &TlsError) -> Code {
    match error {
        TlsError::NotBuiltIn => Code::NoTls,
        TlsError::Settings(_) => Code::BadRequest,
        TlsError::Stored(fault, _) => match fault {
            StoredFault::NoPddb => Code::NoPddb,
            StoredFault::NoKey => Code::NoPddbKey,
            StoredFault::Bad => Code::BadPddbKey,
            StoredFault::Failed => Code::PddbFailed,
        },
        TlsError::ClockNotSet => Code::ClockNotSet,
        TlsError::Entropy => Code::Entropy,
        TlsError::Certificate(fault, _) => match fault {
            CertificateFault::UnknownIssuer => Code::UnknownIssuer,
            CertificateFault::WrongHost => Code::WrongHost,
            CertificateFault::Expired => Code::Expired,
            CertificateFault::NotYetValid => Code::NotYetValid,
            CertificateFault::WrongPin => Code::WrongPin,
            CertificateFault::Other => Code::BadCertificate,
        },
        TlsError::NotTls => Code::NotTls,
        TlsError::Failed(_) => Code::TlsFailed,
        TlsError::Unable(_) | TlsError::Closed | TlsError::Io(_) => Code::TlsClosed,
        // That is told behind the TLS handshake only.
        TlsError::Truncated => Code::Lost,
    }
}

/// The same for an error of the socket. `None` if something other than TLS failed.
pub(crate) fn code_of_io(error: &std::io::Error) -> Option<Code> {
    error.get_ref()?.downcast_ref().map(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code says whether the peer's certificate was accepted.
    #[test]
    fn an_end_behind_the_handshake_is_told_from_one_within_it() {
        assert_eq!(code(&TlsError::Closed), Code::TlsClosed);
        assert_eq!(code(&TlsError::Truncated), Code::Lost);
        let error = std::io::Error::other(TlsError::Truncated);
        assert_eq!(code_of_io(&error), Some(Code::Lost));
    }
}
