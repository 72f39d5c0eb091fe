//! One connection, from its opening to its end, in either role.
//!
//! ```text
//!  opening (a room) ---.                       .--> reader --> sink ---> page of an owner, from inbox
//!  seed, tls_code      +-> established: starts +                '------> ChunkReceiver: the service itself
//!  listen (server) ---'                        '--> writer <-- outbox <--- sends, pongs, Close frames
//!
//!  connection   what reader, writer, dispatcher and timer share: phase, deadlines, inbox, outbox
//!  opening      how a connection of the client role comes to be, and to be again (lasting: as its owner wants it)
//!  failures     what reader and writer know of sends that nobody waits for
//!  end_guard    held by each thread; the last one ends the connection and tells the table
//!  liveness     whether the peer is there
//!  opener       who waits for an opening, and what came of it (failure: why there is no connection)
//!  recorder     what came and went, for debugging
//!  suspends     the device sleeps and wakes
//!  watch        which connections of a process have something for it
//!  table        handles and their connections, and how those that are over have ended (outcome)
//! ```
//!
//! Reader and writer do not call each other: they meet in [`Connection`]. Nothing here knows of ports or opcodes.

mod account;
mod beat;
mod begun;
mod closer;
#[expect(clippy::module_inception, reason = "the room is named for what it serves")]
mod connection;
mod deadline;
mod end_guard;
mod established;
mod failure;
mod failures;
mod inbox;
#[cfg(all(test, feature = "shuttle"))]
mod interleavings;
mod lasting;
mod liveness;
mod opener;
mod opening;
mod outbox;
mod outcome;
mod reader;
mod recorder;
mod seed;
mod sink;
pub(super) mod suspends;
mod table;
mod tally;
pub(super) mod tls_code;
mod told;
mod traffic;
mod turns;
mod watch;
mod writer;

pub(crate) use beat::{Beat, Heartbeat};
pub(crate) use closer::Closer;
pub(crate) use connection::Connection;
pub(crate) use end_guard::EndGuard;
pub(crate) use established::Established;
pub(crate) use lasting::Lasting;
pub(super) use opening::client;
pub(crate) use opening::client::Opening;
pub(super) use opening::compose::is_sendable;
pub(crate) use outbox::ShareError;
pub(crate) use outcome::{ABNORMAL, Outcome};
pub(crate) use recorder::{Recorder, Recording, ended as session_is_recorded};
pub(crate) use seed::{seed, seed_from};
pub(crate) use sink::{ChunkReceiver, Delivery, Sink};
pub(crate) use table::{Found, Owner, Table};
pub(crate) use tally::Tally;
pub(super) use told::{Told, left, refuse as refuse_page};
pub(crate) use watch::{Watch, Watcher, Watches};
