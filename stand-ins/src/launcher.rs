//! How the name server tells the launcher which names are registered.

/// Answers the launcher's questions from now on. Hosted mode only: the emulator sees by itself whether the kernel lives.
pub(crate) fn start() {
    #[cfg(not(target_os = "xous"))]
    crate::probe::start();
}

/// Somebody has registered this name: a report through the control pipe.
#[cfg(not(target_os = "xous"))]
pub(crate) fn registered(name: &str) {
    crate::control::report(&crate::control::Report::registered(name));
}

/// See above: a line of the log, escaped, since a name may hold line feeds.
#[cfg(target_os = "xous")]
pub(crate) fn registered(name: &str) {
    println!("names: registered {}", name.escape_default());
}
