//! How a connection of the client role comes to be.
//!
//! ```text
//! client (Open: two workers) --> again (and once more when it has ended)
//!                                  '--> connect --> destination (where, redirected or not)
//!                                          |  '--> answer (what the server says)
//!                                          '--> compose --> wording (what is wrong with the request)
//! ```
//!
//! It ends with a socket on which both sides may send frames, or with a `Failure`. All of it runs on the worker that is to be
//! the reader.

mod again;
mod answer;
pub(in super::super) mod client;
pub(in super::super) mod compose;
mod connect;
mod destination;
mod wording;
