//! The service in a hosted system, beside the floor.

mod arms;
mod echo;
mod floor;
mod flow;
mod job;
mod link;
mod peer;
mod program;
mod system;

pub(crate) use floor::serve as serve_floor;
pub(crate) use program::run as run_program;

use crate::Failure;
use crate::report::Table;
use arms::Homes;

/// Round trips and throughput; `against` are paths of other builds of the service, for comparison.
///
/// # Errors
/// Something of it has failed.
pub(crate) fn tables(against: &[String]) -> Result<Vec<Table>, Failure> {
    let mut homes = Homes::start(against, against.is_empty())?;
    Ok(vec![echo::table(&mut homes)?, flow::table(&mut homes)?])
}
