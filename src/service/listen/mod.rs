//! The ports of the service: clients, their requests, and what answers them.
//!
//! ```text
//!  programs --> listeners ----------------------------> channels (broadcasts)
//!                  |  target (routes) --> port <-----------.
//!                  '--> acceptors (bind, accept) --> admission (who has a place) --> http_client (a worker each)
//!                                                     |  requests (heads)  timed_socket (deadlines)
//!        accept_queue <-- upgrade <-------------------+-------> file_route (GET)
//!   (a program's page)       |--> decisions            |            |
//!                            '--> upload_receiver -> upload_lane   |
//!                                      upload_route    | carrier   |
//!                                      '--------> file_stores <----'
//! ```
//!
//! `files` is a room of its own, with `carrier`, `file_stores` and `file_events`. `owners` looks for programs that have ended, when somebody is refused. `reception` is a port as
//! admission knows it. `stage` says what a client is doing and when it
//! gives way. `shared` is what the threads have in common. `refusals` counts them, `statistics` says what has passed,
//! and `status_route` shows it. A client that was upgraded is a connection of the room
//! `connection`, which does not know this one: an upload route takes its chunks as a `ChunkReceiver`.

mod accept_queue;
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
mod late;
mod listeners;
mod owners;
mod pairing;
mod places;
mod port;
mod reception;
mod refusals;
mod requests;
mod shared;
mod stage;
mod statistics;
mod status_route;
mod target;
mod timed_socket;
mod upgrade;
mod upload_lane;
mod upload_progress;
mod upload_receiver;
mod upload_route;
mod view;

pub(crate) use admission::Admission;
pub(crate) use files::file_stores::FileStores;
pub(crate) use listeners::{Listener, Listeners};
pub(crate) use owners::Owners;
pub(crate) use shared::Shared;
