//! What sender and receiver say to each other. This room knows nothing of stores.
//!
//! ```text
//! binary messages --> parser (Parts: begin, data, end)      ended: ids of transfers that are over
//! text messages ----> command (resume, cancel) --> json
//! text answers <----- answer (with a fault) -----> json
//! ```

mod answer;
mod command;
mod ended;
mod fault;
mod json;
mod parser;

pub(super) use answer::Answer;
pub use answer::Token;
pub(super) use command::{COMMAND_BYTES, Command};
pub(super) use ended::Ended;
pub use fault::Fault;
pub(crate) use json::hex;
pub(crate) use json::push_string;
pub use parser::{Malformed, NAME_BYTES, Parser, Parts};
