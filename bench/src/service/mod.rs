//! The service in a hosted system, beside the floor.

mod arms;
mod calls;
mod echo;
mod floor;
mod flow;
mod job;
mod link;
mod many;
mod memory;
mod peer;
mod processor;
mod program;
mod relay;
mod scale;
mod system;
mod tls;
mod upload;
mod wire;

pub(crate) use floor::serve as serve_floor;
pub(crate) use memory::{serve_counted, table as memory_table};
pub(crate) use program::run as run_program;
pub(crate) use relay::run as run_relay;
pub(crate) use upload::{run_storer, tables as upload_tables};

use crate::Failure;
use crate::report::{Plot, Table};
use arms::Homes;

/// Round trips, throughput, scale and calls to the kernel.
///
/// # Errors
/// Something of it has failed.
pub(crate) fn tables() -> Result<(Vec<Table>, Vec<Plot>), Failure> {
    let mut homes = Homes::start(&[], true)?;
    let mut tables = vec![echo::table(&mut homes)?, flow::table(&mut homes)?];
    tables.push(tls::table(&mut homes)?);
    let (scale, sizes) = scale::table(&mut homes)?;
    drop(homes);
    let (busy, connections) = many::all_busy()?;
    tables.extend([scale, busy, many::beside_idle()?, calls::table()?]);
    Ok((tables, vec![sizes, connections]))
}

/// Round trips and throughput beside other builds of the service, whose paths are given.
///
/// # Errors
/// Something of it has failed.
pub(crate) fn compare(against: &[String]) -> Result<Vec<Table>, Failure> {
    let mut homes = Homes::start(against, false)?;
    Ok(vec![echo::table(&mut homes)?, flow::table(&mut homes)?])
}
