//! What follows the text in the page of a refusal: parts, so that a reader can pass over those that it does not know.

use super::fields::Reader;

/// Kinds: certificates that a server showed, and the body and the head of its answer.
pub(crate) const CERTIFICATES: u8 = 1;
pub(crate) const BODY: u8 = 2;
pub(crate) const HEAD: u8 = 3;
/// Bytes of a kind and a length.
pub(crate) const FIXED: usize = 5;

/// The kind and the content of the next part; `None` at the end, or where a part is cut.
pub(crate) fn next<'a>(r: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let kind = r.u8()?;
    let len = usize::try_from(r.u32()?).ok()?;
    Some((kind, r.bytes(len)?))
}
