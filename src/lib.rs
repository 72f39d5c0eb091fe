//! WebSocket service (RFC 6455) for Xous.

mod in_process;
mod net;
pub mod proto;
mod service;

pub use in_process::{Websocket, server};
pub use service::serve;
pub use xous_api_websocket::{Opcode, SERVER_NAME, send};
