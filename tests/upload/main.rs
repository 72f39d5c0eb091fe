//! Uploads from end to end: each test is a program on Xous, in a hosted system of its own, whose routes bring files into
//! the PDDB stand-in and show them. Its clients are not ours: RFC 6455 and HTTP by hand, another library.

#[allow(dead_code, reason = "made for the tests of the server role")]
#[path = "../server/by_hand.rs"]
mod by_hand;
#[allow(dead_code, reason = "each program of tests uses a part of it")]
#[path = "../common/mod.rs"]
mod common;

mod answers;
mod downloads;
mod kill;
mod resuming;
mod routes;
mod sender;
