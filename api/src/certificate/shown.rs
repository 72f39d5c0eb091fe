//! What a server showed whose certificate was not accepted.

use std::fmt;

use crate::certificate::x509::Certificate;
use crate::tls::pin::Fingerprint;
use crate::wire::fields::{Reader, Writer, len_of};
use crate::wire::part;

/// The certificates that a server showed which was not trusted, its own first. Nobody has checked them: show them to a
/// person who knows what the server should have, such as the fingerprint on its screen.
///
/// In the page of a refused `Open` it is part 1 of the [`Refusal`](crate::wire::Refusal), little-endian: u8 number of
/// certificates that the server showed, u8 number of those that follow, and for each u32 length, DER, 32 bytes SHA-256 of it, and 32 bytes SHA-256 of its
/// `SubjectPublicKeyInfo` (zeros if it cannot be read). Those that have no room in the page are left out, the last
/// ones first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Shown {
    /// How many the server showed, at most 255 are counted.
    pub count: u8,
    /// The first of them, as many as were kept: at most [`Shown::MAX_CERTIFICATES`], [`Shown::MAX_BYTES`] in all.
    pub certificates: Vec<ShownCertificate>,
}

/// One of the certificates that a server showed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShownCertificate {
    /// As it came. [`Tls::only`](crate::Tls::only) trusts the CA that it is of.
    pub der: Vec<u8>,
    /// Its SHA-256, for a [`Pin::Certificate`](crate::tls::Pin::Certificate).
    pub fingerprint: Fingerprint,
    /// The SHA-256 of its public key, for a [`Pin::Key`](crate::tls::Pin::Key). `None` if no key can be read from it.
    pub key: Option<Fingerprint>,
}

impl Shown {
    /// The most certificates that are kept.
    pub const MAX_CERTIFICATES: usize = 8;
    /// The most bytes of certificates that are kept. One that is longer is not.
    pub const MAX_BYTES: usize = 12 * 1024;
    /// A page of this many bytes has room for all of it and for a text.
    pub const PAGE_BYTES: usize = 16 * 1024;

    /// The server's own certificate.
    pub fn own(&self) -> Option<&ShownCertificate> {
        self.certificates.first()
    }

    /// The last one, which in most chains is that of the CA that issued the others, or issued by the root. The same as
    /// [`Shown::own`] if there is no other.
    pub fn top(&self) -> Option<&ShownCertificate> {
        self.certificates.last()
    }

    /// What a server showed: how many certificates, and the first of them.
    pub fn new(count: u8, certificates: Vec<ShownCertificate>) -> Self {
        Shown { count, certificates }
    }

    /// Writes it as a part behind the first `len` bytes of `page`, as many certificates as fit. Returns the new
    /// length, which is `len` if none fits.
    pub fn write_behind(&self, page: &mut [u8], len: usize) -> usize {
        let Some(page) = page.get_mut(len..) else { return len };
        let mut room = page.len().saturating_sub(part::FIXED + 2);
        let fitting = self.certificates.iter().take_while(|certificate| {
            let left = room.checked_sub(len_of(|w| certificate.write(w)));
            room = left.unwrap_or(0);
            left.is_some()
        });
        let certificates: Vec<_> = fitting.take(Self::MAX_CERTIFICATES).collect();
        if certificates.is_empty() {
            return len;
        }
        let content = |w: &mut Writer<'_>| {
            w.u8(self.count);
            w.u8(certificates.len() as u8);
            certificates.iter().for_each(|certificate| certificate.write(w));
        };
        let mut w = Writer::new(page);
        w.u8(part::CERTIFICATES);
        w.u32(u32::try_from(len_of(content)).unwrap_or(u32::MAX));
        content(&mut w);
        w.finish().map_or(len, |written| len + written)
    }

    /// Finds it in the page of a refused `Open`; `None` if it is not there or malformed.
    pub fn parse(page: &[u8]) -> Option<Self> {
        let mut r = Reader::new(page);
        // The refusal: 0, status, text.
        r.u32()?;
        r.u16()?;
        r.text()?;
        loop {
            let (kind, content) = part::next(&mut r)?;
            if kind == part::CERTIFICATES {
                return Self::read(&mut Reader::new(content));
            }
        }
    }

    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let (count, here) = (r.u8()?, r.u8()?);
        if usize::from(here) > Self::MAX_CERTIFICATES {
            return None;
        }
        let certificates = (0..here).map(|_| ShownCertificate::read(r)).collect::<Option<_>>()?;
        Some(Shown { count, certificates })
    }
}

impl ShownCertificate {
    /// A certificate, its fingerprint, and that of its key.
    pub fn new(der: Vec<u8>, fingerprint: Fingerprint, key: Option<Fingerprint>) -> Self {
        ShownCertificate { der, fingerprint, key }
    }

    /// What it says, of which nothing was checked; `None` if it is not a certificate.
    pub fn content(&self) -> Option<Certificate<'_>> {
        Certificate::parse(&self.der)
    }

    fn write(&self, w: &mut Writer<'_>) {
        w.blob(&self.der);
        w.bytes(&self.fingerprint.0);
        w.bytes(&self.key.map_or([0; 32], |key| key.0));
    }

    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let len = r.u32()?;
        let der = r.bytes(usize::try_from(len).ok()?)?.to_vec();
        let fingerprint = Fingerprint::read(r)?;
        let key = Some(Fingerprint::read(r)?).filter(|key| key.0 != [0; 32]);
        Some(ShownCertificate { der, fingerprint, key })
    }
}

/// Some lines for a person.
impl fmt::Display for ShownCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.content() {
            None => writeln!(f, "not a certificate that can be read")?,
            Some(content) => {
                writeln!(f, "for:     {}", content.subject)?;
                match content.is_self_issued() {
                    true => writeln!(f, "issuer:  itself")?,
                    false => writeln!(f, "issuer:  {}", content.issuer)?,
                }
                writeln!(f, "valid:   {} to {}", content.valid_from, content.valid_until)?;
            }
        }
        write!(f, "SHA-256: {}", self.fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Refusal;

    const SELF_SIGNED: &[u8] = include_bytes!("../../testdata/self-signed.der");

    fn shown() -> Shown {
        let certificate =
            |der: &[u8], key| ShownCertificate { der: der.to_vec(), fingerprint: Fingerprint([7; 32]), key };
        let own = certificate(SELF_SIGNED, Some(Fingerprint([9; 32])));
        Shown { count: 3, certificates: vec![own, certificate(b"garbage", None)] }
    }

    /// A refusal with this text, and what was shown behind it.
    fn page(len: usize) -> Vec<u8> {
        let mut page = vec![0; len];
        let text = Refusal { status: 0, text: "not trusted", head: &[], body: &[] }.write(&mut page);
        let len = shown().write_behind(&mut page, text);
        page.truncate(len);
        page
    }

    #[test]
    fn what_was_shown_is_found_behind_the_text_and_is_in_nobody_s_way() {
        let page = page(4096);
        assert_eq!(Shown::parse(&page), Some(shown()));
        assert_eq!(
            Refusal::parse(&page),
            Some(Refusal { status: 0, text: "not trusted", head: &[], body: &[] })
        );
        for cut in 0..page.len() {
            assert_eq!(Shown::parse(&page[..cut]), None, "cut at {cut}");
        }
        for at in 0..page.len() {
            for value in [0, 1, 9, 0x7f, 0x80, 0xff] {
                let mut page = page.clone();
                page[at] = value;
                let _ = Shown::parse(&page);
            }
        }
    }

    #[test]
    fn parts_of_another_kind_are_passed_over() {
        let whole = page(4096);
        let text = Refusal { status: 0, text: "not trusted", head: &[], body: &[] }.write(&mut [0; 64]);
        let (refusal, part) = whole.split_at(text);
        let other = b"\x63\x03\0\0\0new";
        assert_eq!(Shown::parse(&[refusal, other, part, other].concat()), Some(shown()));
        assert_eq!(Shown::parse(&[refusal, other].concat()), None);
        assert_eq!(Shown::parse(refusal), None);
    }

    #[test]
    fn what_has_no_room_is_left_out() {
        let (whole, text) = (
            page(4096).len(),
            Refusal { status: 0, text: "not trusted", head: &[], body: &[] }.write(&mut [0; 64]),
        );
        let one = Shown { certificates: shown().certificates[..1].to_vec(), ..shown() };
        assert_eq!(Shown::parse(&page(whole - 1)), Some(one));
        assert_eq!(page(text + 100).len(), text);
        assert_eq!(Shown::default().write_behind(&mut [0; 10], 20), 20);
    }

    #[test]
    fn a_person_reads_lines() {
        let [own, other] = [0, 1].map(|at| shown().certificates[at].to_string());
        assert!(own.starts_with("for:     C=NL, CN=device\nissuer:  itself\nvalid:   2026-11-28 "), "{own}");
        assert!(own.contains("\nSHA-256: 07:07:07"), "{own}");
        assert!(other.starts_with("not a certificate that can be read\nSHA-256: 07"), "{other}");
    }
}
