//! The tick of preemption, beside what `../susres.rs` serves.
//!
//! The real one drives the same timer. Without it a thread keeps the processor until it calls the kernel.

use std::convert::Infallible;

use xous::SysCall;

use crate::raw::{self, Registers};

/// The page of the registers of TIMER0, a down counter, and their interrupt line.
const PAGE: usize = 0xf000_1000;
const LINE: usize = 0;

const LOAD: usize = 0x00;
const RELOAD: usize = 0x04;
const RUN: usize = 0x08;
const PENDING: usize = 0x10;
const ENABLE: usize = 0x14;
/// 10 ms at 12 MHz.
const QUANTUM: usize = 120_000;

/// Serves until the process is killed.
pub(crate) fn serve() -> Result<Infallible, xous::Error> {
    let timer = Registers::map(PAGE)?;
    raw::claim(LINE, timer, tick)?;
    timer.write(RUN, 0);
    timer.write(LOAD, QUANTUM);
    timer.write(RELOAD, QUANTUM);
    timer.write(RUN, 1);
    timer.write(ENABLE, 1);
    crate::susres::serve()
}

/// Gives the processor to the kernel's scheduler instead of the thread that was interrupted.
fn tick(timer: &Registers) {
    if let Some(kernel) = xous::PID::new(1) {
        xous::rsyscall(SysCall::ReturnToParent(kernel, 0)).ok();
    }
    timer.write(PENDING, 1);
}
