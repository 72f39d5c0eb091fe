//! The programs in examples/ that people use and copy, as a user runs them, against peers on Python's `websockets`.

#[allow(dead_code, unused_imports, unused_macros, reason = "each program of tests uses a part of it")]
#[path = "../common/mod.rs"]
mod common;
mod running;
#[path = "../support/scratch.rs"]
mod scratch;

/// Of `ws`, for their own tests.
#[allow(dead_code, reason = "their own tests read them")]
#[path = "../../examples/ws/arguments.rs"]
mod arguments;
#[allow(dead_code, reason = "its own tests read it")]
#[path = "../../examples/ws/hex.rs"]
mod hex;
#[allow(dead_code, reason = "its own tests read it")]
#[path = "../../examples/ws/json.rs"]
mod json;

mod copies;
mod ws;
mod ws_listen;
