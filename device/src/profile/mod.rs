//! Who spends the machine's instructions, and what for.
//!
//! Each instruction of the kernel is put down to what made it run: a system call with its message, an interrupt, a fault,
//! or nothing, when the scheduler of process 1 looks for who is next. Each instruction of everybody is put down to the
//! function that it stands in, by the symbols of the ELF files.
//!
//! ```text
//! processor --> recorder (reasons, ends of connections, counts per address) --> account (names instead of numbers)
//! ```
//!
//! A machine that is not asked for an account does not carry a recorder: traps look for one, and nothing else does.

mod account;
mod code;
mod connections;
mod reason;
mod recorder;

pub use self::account::{Account, Cost, Entry, Function, Message, Reason};
pub(crate) use self::{code::Symbols, recorder::Recorder};
