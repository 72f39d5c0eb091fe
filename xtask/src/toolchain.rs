//! Installs what compiles for the device, where it is missing.

use ::device::prepare::toolchain::{Missing, Toolchain};

use crate::packages::{self, ThisMachine};

/// Finds a compiler and a linker for the device, and installs what is missing on Debian; the error says why not, and
/// what else to do.
pub(crate) fn find_or_install() -> Result<Toolchain, String> {
    let mut installed = Vec::new();
    loop {
        match Toolchain::find() {
            Ok(toolchain) => return Ok(toolchain),
            Err(missing) if installed.contains(&missing) => {
                return Err(format!("{} installed, but {missing}", missing.packages().join(" and ")));
            }
            Err(missing) => {
                install(missing)?;
                installed.push(missing);
            }
        }
    }
}

fn install(missing: Missing) -> Result<(), String> {
    let packages = missing.packages();
    eprintln!("xtask: installing {}", packages.join(" "));
    packages::install(&mut ThisMachine, packages).map_err(|fault| format!("{missing}, and {fault}"))
}
