//! What goes between a program and the service, byte by byte, for programs that send it themselves: in another language,
//! or without this crate's types. Programs that use [`Websocket`](crate::Websocket) and [`Listener`](crate::Listener) need
//! nothing of it.
//!
//! # A request
//!
//! 1. Ask `xous-names` for a connection to [`SERVER_NAME`]. Keep it: a CID that is given back soon belongs to another
//!    server.
//! 2. Send a kernel message. Its id is [`message_id`]: an [`Opcode`] in the low 8 bits, a [`Handle`] in the 24 bits above.
//!    [`Opcode`] says for each which kind of message it is (scalar, lend, lend mut, move) and what is in it.
//! 3. Read the answer. That of a memory message has two words: `offset`, which is none (0) for success, a
//!    [`Code`](crate::Code) or a [`ReceiveWord`], and `valid`, the bytes of the page that count. A scalar that was refused
//!    is answered with `Scalar2(usize::MAX, code)`.
//!
//! # A page
//!
//! Memory starts at a page's boundary and is whole pages long ([`PAGE_SIZE`]), `valid` is the number of bytes that count.
//! Numbers are little-endian. A text is 16 bits of length and UTF-8, a blob 32 bits of length and bytes. Bytes behind what
//! is read are ignored. Each type that travels in a page says how in its documentation, and has `write`, `parse` and, if
//! its length varies, `encoded_len`:
//!
//! | opcode | the page has | is answered by |
//! |---|---|---|
//! | `Open`, `WaitOpen` | [`Request`](crate::Request), nothing | [`Reply`], or [`Refusal`] and perhaps [`Shown`](crate::certificate::Shown) |
//! | `Listen` | [`Listen`](crate::Listen) | u32 handle and u16 port, or [`Refusal`] |
//! | `AddRoute` | [`Route`](crate::Route) | |
//! | `Renew` | [`ServerTls`](crate::ServerTls) | |
//! | `Accept` | nothing | [`Accepted`] |
//! | `FileEvent` | nothing | [`FileEvent`](crate::files::FileEvent) |
//! | `Files` | u32 number, the texts dict and name; what in `offset` | as [`Opcode::Files`] says |
//! | `Decide` | [`Decision`](crate::serve::Decision) | |
//! | `Stats` | nothing | [`Stats`](crate::state::Stats) |
//! | `Send` | the message; a [`SendWord`] or [`RestWord`] in `offset` | |
//! | `SendSeveral` | whole messages as [`Packer`] has them; how many in `offset` | a byte for each, if one was not sent |
//! | `Receive` | nothing | the chunk, a [`Reconnecting`] or a [`Reply`]; a [`ReceiveWord`] in `offset` |
//! | `ReceiveSeveral` | nothing | as `Receive`, or whole messages as [`Packer`] has them |
//! | `Exchange` | the message; an [`ExchangeWord`] in `offset` | as `ReceiveSeveral` |
//! | `GrantWith` | whole messages as [`Packer`] has them | |
//! | `ReconnectWith` | [`Request`](crate::Request) | |
//!
//! # Stability
//!
//! Numbers of opcodes and codes are never used again. A page that has another layout gets another version in its first four
//! bytes (`WSO1`, `WSL1`, `WSR1`, `WSD1`), and a flag that is not known is refused where leaving it out would do something
//! else than what was asked for.

mod accepted;
pub(crate) mod fields;
mod handle;
mod opcode;
mod packed;
mod pages;
pub(crate) mod part;
mod reconnecting;
mod reply;
mod sole;
#[cfg(test)]
mod tests;
mod word;
pub(crate) mod words;

pub use accepted::Accepted;
pub use handle::{Handle, message_id, split_message_id};
pub use opcode::{Opcode, SERVER_NAME};
pub use packed::{Packer, Unpacker};
pub(crate) use pages::append;
pub use pages::{PAGE_SIZE, Pages, Returned};
pub(crate) use pages::{lent, move_copy};
pub use reconnecting::Reconnecting;
pub use reply::{Refusal, Reply};
pub use sole::send;
pub use word::{ExchangeWord, ReceiveWord, RestWord, SendWord, Status};
pub(crate) use words::copy;
