//! The client role from end to end: each test is a program on Xous, in a hosted system of its own, that opens
//! connections through the service to peers that are not ours.

#[allow(dead_code, reason = "each program of tests uses a part of it")]
#[path = "../common/mod.rs"]
mod common;

mod addresses;
mod bad_requests;
mod closing;
mod connections;
mod cuts;
mod deadlines;
mod exchanges;
mod foreign_peers;
mod foreign_ways;
mod fragments;
mod grants;
mod handles;
mod handshake;
mod heartbeats;
mod idle;
mod in_process;
mod last_turns;
mod limits;
mod liveness;
mod lost_exchanges;
mod messages;
mod moved;
mod openings;
mod proxies;
mod pushed;
mod queue_order;
mod queued;
mod raw_messages;
mod receive_for;
mod receiving;
mod reconnects;
mod recordings;
mod redirects;
mod refused_answers;
mod saturation;
mod sending;
mod sessions;
mod several;
mod shares;
mod statistics;
mod suspends;
mod urls;
mod violations;
mod writing;
