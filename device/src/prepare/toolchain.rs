//! Finds what compiles for Xous: a rustc that has the sources of its own std, and a linker.
//!
//! No distribution ships a compiled std for Xous and rustup cannot add one, so cargo builds std from source; that
//! works only with the very sources of the compiler in use. Debian's packages `rustc-web` and `rust-web-src` are
//! such a pair, and so is a rustup toolchain with the component `rust-src`.

use std::{
    ffi::OsStr,
    fmt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Where cargo looks for the linker of [`super::TRIPLE`].
pub(super) const LINKER_VARIABLE: &str = "CARGO_TARGET_RISCV32IMAC_UNKNOWN_XOUS_ELF_LINKER";

/// A compiler and a linker for the device.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// The compiler.
    pub rustc: PathBuf,
    /// Where the sources of std are.
    pub library: PathBuf,
    /// The linker.
    pub linker: PathBuf,
    /// `rustc 1.96.0`, without the build's date and hash.
    pub version: String,
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}), linker {}", self.version, self.rustc.display(), self.linker.display())
    }
}

/// What cannot be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// A rustc, of at least the version that the workspace needs, with the sources of its std.
    #[error(
        "no rustc of at least {} with the sources of std was found (Debian: {}, from the security archive; elsewhere a \
         rustup toolchain with the component rust-src)",
        env!("CARGO_PKG_RUST_VERSION"), self.packages().join(" and ")
    )]
    Compiler,
    /// `ld.lld`.
    #[error("no ld.lld was found (Debian: {})", self.packages().join(" and "))]
    Linker,
}

impl Missing {
    /// Its packages in Debian; the compiler's newest is in the security archive.
    pub fn packages(self) -> &'static [&'static str] {
        match self {
            Missing::Compiler => &["rustc-web", "rust-web-src"],
            Missing::Linker => &["lld"],
        }
    }
}

impl Toolchain {
    /// Looks for both.
    ///
    /// # Errors
    /// What is missing first.
    pub fn find() -> Result<Self, Missing> {
        let Compiler { rustc, library, version } = find_compiler().ok_or(Missing::Compiler)?;
        let linker = find_linker().ok_or(Missing::Linker)?;
        Ok(Self { rustc, library, linker, version })
    }
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
    let output = Command::new(program).args(args).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn where_on_path(program: &str) -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let files: Vec<_> = std::env::split_paths(&path).map(|directory| directory.join(program)).collect();
    files.into_iter().filter(|file| file.is_file())
}

/// `rustc 1.96.0 (ac68faa20 2026-05-25)` to `rustc 1.96.0`.
fn short_version(version: &str) -> String {
    version.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

fn new_enough(version: &str, minimum: &str) -> bool {
    let numbers = |text: &str| -> Vec<u32> { text.split('.').take(2).flat_map(str::parse).collect() };
    version.split_whitespace().nth(1).is_some_and(|version| numbers(version) >= numbers(minimum))
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

    #[test]
    fn what_is_missing_is_named_with_its_packages() {
        assert!(Missing::Compiler.to_string().contains("rustc-web and rust-web-src"));
        assert!(Missing::Linker.to_string().contains("lld"));
    }
}
