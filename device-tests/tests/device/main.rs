//! The service on the emulated device: the published kernel and the ELF files that go onto a device, with peers on the PC.
//!
//! What is emulated is built on first use (`device::prepare`), which needs a compiler for the device; `.ci/run` runs
//! these tests after `cargo xtask target`, which has installed one and built the most of it.

#[allow(dead_code, reason = "made for the tests of the server role")]
#[path = "../../../tests/server/by_hand.rs"]
mod by_hand;
#[allow(dead_code, reason = "made for the tests of uploads")]
#[path = "../../../tests/upload/sender.rs"]
mod sender;
#[allow(dead_code, reason = "made for the tests of the server role")]
#[path = "../../../tests/server/tools.rs"]
mod tools;

mod boot;
mod client;
mod common;
mod death;
mod faults;
mod resumption;
mod seeds;
mod server;
mod soak;
mod stand_ins;
mod tls;
mod upload;
