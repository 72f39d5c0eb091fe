//! Cargo, started by a program that cargo has started.

use std::process::Command;

/// What cargo tells a program or test about the package that it belongs to. The next cargo would hand it on to build
/// scripts, some of which look at it, and build anew what is built.
const ABOUT_A_PACKAGE: [&str; 4] = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_CRATE_", "CARGO_BIN_"];

/// The cargo that started this program, else the one on the path, as the user would have started it: with the user's
/// own settings, and without what the first one has said about the package that is running.
pub fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        if ABOUT_A_PACKAGE.iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes())) {
            command.env_remove(&name);
        }
    }
    command.arg(subcommand);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_this_package_is_handed_on() {
        assert!(std::env::var_os("CARGO_PKG_NAME").is_some(), "cargo runs this test");
        let command = cargo("version");
        assert!(command.get_envs().any(|change| change == ("CARGO_PKG_NAME".as_ref(), None)));
        assert!(!command.get_envs().any(|(name, _)| name == "CARGO_TARGET_DIR" || name == "PATH"));
    }
}
