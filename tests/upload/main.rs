//! Uploads from end to end: each test is a program on Xous, in a hosted system of its own, whose routes bring files into
//! the PDDB stand-in and show them. Its clients are RFC 6455 and HTTP by hand, another library, the program in
//! examples/upload, and a browser.

#[allow(dead_code, reason = "made for the tests of the server role")]
#[path = "../server/by_hand.rs"]
mod by_hand;
#[allow(dead_code, reason = "each program of tests uses a part of it")]
#[path = "../common/mod.rs"]
mod common;
#[path = "../support/scratch.rs"]
mod scratch;

mod answers;
mod browser;
mod crate_sender;
mod crowds;
mod deleting;
mod dialogs;
mod downloads;
mod events;
mod kill;
mod program;
mod resuming;
mod routes;
mod sender;
mod versions;
mod wire;
