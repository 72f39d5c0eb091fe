//! The ports of the service: clients, their requests, and what answers them.

mod accept_queue;
mod acceptors;
mod channels;
mod file_route;
mod file_stores;
mod http_client;
mod listeners;
mod port;
mod requests;
mod shared;
mod target;
mod timed_socket;
mod upgrade;
mod upload_route;

pub(crate) use file_stores::FileStores;
pub(crate) use listeners::{Listener, Listeners};
pub(crate) use shared::Server;
