//! The ports of the service: clients, their requests, and what answers them.
//!
//! ```text
//!  programs --> listeners ------------------------------> channels (broadcasts)
//!                  |  target (routes) --> port <-----------.
//!                  '--> acceptors (bind, accept) --> admission (who has a place) --> http_client (a worker each)
//!                           '-- reception               |  requests (heads)  timed_socket (deadlines)
//!        admission's accept_queue <-- upgrade <---------+-------> file_route (GET) --> files
//!        (a program's page)             |--> decisions
//!                                       '--> uploads (WebSockets that bring files) --> files
//! ```
//!
//! `admission`, `files` and `uploads` are rooms of their own; the first two know nothing of what is here. `owners` looks
//! for programs that have ended, when somebody is refused. `jobs` says how much of what they ask for workers do at a time.
//! `reception` is a port as admission knows it. `shared` is what the threads have in common. `refusals` counts them, `statistics` says what has passed, and `status_route` shows it. A
//! client that was upgraded is a connection of the room `connection`, which does not know this one: an upload route
//! takes its chunks as a `ChunkReceiver`.

mod acceptors;
mod admission;
mod broadcasts;
mod certificates;
mod channels;
mod decisions;
mod expiry;
mod file_route;
mod files;
mod files_of;
mod http_client;
#[cfg(all(test, feature = "shuttle"))]
mod interleavings;
mod jobs;
mod listeners;
mod owners;
mod pairing;
mod port;
mod reception;
mod refusals;
mod requests;
mod shared;
mod shown_head;
mod statistics;
mod status_route;
mod target;
mod timed_socket;
mod upgrade;
mod uploads;
mod view;

pub(crate) use admission::admission::Admission;
pub(crate) use files::file_stores::FileStores;
pub(crate) use jobs::Jobs;
pub(crate) use listeners::{Listener, Listeners};
pub(crate) use owners::Owners;
pub(crate) use shared::Shared;
