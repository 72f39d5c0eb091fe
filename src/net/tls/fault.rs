//! What rustls' errors mean to a caller.

use std::fmt;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, InconsistentKeys, OtherError};
use xous_api_websocket::certificate::Moment;

use crate::net::{CertificateFault, TlsError};

/// The most names of a certificate that are told.
const MAX_NAMES: usize = 5;

/// `agreed`: the peer has shown that it speaks TLS.
pub(super) fn describe(error: &Error, agreed: bool) -> TlsError {
    match error {
        Error::InvalidCertificate(error) => {
            let (fault, text) = faulty(error);
            TlsError::Certificate(fault, text)
        }
        Error::InvalidMessage(_) if !agreed => TlsError::NotTls,
        Error::FailedToGetCurrentTime => TlsError::ClockNotSet,
        Error::FailedToGetRandomBytes => TlsError::Entropy,
        // "Unrelated to the peer or the correctness of the protocol (such as a memory allocation failure)" (RFC 8446
        // section 6.2): what a server says that has no room.
        Error::AlertReceived(AlertDescription::InternalError) => TlsError::Unable(told(error)),
        error => TlsError::Failed(told(error)),
    }
}

/// What failed, for people. rustls' own texts have the names of its variants in them.
pub(super) fn told(error: &Error) -> String {
    match error {
        Error::AlertReceived(alert) => format!("the peer refuses: {}", words(alert)),
        Error::PeerIncompatible(why) => format!("nothing in common with the peer: {}", words(why)),
        Error::PeerMisbehaved(why) => format!("the peer breaks the protocol: {}", words(why)),
        Error::InvalidMessage(why) => format!("a message of the peer is malformed: {}", words(why)),
        Error::InappropriateMessage { got_type, .. } => {
            format!("the peer sends {} where something else is due", words(got_type))
        }
        Error::InappropriateHandshakeMessage { got_type, .. } => {
            format!("the peer sends {} where something else is due", words(got_type))
        }
        Error::InvalidCertificate(error) => faulty(error).1,
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            "the private key is not that of the certificate".to_owned()
        }
        Error::InconsistentKeys(_) => "whether key and certificate belong together cannot be seen".to_owned(),
        Error::General(text) => text.clone(),
        Error::Other(error) => words(&error.0),
        Error::DecryptError => "a message of the peer cannot be decrypted".to_owned(),
        Error::PeerSentOversizedRecord => "a record of the peer is too long".to_owned(),
        Error::NoApplicationProtocol => "the peer wants another protocol inside".to_owned(),
        Error::NoCertificatesPresented => "the peer shows no certificate".to_owned(),
        // Of what is left nothing happens here, and rustls' own texts would be kilobytes.
        _ => "the handshake failed".to_owned(),
    }
}

/// What is wrong with a certificate, also in words.
fn faulty(error: &CertificateError) -> (CertificateFault, String) {
    use CertificateError::*;
    match error {
        UnknownIssuer => {
            (CertificateFault::UnknownIssuer, "it was not issued by anyone who is trusted".to_owned())
        }
        Expired => (CertificateFault::Expired, "it has expired".to_owned()),
        ExpiredContext { time, not_after } => (
            CertificateFault::Expired,
            format!("it expired at {}, and this device's clock shows {}", moment(*not_after), moment(*time)),
        ),
        NotValidYet => (CertificateFault::NotYetValid, "it is not valid yet".to_owned()),
        NotValidYetContext { time, not_before } => (
            CertificateFault::NotYetValid,
            format!(
                "it is valid only from {} on, and this device's clock shows {}",
                moment(*not_before),
                moment(*time)
            ),
        ),
        NotValidForName => (CertificateFault::WrongHost, "it is for another host".to_owned()),
        NotValidForNameContext { expected, presented } => (
            CertificateFault::WrongHost,
            format!("it is not for {}, but for {}", expected.to_str(), names(presented)),
        ),
        ApplicationVerificationFailure => {
            (CertificateFault::WrongPin, "it is none of those that are pinned".to_owned())
        }
        BadSignature => (CertificateFault::Other, "its signature is not that of its issuer".to_owned()),
        UnsupportedSignatureAlgorithmContext { .. } => {
            (CertificateFault::Other, "it is signed with an algorithm that is not accepted".to_owned())
        }
        BadEncoding => (CertificateFault::Other, "it is damaged, or no certificate at all".to_owned()),
        InvalidPurposeContext { required, .. } => {
            (CertificateFault::Other, format!("it is not for {required}"))
        }
        Other(error) => (CertificateFault::Other, other(error)),
        error => (CertificateFault::Other, words(error)),
    }
}

fn other(error: &OtherError) -> String {
    match error.0.downcast_ref() {
        Some(webpki::Error::CaUsedAsEndEntity) => {
            "it is that of a CA, which a server or a client cannot show as its own".to_owned()
        }
        _ => words(&error.0),
    }
}

fn moment(time: UnixTime) -> Moment {
    Moment::from_unix_seconds(time.as_secs())
}

/// The hosts of a certificate as a person writes them, of `DnsName("a")` and `IpAddress(192.0.2.1)`; they are escaped already.
/// It may have names of other things, such as mailboxes.
fn names(presented: &[String]) -> String {
    let hosts = presented.iter().filter_map(|name| {
        let domain = name.strip_prefix("DnsName(\"").and_then(|rest| rest.strip_suffix("\")"));
        domain.or_else(|| name.strip_prefix("IpAddress(")?.strip_suffix(")"))
    });
    let names: Vec<_> = hosts.clone().take(MAX_NAMES).collect();
    match (names.len(), hosts.count() - names.len()) {
        (0, _) => "no host".to_owned(),
        (_, 0) => names.join(", "),
        (_, more) => format!("{} and {more} more", names.join(", ")),
    }
}

/// `HandshakeFailure` as `handshake failure`, `UnknownCA` as `unknown ca`.
fn words(name: &dyn fmt::Debug) -> String {
    let mut words = String::new();
    let name = format!("{name:?}");
    let mut rest = name.chars().peekable();
    let mut last = ' ';
    while let Some(character) = rest.next() {
        let begins = character.is_ascii_uppercase()
            && (!last.is_ascii_uppercase() || rest.peek().is_some_and(char::is_ascii_lowercase));
        if (begins || !character.is_ascii_alphanumeric()) && !words.is_empty() && !words.ends_with(' ') {
            words.push(' ');
        }
        if character.is_ascii_alphanumeric() {
            words.push(character.to_ascii_lowercase());
        }
        last = character;
    }
    words.truncate(words.trim_end().len());
    words
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use rustls::{AlertDescription, ContentType, InvalidMessage, PeerMisbehaved};

    use super::*;

    #[test]
    fn names_and_faults_are_told_in_words() {
        assert_eq!(words(&AlertDescription::HandshakeFailure), "handshake failure");
        assert_eq!(words(&AlertDescription::UnknownCA), "unknown ca");
        assert_eq!(words(&InvalidMessage::MissingData("ServerHello")), "missing data server hello");
        let presented =
            ["Unsupported(0x01)", "DnsName(\"a.example\")", "IpAddress(192.0.2.1)", "DirectoryName"];
        let presented = presented.map(str::to_owned);
        assert_eq!(names(&presented), "a.example, 192.0.2.1");
        assert_eq!((names(&presented[3..]).as_str(), names(&[]).as_str()), ("no host", "no host"));
        assert_eq!(names(&vec!["DnsName(\"a\")".to_owned(); 7]), "a, a, a, a, a and 2 more");
    }

    #[test]
    fn times_are_dates() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let expired = CertificateError::ExpiredContext { time: at(951_782_400), not_after: at(0) };
        let told = faulty(&expired).1;
        let expected =
            "it expired at 1970-01-01 00:00 UTC, and this device's clock shows 2000-02-29 00:00 UTC";
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn no_name_of_a_variant_is_left() {
        let ca = OtherError(Arc::new(webpki::Error::CaUsedAsEndEntity));
        let version = OtherError(Arc::new(webpki::Error::UnsupportedCertVersion));
        for error in [
            CertificateError::BadEncoding.into(),
            CertificateError::UnhandledCriticalExtension.into(),
            CertificateError::Other(ca).into(),
            CertificateError::Other(version).into(),
            InvalidMessage::InvalidContentType.into(),
            PeerMisbehaved::TooManyKeyUpdateRequests.into(),
            Error::InappropriateMessage { expect_types: Vec::new(), got_type: ContentType::ApplicationData },
            InconsistentKeys::KeyMismatch.into(),
            InconsistentKeys::Unknown.into(),
            Error::General("the reason".into()),
        ] {
            let told = told(&error);
            assert!(!told.chars().any(|c| c.is_ascii_uppercase() && !told.contains("CA")), "{told}");
            assert!(describe(&error, true).to_string().contains(&told), "{told}");
        }
    }
}
