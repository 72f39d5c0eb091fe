//! A server within the caller's process, which has one connection.

use xous::CID;

use super::{Handle, PAGE_SIZE, Pages, SendWord};
use crate::error::SendError;
use crate::link::address::Address;
use crate::{Code, Kind, Part};

/// Sends one text message of at most a page to an in-process server, whose connection is `cid`. Returns when the
/// socket has taken it.
///
/// # Errors
/// `Refused(TooLong)` for more than a page: send it in parts.
pub fn send(cid: CID, text: &str) -> Result<(), SendError> {
    let mut pages = Pages::new(PAGE_SIZE);
    if pages.fill(text.as_bytes()) < text.len() {
        return Err(SendError::Refused(Code::TooLong));
    }
    let word = SendWord::Data(Kind::Text, Part::Whole);
    Address { cid, handle: Handle::SOLE }.lend_send(&pages, word.to_word(), text.len()).map(|_| ())
}
