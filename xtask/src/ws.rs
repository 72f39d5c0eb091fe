//! `cargo xtask ws`: the WebSocket command line, on a hosted Xous system.

use crate::{Command, run};

/// See [`crate::COMMANDS`].
pub(crate) const COMMAND: Command = Command {
    name: "ws",
    summary: "WebSockets from the command line, as a program on a hosted Xous system; without a URL, to an echo server",
    // The program's own: it gets the arguments as they are.
    usage: include_str!("../../examples/ws/help.txt"),
    run: run::client,
};
