//! Cargo as it builds for the device: the same profile and target directory for everything, and std built
//! once for each set of flags.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    TRIPLE,
    toolchain::{LINKER_VARIABLE, Toolchain},
};

/// What may be set in the environment and would make other programs of the same sources.
const OUTER: [&str; 8] = [
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "MAKEFLAGS",
    "MFLAGS",
    // The kernel's build script looks at it and builds another panic handler.
    "CI",
];
/// Of cargo's own variables, those that stay: about registries, network and output.
const KEPT: [&str; 8] = [
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
    "CARGO_TERM_",
    "CARGO_CACHE_",
];
/// The profile that everything is built with; the workspace's `Cargo.toml` has it for the workspace.
const PROFILE: &str = "device";

/// The workspace that this crate belongs to.
pub fn workspace() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Where cargo builds for the device, and below which everything lies that is prepared.
pub fn directory() -> PathBuf {
    // A relative path is one from where cargo was started; cargo runs tests and programs from inside the workspace.
    let target = workspace().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()));
    target.join("device")
}

/// Where a program of the workspace is when it has been built; `examples/NAME` for an example.
pub(super) fn built(name: &str) -> PathBuf {
    directory().join(TRIPLE).join(PROFILE).join(name)
}

/// Whose sources are built, which decides the compiler's flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sources {
    /// The workspace's, which are made small.
    Own,
    /// The published kernel and log, as everybody builds them.
    Published,
}

/// `cargo build` or `cargo install` for the device, in the workspace's directory.
///
/// Nothing that the environment says about flags, profiles or targets has a part in it, and nothing about the package
/// of the program that calls this.
pub fn cargo(subcommand: &str, toolchain: &Toolchain, sources: Sources) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        if !is_kept(&name) {
            command.env_remove(&name);
        }
    }
    command
        .arg(subcommand)
        .current_dir(workspace())
        .args(["--profile", PROFILE, "--target", TRIPLE])
        // optimize_for_size replaces std's default features; what goes besides is unwinding and symbolised
        // backtraces, which a program with panic = "abort" on Xous cannot use. Panic messages stay.
        .args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"])
        .arg("--target-dir")
        .arg(directory())
        .env("RUSTC", &toolchain.rustc)
        .env(LINKER_VARIABLE, &toolchain.linker)
        // Instead of RUSTFLAGS and of what a configuration file may say: they would change the sizes.
        .env("CARGO_ENCODED_RUSTFLAGS", rustc_flags(toolchain, sources))
        // -Z options on a stable compiler.
        .env("RUSTC_BOOTSTRAP", "1");
    command
}

/// The profile as the workspace's `Cargo.toml` has it, for packages from elsewhere, which do not know it.
///
/// # Errors
/// The manifest cannot be read, or has no such profile.
pub fn profile() -> Result<Vec<String>, String> {
    let manifest = workspace().join("Cargo.toml");
    let text =
        std::fs::read_to_string(&manifest).map_err(|error| format!("{}: {error}", manifest.display()))?;
    profile_of(&text).ok_or(format!("{} has no profile {PROFILE}", manifest.display()))
}

fn is_kept(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let cargos =
        name.starts_with("CARGO") && &*name != "CARGO" && !KEPT.iter().any(|kept| name.starts_with(kept));
    !cargos && !OUTER.contains(&&*name)
}

/// The lines of the profile's table, each as cargo's `--config` takes it.
fn profile_of(manifest: &str) -> Option<Vec<String>> {
    let header = format!("[profile.{PROFILE}]");
    let mut lines = manifest.lines().skip_while(|line| line.trim() != header);
    lines.next()?;
    let lines = lines.take_while(|line| !line.starts_with('[')).map(str::trim);
    let settings = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Some(settings.map(|line| format!("profile.{PROFILE}.{line}")).collect())
}

/// Compiler flags that do not depend on the machine.
///
/// Stack sizes go into a section that is not loaded; `cargo xtask target --top` reads them. `relax` lets the linker use
/// short calls, which is 7 % less code; the compiler warns for every crate that this may change, so warnings are off:
/// those of the sources are clippy's to find.
pub(super) fn flags(sources: Sources) -> &'static [&'static str] {
    match sources {
        Sources::Published => &["-Zemit-stack-sizes", "-Ctarget-feature=+relax", "-Awarnings"],
        // Less is inlined than the profile's 50: the service is 4 % smaller, and spends 3 % more instructions on an echo
        // of 32 bytes.
        Sources::Own => &[
            "-Zemit-stack-sizes",
            "-Ctarget-feature=+relax",
            "-Awarnings",
            "-Cllvm-args=--inline-threshold=15",
        ],
    }
}

/// All compiler flags, separated as cargo wants them.
fn rustc_flags(toolchain: &Toolchain, sources: Sources) -> OsString {
    let mut flags = OsString::from(flags(sources).join("\x1f"));
    // Panic messages name source files: without this machine's directories they are shorter, and the sizes the
    // same everywhere.
    let registry = cargo_home().map(|home| home.join("registry/src"));
    let sources = [(Some(toolchain.library.clone()), "library"), (registry, "registry")];
    for (path, name) in sources.into_iter().filter_map(|(path, name)| Some((path?, name))) {
        flags.push("\x1f--remap-path-prefix=");
        flags.push(path);
        flags.push("=");
        flags.push(name);
    }
    flags
}

fn cargo_home() -> Option<PathBuf> {
    let told = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    told.or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_environment_do_not_reach_the_build() {
        for name in ["RUSTFLAGS", "CI", "CARGO_BUILD_TARGET", "CARGO_PROFILE_RELEASE_LTO", "CARGO_PKG_NAME"] {
            assert!(!is_kept(name.as_ref()), "{name}");
        }
        for name in ["PATH", "HOME", "CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_REGISTRIES_CRATES_IO_PROTOCOL"]
        {
            assert!(is_kept(name.as_ref()), "{name}");
        }
    }

    #[test]
    fn the_profile_is_read_from_the_manifest() {
        let manifest = "[profile.release]\ndebug = 1\n\n# small\n[profile.device]\ninherits = \"release\"\n# first\n\
                        opt-level = \"s\"\n\n[profile.bench]\nlto = true\n";
        let expected = ["profile.device.inherits = \"release\"", "profile.device.opt-level = \"s\""];
        assert_eq!(profile_of(manifest).unwrap(), expected);
        assert_eq!(profile_of("[profile.release]\n"), None);
        assert!(profile().unwrap().iter().any(|setting| setting.contains("panic")));
    }
}
