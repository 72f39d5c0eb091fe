//! The roots that the user of the device keeps, as xous-core's `libs/tls` stores them in the PDDB's dict `tls.trusted`.
//!
//! The layout is that of `OwnedTrustAnchor` in `libs/tls/src/ota.rs`, as archived by rkyv 0.8 with its default format
//! (little-endian, aligned, 32-bit offsets), the root object at the end of the key. `libs/tls` has written it since
//! September 2024 (44b9041d0), with rkyv 0.8.8 in xous-core at 73c0946. What versions before wrote with rkyv 0.4 is not
//! read.
//!
//! `libs/tls` reads its keys unchecked. Here they are bytes that anybody may have written.

use rkyv::rancor::Failure;
use rkyv::util::AlignedVec;
use rustls::pki_types::{Der, TrustAnchor};

/// Where `libs/tls` keeps the roots.
pub(super) const DICT: &str = "tls.trusted";

/// Of the first byte of an archive; its fields need 4.
const ALIGNMENT: usize = 8;

/// A root, as `libs/tls` has it: DER without the tags and lengths around each field, as in [`TrustAnchor`].
#[derive(rkyv::Archive)]
#[expect(dead_code, reason = "only its archive is read")]
struct OwnedTrustAnchor {
    subject: Vec<u8>,
    spki: Vec<u8>,
    name_constraints: Option<Vec<u8>>,
}

/// The root that a key of the dict holds; `None` if it holds something else.
pub(super) fn anchor(key: &[u8]) -> Option<TrustAnchor<'static>> {
    let mut aligned = AlignedVec::<ALIGNMENT>::with_capacity(key.len());
    aligned.extend_from_slice(key);
    let archived = rkyv::access::<ArchivedOwnedTrustAnchor, Failure>(&aligned).ok()?;
    // A name or a key of no bytes is nobody's.
    if archived.subject.is_empty() || archived.spki.is_empty() {
        return None;
    }
    let der = |bytes: &[u8]| Der::from(bytes.to_vec());
    Some(TrustAnchor {
        subject: der(&archived.subject),
        subject_public_key_info: der(&archived.spki),
        name_constraints: archived.name_constraints.as_ref().map(|constraints| der(constraints)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `libs/tls` declares it.
    mod theirs {
        #[derive(rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
        pub(super) struct OwnedTrustAnchor {
            pub(super) subject: Vec<u8>,
            pub(super) spki: Vec<u8>,
            pub(super) name_constraints: Option<Vec<u8>>,
        }
    }

    fn stored(subject: &[u8], spki: &[u8], name_constraints: Option<&[u8]>) -> Vec<u8> {
        let anchor = theirs::OwnedTrustAnchor {
            subject: subject.into(),
            spki: spki.into(),
            name_constraints: name_constraints.map(Into::into),
        };
        rkyv::to_bytes::<rkyv::rancor::Error>(&anchor).unwrap().to_vec()
    }

    #[test]
    fn what_libs_tls_stores_is_read() {
        for constraints in [None, Some(&b"constraints"[..])] {
            let key = stored(b"subject of nine", b"key", constraints);
            for shift in 0..8 {
                // Wherever it happens to lie.
                let shifted = [&vec![0; shift], &key[..]].concat();
                let anchor = anchor(&shifted[shift..]).unwrap();
                assert_eq!(&*anchor.subject, b"subject of nine");
                assert_eq!(&*anchor.subject_public_key_info, b"key");
                assert_eq!(anchor.name_constraints.as_deref(), constraints);
            }
        }
    }

    /// The bytes themselves, should a later rkyv lay them out otherwise.
    #[test]
    fn the_layout_is_that_of_rkyv_0_8() {
        // Offset from here and length of each; no constraints.
        let object = b"\xf8\xff\xff\xff\x03\0\0\0\xf3\xff\xff\xff\x05\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        assert_eq!(stored(b"sub", b"spki!", None), [&b"subspki!"[..], object].concat());
    }

    #[test]
    fn what_is_cut_or_changed_is_refused_or_survived() {
        let key = stored(b"subject", b"key", Some(b"constraints"));
        for cut in 0..key.len() {
            let _ = (anchor(&key[..cut]), anchor(&key[cut..]));
        }
        assert!(anchor(&[]).is_none() && anchor(&[0xff; 64]).is_none());
        for at in 0..key.len() {
            for value in [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff] {
                let mut key = key.clone();
                key[at] = value;
                if let Some(anchor) = anchor(&key) {
                    assert!(anchor.subject.len() + anchor.subject_public_key_info.len() <= 2 * key.len());
                }
            }
        }
        assert!(anchor(&stored(b"", b"key", None)).is_none());
        assert!(anchor(&stored(b"subject", b"", None)).is_none());
    }
}
