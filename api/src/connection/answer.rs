//! What the service answers who opens a connection.

use crate::Code;
use crate::certificate::Shown;
use crate::error::{OpenError, Unopened};
use crate::link::address::Address;
use crate::wire::{Opcode, PAGE_SIZE, Pages, Refusal, Reply};

/// The most bytes of the answer to an `Open`: a head of 16 KiB, the beginning of a body, a text.
pub(crate) const ANSWER: usize = 5 * PAGE_SIZE;

/// Lends all of the pages, whose first `len` bytes are the question, and reads the answer of an `Open`.
pub(crate) fn ask(
    address: Address,
    opcode: Opcode,
    pages: &mut Pages,
    offset: usize,
    len: usize,
) -> Result<Reply<'_>, Unopened> {
    let lent = pages.bytes().len();
    let returned =
        pages.lend_mut(address.cid, address.id(opcode), offset, len, lent).map_err(OpenError::Service)?;
    let page = pages.bytes().get(..returned.valid).unwrap_or_default();
    if returned.offset != 0 {
        let code = Code::from_word(returned.offset);
        let error = Refusal::parse(page).map_or(OpenError::code(code), |refusal| refusal.into_error(code));
        return Err(Unopened { error, shown: Shown::parse(page) });
    }
    Ok(Reply::parse(page).ok_or(OpenError::code(Code::Malformed))?)
}
