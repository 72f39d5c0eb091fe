//! What rustls' errors mean to a caller.

use std::fmt;

use rustls::pki_types::UnixTime;
use rustls::{CertificateError, Error};
use xous_api_websocket::certificate::Moment;

use crate::net::{CertificateFault, TlsError};

/// The most names of a certificate that are told.
const MAX_NAMES: usize = 5;

/// `agreed`: the peer has shown that it speaks TLS.
pub(super) fn describe(error: &Error, agreed: bool) -> TlsError {
    match error {
        Error::InvalidCertificate(error) => certificate(error),
        Error::InvalidMessage(_) if !agreed => TlsError::NotTls,
        Error::FailedToGetCurrentTime => TlsError::ClockNotSet,
        Error::FailedToGetRandomBytes => TlsError::Entropy,
        Error::AlertReceived(alert) => TlsError::Failed(format!("the peer refuses: {}", words(alert))),
        Error::PeerIncompatible(why) => {
            TlsError::Failed(format!("nothing in common with the peer: {}", words(why)))
        }
        error => TlsError::Failed(error.to_string()),
    }
}

fn certificate(error: &CertificateError) -> TlsError {
    use CertificateError::*;
    let (fault, text) = match error {
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
        error => (CertificateFault::Other, error.to_string()),
    };
    TlsError::Certificate(fault, text)
}

fn moment(time: UnixTime) -> Moment {
    Moment::from_unix_seconds(time.as_secs())
}

/// The names of a certificate as a person writes them, of `DnsName("a")` and the like; they are escaped already.
fn names(presented: &[String]) -> String {
    let plain = presented.iter().map(|name| {
        let inner = name.split_once('(').and_then(|(_, name)| name.strip_suffix(')')).unwrap_or(name);
        inner.trim_matches('"')
    });
    let names: Vec<_> = plain.take(MAX_NAMES).collect();
    match (names.len(), presented.len() - names.len()) {
        (0, _) => "no host".to_owned(),
        (_, 0) => names.join(", "),
        (_, more) => format!("{} and {more} more", names.join(", ")),
    }
}

/// `HandshakeFailure` as `handshake failure`.
fn words(name: &impl fmt::Debug) -> String {
    let mut words = String::new();
    for character in format!("{name:?}").chars() {
        if character.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(character.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::AlertDescription;

    use super::*;

    #[test]
    fn names_and_faults_are_told_in_words() {
        assert_eq!(words(&AlertDescription::HandshakeFailure), "handshake failure");
        let presented = ["DnsName(\"a.example\")", "IpAddress(192.0.2.1)", "odd"].map(str::to_owned);
        assert_eq!(names(&presented), "a.example, 192.0.2.1, odd");
        assert_eq!(names(&[]), "no host");
        assert_eq!(names(&vec!["DnsName(\"a\")".to_owned(); 7]), "a, a, a, a, a and 2 more");
    }

    #[test]
    fn times_are_dates() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let expired = CertificateError::ExpiredContext { time: at(951_782_400), not_after: at(0) };
        let told = certificate(&expired).to_string();
        let expected =
            "it expired at 1970-01-01 00:00 UTC, and this device's clock shows 2000-02-29 00:00 UTC";
        assert!(told.contains(expected), "{told}");
    }
}
