//! An emulated Xous device on a PC: an rv32imac processor, the devices of a Precursor, and what Xous's loader does.
//!
//! It runs the Xous kernel and programs as they are built for the device (`riscv32imac-unknown-xous-elf`), with the
//! device's limits: 16 MiB of RAM, exact rights of pages, traps for misaligned accesses. It is not cycle-accurate:
//! an instruction takes 10 ns of machine time, whatever it does, and caches and slow memory do not exist.
//!
//! Machine time is the instruction count and what was skipped of idle time. Nothing else tells programs the time or
//! anything about the PC, and random numbers come from a seed, so that a run repeats to the instruction.
//!
//! ```no_run
//! let programs = device::prepare::prepare()?;
//! let outcome = programs
//!     .machine()
//!     .service(&programs.service)
//!     .program(programs.example("ws"), &["ws://127.0.0.1:9001/", "--count", "5"])
//!     .network(device::Network::Loopback)
//!     .run()?;
//! outcome.expect_success();
//! println!("{} instructions", outcome.instructions);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod boot;
mod builder;
mod calls;
mod cpu;
mod machine;
mod memory;
mod net;
mod outcome;
pub mod prepare;
mod profile;
mod running;
mod system;

pub use boot::{ElfError, Generation};
pub use builder::{Builder, StartError};
pub use calls::call_name;
pub use machine::{Idle, Line, Source};
pub use memory::{Memory, Stack};
pub use net::{Network, Peer};
pub use outcome::{End, Fault, FaultKind, Outcome, Process};
pub use profile::{Account, Cost, Entry, Function, Message, Reason};
pub use running::Running;
pub use system::Machine;
