//! Log lines of threads that must not wait for the log server. They count what happens, and a worker prints it.

use crate::sync::static_atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// Something that happened.
#[derive(Debug, Clone, Copy)]
#[repr(usize)]
pub(crate) enum Note {
    /// No thread could be started.
    NoThread,
    /// A message had an unknown opcode.
    UnknownOpcode,
    /// A message could not be answered, as its sender is gone.
    Unanswered,
    /// What a process had was taken from it, as it is gone.
    OwnerGone,
    /// A peer did not answer a ping, and its connection was given up.
    NoPong,
}

/// How often, since it was last printed.
static COUNTS: [AtomicU32; 5] = [const { AtomicU32::new(0) }; 5];

/// Somebody prints: one thread at a time waits for the log server.
static PRINTING: AtomicBool = AtomicBool::new(false);

/// Counts it.
pub(crate) fn note(what: Note) {
    COUNTS[what as usize].fetch_add(1, Relaxed);
}

/// Prints what was counted, if anything was and nobody does so already. For threads that may wait for the log server.
pub(crate) fn print() {
    if COUNTS.iter().all(|count| count.load(Relaxed) == 0) || PRINTING.swap(true, Relaxed) {
        return;
    }
    print_counts();
    PRINTING.store(false, Relaxed);
}

fn print_counts() {
    let count = |what: Note| COUNTS[what as usize].swap(0, Relaxed);
    match count(Note::NoThread) {
        0 => (),
        times => log::error!("no thread could be started, {times} times"),
    }
    match count(Note::UnknownOpcode) {
        0 => (),
        times => log::warn!("{times} messages with an unknown opcode"),
    }
    match count(Note::OwnerGone) {
        0 => (),
        times => log::info!("what {times} programs had is free again: they are gone"),
    }
    match count(Note::NoPong) {
        0 => (),
        times => log::info!("no answer to a ping: {times} connections are given up"),
    }
    match count(Note::Unanswered) {
        0 => (),
        times => log::debug!("{times} messages could not be answered, their senders are gone"),
    }
}
