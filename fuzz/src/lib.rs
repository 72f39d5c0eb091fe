//! What the fuzz targets check. Each function takes any bytes and panics if the core does something wrong.

pub mod frames;
pub mod heads;
pub mod pair;
pub mod parts;
pub mod records;

#[path = "../../tests/proto/endpoint.rs"]
mod endpoint;
#[path = "../../tests/proto/trace.rs"]
mod trace;
