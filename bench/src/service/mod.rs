//! The service in a hosted system, beside the floor.

mod echo;
mod floor;
mod job;
mod link;
mod peer;
mod program;
mod system;

pub(crate) use floor::serve as serve_floor;
pub(crate) use program::run as run_program;
pub(crate) use echo::tables as try_it;
