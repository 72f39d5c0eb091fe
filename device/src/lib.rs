//! An emulated Xous device on a PC: rv32imac processor, the Precursor's devices, Xous's loader.
#![allow(dead_code)]

mod boot;
mod cpu;
mod machine;

pub use boot::{ElfError, Generation};
pub use machine::{Idle, Line, Source};
