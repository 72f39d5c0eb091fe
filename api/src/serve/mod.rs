//! A port that a program serves on.
//!
//! [`Listen`] says which port and for whom, [`Listener`] is the program's share of it, and each [`Route`] says what a path
//! leads to. A client arrives as an [`Incoming`]. Who may come is for a [`Login`] to say, or for a [`Decision`] of the
//! program.

// listen: what is asked for ──> listener ──> incoming, decision: a client
// route, login: what a path leads to, and for whom

pub(crate) mod decision;
pub(crate) mod incoming;
pub(crate) mod listen;
pub(crate) mod listener;
pub(crate) mod login;
pub(crate) mod route;

pub use decision::Decision;
pub use incoming::Incoming;
pub use listen::{Listen, ListenLimits, SlowMember};
pub use listener::Listener;
pub use login::Login;
pub use route::{Route, RouteKind};
