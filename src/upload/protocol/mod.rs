//! What sender and receiver say to each other: parts, commands, answers. Nothing of stores is known here.

mod answer;
mod command;
mod ended;
mod fault;
mod parser;

pub use answer::Token;
#[cfg(test)]
pub(super) use answer::hex;
pub(super) use answer::{Answer, push_string};
pub(super) use command::{COMMAND_BYTES, Command};
pub(super) use ended::Ended;
pub use fault::Fault;
pub use parser::{Malformed, NAME_BYTES, Parser, Parts};
