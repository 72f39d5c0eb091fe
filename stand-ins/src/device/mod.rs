//! Servers that drive the registers of the emulated device. Hosted mode uses the PC's own, or none.
//!
//! What needs no kernel is in files of its own, which a PC's tests reach as well.

#[cfg(target_os = "xous")]
pub(crate) mod dns;
#[cfg(target_os = "xous")]
pub(crate) mod net;
#[cfg(target_os = "xous")]
pub(crate) mod susres;
pub(crate) mod ticktimer;
#[cfg(target_os = "xous")]
pub(crate) mod timeserver;
