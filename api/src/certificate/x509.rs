//! What a certificate says.

use crate::certificate::der::{EXPLICIT_0, Elements, GENERALIZED_TIME, INTEGER, SEQUENCE, UTC_TIME, element};
use crate::certificate::moment::Moment;
use crate::certificate::subject::Subject;

/// What an X.509 certificate says (RFC 5280 section 4.1). It is read and not checked: anybody can write anything into
/// one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Certificate<'a> {
    /// Whom it is for.
    pub subject: Subject<'a>,
    /// Who issued it, which is the subject itself where nobody else vouches for it.
    pub issuer: Subject<'a>,
    /// The first moment of its validity.
    pub valid_from: Moment,
    /// The last one.
    pub valid_until: Moment,
    /// The public key: the content of a DER `SubjectPublicKeyInfo`, without the tag and the length around it.
    pub public_key: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Reads a certificate in DER; `None` for anything else.
    pub fn parse(der: &'a [u8]) -> Option<Self> {
        let (SEQUENCE, certificate, []) = element(der)? else { return None };
        let (SEQUENCE, fields, _) = element(certificate)? else { return None };
        let mut fields = Elements { rest: fields, tag: EXPLICIT_0 };
        // Version 1 names no version.
        fields.next();
        fields.expect(INTEGER)?;
        fields.expect(SEQUENCE)?;
        let issuer = Subject(fields.expect(SEQUENCE)?);
        let validity = fields.expect(SEQUENCE)?;
        let subject = Subject(fields.expect(SEQUENCE)?);
        let public_key = fields.expect(SEQUENCE)?;
        let (valid_from, behind) = moment(validity)?;
        let (valid_until, _) = moment(behind)?;
        Some(Certificate { subject, issuer, valid_from, valid_until, public_key })
    }

    /// It names itself as its issuer, so nobody else vouches for it.
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }
}

/// The moment that DER begins with, and what is behind it.
fn moment(der: &[u8]) -> Option<(Moment, &[u8])> {
    let (tag, text, rest) = element(der)?;
    let (year, text) = match tag {
        // The years 1950 to 2049 (RFC 5280 section 4.1.2.5.1).
        UTC_TIME => {
            let (year, text) = two_digits(text)?;
            (u16::from(year) + if year < 50 { 2000 } else { 1900 }, text)
        }
        GENERALIZED_TIME => {
            let (century, text) = two_digits(text)?;
            let (year, text) = two_digits(text)?;
            (u16::from(century) * 100 + u16::from(year), text)
        }
        _ => return None,
    };
    let (month, text) = two_digits(text)?;
    let (day, text) = two_digits(text)?;
    let (hour, text) = two_digits(text)?;
    let (minute, text) = two_digits(text)?;
    let (second, text) = two_digits(text)?;
    let possible = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && text == b"Z";
    possible.then_some((Moment { year, month, day, hour, minute, second }, rest))
}

fn two_digits(text: &[u8]) -> Option<(u8, &[u8])> {
    let ([tens @ b'0'..=b'9', ones @ b'0'..=b'9'], rest) = text.split_first_chunk()? else { return None };
    Some(((tens - b'0') * 10 + (ones - b'0'), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `openssl req -x509 -newkey ed25519 -subj "/C=NL/CN=device" -days 9000`, on 2026-11-28.
    pub(crate) const SELF_SIGNED: &[u8] = include_bytes!("../../testdata/self-signed.der");

    #[test]
    fn a_certificate_says_whom_it_is_for_and_until_when() {
        let certificate = Certificate::parse(SELF_SIGNED).unwrap();
        assert_eq!(certificate.subject.to_string(), "C=NL, CN=device");
        assert_eq!(certificate.subject.common_name(), Some("device"));
        assert!(certificate.is_self_issued());
        assert_eq!(certificate.valid_from.year, 2026);
        // GeneralizedTime, as it is after 2049.
        assert_eq!(certificate.valid_until.year, 2051);
        // Ed25519, 1.3.101.112, and 32 bytes of a key.
        assert!(certificate.public_key.starts_with(b"\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"));
        assert_eq!(certificate.public_key.len(), 42);
    }

    #[test]
    fn what_is_cut_or_wrong_is_none_or_survived() {
        for cut in 0..SELF_SIGNED.len() {
            assert_eq!(Certificate::parse(&SELF_SIGNED[..cut]), None, "cut at {cut}");
        }
        let longer = [SELF_SIGNED, b"\0"].concat();
        assert_eq!(Certificate::parse(&longer), None, "something behind it");
        for at in 0..SELF_SIGNED.len() {
            for wrong in [0, 1, 0x30, 0x7f, 0x80, 0x82, 0xff] {
                let mut der = SELF_SIGNED.to_vec();
                der[at] = wrong;
                if let Some(certificate) = Certificate::parse(&der) {
                    let _ = (certificate.subject.to_string(), certificate.valid_until.unix_seconds());
                }
            }
        }
    }

    #[test]
    fn moments_are_those_of_the_calendar() {
        let at = |text: &[u8]| {
            let tag = if text.len() == 13 { UTC_TIME } else { GENERALIZED_TIME };
            moment(&[&[tag, text.len() as u8], text].concat()).map(|(moment, _)| moment)
        };
        let seconds = |text| at(text).unwrap().unix_seconds();
        assert_eq!(seconds(b"700101000000Z"), 0);
        assert_eq!(seconds(b"690101000000Z"), 0);
        assert_eq!(seconds(b"000229235959Z"), 951_868_799);
        assert_eq!(seconds(b"261128113656Z"), 1_795_865_816);
        assert_eq!(seconds(b"20500101000000Z"), 2_524_608_000);
        // No end is known (RFC 5280 section 4.1.2.5).
        assert_eq!(seconds(b"99991231235959Z"), 253_402_300_799);
        assert_eq!(at(b"99991231235959Z").unwrap().to_string(), "9999-12-31 23:59 UTC");
        assert_eq!(at(b"00000101000000Z").unwrap().unix_seconds(), 0);
        for wrong in [
            &b"261328113656Z"[..],
            b"260028113656Z",
            b"261132113656Z",
            b"261128246000Z",
            b"2611281136Z",
            b"261128113656+",
            b"26112811365aZ",
            b"261128113656Z0",
            b"",
        ] {
            assert_eq!(at(wrong), None, "{:?}", String::from_utf8_lossy(wrong));
        }
        assert!(at(b"491231235959Z") < at(b"20500101000000Z") && at(b"500101000000Z") < at(b"491231235959Z"));
    }
}
