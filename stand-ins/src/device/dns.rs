//! Resolver stand-in: passes names on to the emulator, through a page of registers.

use std::convert::Infallible;

use xous::{MemorySize, Message};
use xous_api_names::XousNames;

use crate::raw::Registers;

/// The name that std asks the name server for.
const NAME: &str = "_DNS Resolver Middleware_";
/// The page of the registers.
const PAGE: usize = 0xf003_1000;

/// The address of the lent page, and the length of the name at its start.
const LENT: usize = 0x04;
const LENGTH: usize = 0x0c;
/// Writes the answer over the name, at once.
const GO: usize = 0x14;

/// `RawLookup`, a page that is lent for writing.
const RAW_LOOKUP: usize = 6;

/// Serves until the process is killed.
pub(crate) fn serve() -> Result<Infallible, xous::Error> {
    let server = XousNames::new()?.register_name(NAME, None)?;
    let registers = Registers::map(PAGE)?;
    loop {
        let envelope = xous::receive_message(server)?;
        match &envelope.body {
            Message::MutableBorrow(lent) if lent.id == RAW_LOOKUP => {
                registers.write(LENT, lent.buf.as_ptr() as usize);
                registers.write(LENGTH, lent.valid.map_or(0, MemorySize::get));
                registers.write(GO, 1);
            }
            Message::BlockingScalar(_) => {
                xous::return_scalar(envelope.sender, 0).ok();
            }
            _ => {}
        }
    }
}
