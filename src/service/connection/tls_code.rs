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
        TlsError::Closed | TlsError::Truncated | TlsError::Io(_) => Code::TlsClosed,
    }
}

/// The same for an error of the socket. `None` if something other than TLS failed.
pub(crate) fn code_of_io(error: &std::io::Error) -> Option<Code> {
    error.get_ref()?.downcast_ref().map(code)
}
