//! The server role from end to end: each test is a program on Xous, in a hosted system of its own, that serves on a
//! port through the service. Its clients are not ours: RFC 6455 by hand, other libraries, a browser.

#[allow(dead_code, reason = "each program of tests uses a part of it")]
#[path = "../common/mod.rs"]
mod common;

mod accepting;
mod bad_heads;
mod bursts;
mod by_hand;
mod channels;
mod clients;
mod crowds;
mod deciding;
mod hostile;
mod limits;
mod load;
mod logins;
mod origins;
mod owners;
mod pages;
mod pairing;
mod ports;
#[allow(dead_code, reason = "each program of tests uses a part of it")]
mod process;
mod push;
mod recordings;
mod refusals;
mod routes;
mod second;
mod sending;
mod serve;
mod sharing;
mod stall;
mod statistics;
mod status;
mod strangers;
mod tools;
mod unanswered_log;
mod web_pages;
