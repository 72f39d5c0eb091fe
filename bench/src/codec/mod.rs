//! The codec beside others: one thread, in memory.
//!
//! Every codec decodes the same endless wire, and encodes the same message, as its documentation says that it is
//! used fastest: kept buffers, no copy but its own. Each must give every byte of every message; what it does beyond
//! that (checks, owned messages) is its own.

mod case;
mod check;
mod codecs;
mod instructions;
#[cfg(feature = "others")]
mod others;
mod ours;
mod reference;
mod tables;
mod time;
mod wire;

pub(crate) use check::{check, save};
pub(crate) use instructions::inside as instructions_inside;
#[cfg(feature = "others")]
pub(crate) use others::memory_of_others;
pub(crate) use tables::tables;
