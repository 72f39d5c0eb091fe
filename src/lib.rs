//! WebSocket service (RFC 6455) for Xous.

pub mod proto;
