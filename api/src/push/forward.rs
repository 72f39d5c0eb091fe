//! What a listener brings, lent on to a server of the program.
//!
//! The service never calls into a client, as it would hang with it. So the waiting thread belongs to the client.

use std::io;

use xous::CID;

use crate::wire::{PAGE_SIZE, Pages, Returned};
use crate::{Code, threads};

/// Lends what `next` brings to `cid`, with `opcode` as message id, on a thread of its own: until what was brought has a code in
/// `offset`, which is lent as well, or the receiver's server is gone. What was meant for that then is given to `undone`.
///
/// # Errors
/// The thread cannot be started.
pub(crate) fn lend_on(
    (cid, opcode): (CID, usize),
    pages: usize,
    next: impl Fn(&mut Pages) -> Result<Returned, xous::Error> + Send + 'static,
    undone: impl Fn(&[u8]) + Send + 'static,
) -> io::Result<()> {
    threads::start(Box::new(move || {
        let mut page = Pages::new(pages * PAGE_SIZE);
        while let Ok(Returned { offset, valid }) = next(&mut page) {
            if page.lend(cid, opcode, offset, valid).is_err() {
                if offset == 0 {
                    undone(page.bytes().get(..valid).unwrap_or_default());
                }
                return;
            }
            if offset != 0 {
                return log::info!("nothing more comes: {}", Code::from_word(offset));
            }
        }
    }))
}
