//! A client of the PDDB, the device's database, by the opcodes that libstd uses.
//!
//! ```text
//! Pddb, File --- request ---> courier thread --- lend, scalar ---> PDDB
//!            <-- answer or deadline --
//! ```
//!
//! - **Nothing waits for ever.** A caller that is blocked in a message is never woken when the server dies or hangs, so
//!   one thread per [`Pddb`], the courier, sends all messages, and callers wait for it with a deadline. The PDDB serves
//!   one request at a time, so that one thread costs no speed. While it asks its user it serves none, for as long as the
//!   user likes: behind a request that lasts, every other call fails with [`NoAnswer`](PddbError::NoAnswer) after
//!   seconds, or at once, but for those of a thread that has [`Patience`].
//! - **It is never asked to mount.** `TryMount` asks the user for a password on one generation of devices and formats
//!   what it cannot mount on the other. Whether a basis is open is read from the list of open bases, which the PDDB
//!   answers at once on both; the server `_PDDB Mount Poller_` always says no on the newer one.
//!   [`Pddb::wait_mounted`] waits on a thread of its own, since `IsMounted` is not answered before the mount.
//! - **What stops the real server is never sent.** A name is checked before it is sent; a key is never truncated, nor
//!   created with room for more than [`MAX_ROOM`], as both divide by zero-length addresses there; a blocking close,
//!   which drops every handle of this process, is a scalar that is not answered; a seek is absolute; a lend is as long
//!   as it says; every list is checked against the page it came in.
//! - **A reply proves little by itself.** A server that panics gives the page back as it came, which looks like
//!   success. Who must know calls [`Pddb::flush`], whose answer a dead server cannot give.
//!
//! Source: `services/pddb` of xous-core at 73c0946, `src/libstd/` for the pages and `src/api.rs` for the numbers.

mod client;
mod courier;
mod error;
mod file;
#[cfg(all(test, feature = "shuttle"))]
mod interleavings;
mod mount;
mod opcode;
mod path;
mod patience;
mod senres;

pub use client::{Create, MAX_ROOM, Pddb};
pub use error::PddbError;
pub use file::File;
pub use path::{DICT_BYTES, DictPath, KEY_BYTES, KeyPath, PathError, SYSTEM_BASIS};
pub use patience::Patience;
