//! A hosted Xous system for the WebSocket service: launcher and test harness.
//!
//! A system is the published Xous kernel with its log and ticktimer servers, the [stand-ins](stand_ins) for the name
//! server, the TRNG and the PDDB, services, and programs: all of them ordinary processes of the host. In hosted mode a Xous
//! process uses the host's `std`, so that its `std::net` speaks to the host. Everything is installed on first use below
//! `target/hosted/`, which needs the crate registry once ([`prepare()`]).
//!
//! # Tests
//! The body of a test runs as a Xous process beside the service, under the real kernel:
//!
//! ```no_run
//! # fn main() {}
//! fn service() -> hosted::Program {
//!     # let path = "";
//!     # #[cfg(any())] let
//!     path = env!("CARGO_BIN_EXE_websocket"); // as tests/*.rs know it
//!     hosted::Program::new(path)
//! }
//!
//! #[test]
//! fn a_word_is_answered() {
//!     hosted::test!().service(service(), "_Websocket Service_").run(|| {
//!         let names = xous_api_names::XousNames::new().unwrap();
//!         let connection = names.request_connection_blocking("_Websocket Service_").unwrap();
//!         // ...
//!     });
//! }
//!
//! #[test]
//! fn a_stranger_is_refused() {
//!     hosted::test!()
//!         .service(service(), "_Websocket Service_")
//!         .role("owner", || {
//!             hosted::tell("stranger", "17");
//!             assert_eq!(hosted::hear(), "refused");
//!         })
//!         .role("stranger", || {
//!             let handle = hosted::hear();
//!             // ...
//!             hosted::tell("owner", "refused");
//!         })
//!         .run_roles();
//! }
//! ```
//!
//! Each test has a system of its own, which takes about half a second to start, and a minute in all. What a body
//! prints, and the log when it fails, appear as the test's output. A body may use threads and sockets of the host as it
//! likes, a peer among them; only threads that make Xous calls count, of which a process has about 30 in its life. With
//! `RUST_LOG` set to anything, the log goes to stderr.
//!
//! # Programs
//! [`System`] runs any programs with the user's own standard files and tells how they ended:
//!
//! ```no_run
//! use std::time::Duration;
//! use hosted::{Program, System};
//!
//! let outcome = System::builder()
//!     .service(Program::new("target/debug/websocket"), "_Websocket Service_")
//!     .program(Program::new("target/debug/examples/ws").args(["ws://127.0.0.1:9001/", "--send", "hello"]))
//!     .time_limit(Duration::from_secs(30))
//!     .start()?
//!     .wait()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it takes care of
//! - Systems do not meet: each kernel has a port of its own, and each system a directory of its own.
//! - Everything ends with the launcher, however that ends, SIGKILL included.
//! - The log goes to a file whose path and last lines a failure shows; a system that did well removes it.
//! - Readiness and ends arrive through a pipe; nothing sleeps, and but for the kernel's size nothing polls. A program that exits with 0 because the
//!   kernel ended is told from one that succeeded.
//! - A system whose kernel has taken more memory than [`Builder::memory_limit`] is ended, with a sentence that says so.
//! - Nothing is left of it, on hosts whose first process reaps nobody either. For that the launcher becomes the reaper of
//!   all its descendants (`PR_SET_CHILD_SUBREAPER`), which stays so. It runs on Linux only.
//!
//! # What the kernel imposes
//! - It takes in new processes in bursts half a second apart: a system is up about 0.5 s after its start.
//! - All processes start with it; a later one cannot create servers.
//! - It never frees the memory of a memory message: 5,000 echoes of 100 bytes cost it 80 MB, 60 of 500 kB 119 MB. Long
//!   runs under load belong on the emulated device (`cargo xtask device`), whose kernel has no such leak.
//! - It panics when a process is sent a reply after it has ended. The harness therefore keeps the process of a body until
//!   the system is ended.

mod cargo;
mod command;
mod error;
mod group;
mod kernel_memory;
mod lock;
mod output;
pub mod packages;
mod pddb;
pub mod peer;
mod prepare;
mod raw;
mod run_directory;
mod system;
mod talk;
mod test;
pub mod tools;

pub use cargo::cargo;
pub use command::Program;
pub use error::{RunError, RunFault, StartError};
pub use pddb::{PDDB_ANSWER, PDDB_ASKED, PDDB_MOUNT, PDDB_UNMOUNT, PDDB_USER, Pddb};
pub use prepare::{PrepareError, Programs, directory, prepare, target_directory};
pub use raw::Page;
pub use stand_ins::settings::{SUSPEND_NOW, SUSRES};
pub use system::{Builder, End, Outcome, System};
pub use talk::{hear, tell};
pub use test::{__test_name, Test, exit_done, logged, pddb_directory};
