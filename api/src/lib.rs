//! Client crate of the Xous WebSocket service.
