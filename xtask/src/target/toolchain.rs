//! Finds or installs what compiles for Xous: a rustc that has the sources of its own std, and a linker.
//!
//! No distribution ships a compiled std for Xous and rustup cannot add one, so cargo builds std from source; that
//! works only with the very sources of the compiler in use. Debian's packages `rustc-web` and `rust-web-src` are
//! such a pair, and so is a rustup toolchain with the component `rust-src`.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use hosted::tools::where_on_path;

use crate::packages::{self, ThisMachine};

/// The compiler's packages in Debian; the security archive has the newest.
const COMPILER_PACKAGES: &[&str] = &["rustc-web", "rust-web-src"];
/// The linker's package in Debian.
const LINKER_PACKAGES: &[&str] = &["lld"];
/// Where cargo looks for the linker of [`super::TRIPLE`].
pub(super) const LINKER_VARIABLE: &str = "CARGO_TARGET_RISCV32IMAC_UNKNOWN_XOUS_ELF_LINKER";

/// A compiler and a linker for the device.
#[derive(Debug)]
pub(super) struct Toolchain {
    pub(super) rustc: PathBuf,
    /// Where the sources of std are.
    pub(super) library: PathBuf,
    pub(super) linker: PathBuf,
    /// `rustc 1.96.0`, without the build's date and hash.
    pub(super) version: String,
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}), linker {}", self.version, self.rustc.display(), self.linker.display())
    }
}

/// Finds both, and installs what is missing on Debian; the error says why not, and what else to do.
pub(super) fn find_or_install() -> Result<Toolchain, String> {
    let Compiler { rustc, library, version } = match find_compiler() {
        Some(found) => found,
        None => {
            install(COMPILER_PACKAGES)?;
            find_compiler().ok_or(format!(
                "{COMPILER_PACKAGES:?} are installed, but no rustc of at least {} with the sources of std was \
                 found: is the security archive among apt's sources?",
                env!("CARGO_PKG_RUST_VERSION")
            ))?
        }
    };
    let linker = match find_linker() {
        Some(found) => found,
        None => {
            install(LINKER_PACKAGES)?;
            find_linker().ok_or("lld is installed, but no ld.lld was found")?
        }
    };
    Ok(Toolchain { rustc, library, linker, version })
}

struct Compiler {
    rustc: PathBuf,
    library: PathBuf,
    version: String,
}

/// The system's compiler first, so that sizes agree between machines, then those on the path.
fn find_compiler() -> Option<Compiler> {
    let system = PathBuf::from("/usr/bin/rustc");
    [system].into_iter().chain(where_on_path("rustc")).find_map(|rustc| {
        let sysroot = PathBuf::from(output(&rustc, ["--print", "sysroot"])?);
        let library = sysroot.join("lib/rustlib/src/rust/library");
        let version = output(&rustc, ["--version"])?;
        let usable =
            library.join("std/Cargo.toml").is_file() && new_enough(&version, env!("CARGO_PKG_RUST_VERSION"));
        usable.then(|| Compiler { rustc, library, version: short_version(&version) })
    })
}

/// What cargo is already told to use, else rustup's own ld.lld, else the system's.
fn find_linker() -> Option<PathBuf> {
    let told = std::env::var_os(LINKER_VARIABLE).map(PathBuf::from);
    let rustup = output(Path::new("rustc"), ["--print", "target-libdir"])
        .and_then(|lib| Some(Path::new(&lib).parent()?.join("bin/gcc-ld/ld.lld")));
    [told, rustup].into_iter().flatten().chain(where_on_path("ld.lld")).find(|linker| linker.is_file())
}

/// The trimmed standard output of a command that succeeds.
fn output<S: AsRef<OsStr>>(program: &Path, args: impl IntoIterator<Item = S>) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// `rustc 1.96.0 (ac68faa20 2026-05-25)` to `rustc 1.96.0`.
fn short_version(version: &str) -> String {
    version.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

fn new_enough(version: &str, minimum: &str) -> bool {
    let numbers = |text: &str| -> Vec<u32> { text.split('.').take(2).flat_map(str::parse).collect() };
    version.split_whitespace().nth(1).is_some_and(|version| numbers(version) >= numbers(minimum))
}

fn install(packages: &[&str]) -> Result<(), String> {
    let named = packages.join(" ");
    eprintln!("target: installing {named}");
    packages::install(&mut ThisMachine, packages).map_err(|fault| {
        format!(
            "{named} missing, and {fault}. Elsewhere than on Debian install lld, and a rustc together with its own \
             sources of std, for example with `rustup component add rust-src`."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_versions_by_number() {
        assert!(new_enough("rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)", "1.88"));
        assert!(new_enough("rustc 1.88.0", "1.88"));
        assert!(new_enough("rustc 1.100.0-nightly", "1.88"));
        assert!(new_enough("rustc 2.0.0", "1.88"));
        assert!(!new_enough("rustc 1.9.0", "1.88"));
        assert!(!new_enough("rustc 1.85.0 (4d91de4e4 2025-02-17)", "1.88"));
        assert!(!new_enough("", "1.88"));
    }

    #[test]
    fn keeps_name_and_number_of_a_version() {
        assert_eq!(short_version("rustc 1.96.0 (ac68faa20 2026-05-25)"), "rustc 1.96.0");
    }
}
