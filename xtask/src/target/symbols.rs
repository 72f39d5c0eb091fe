//! Where the bytes of the service's code go, read from its symbol table.

use std::collections::BTreeMap;
use std::fmt::Write;

use object::{Object, ObjectSymbol, SymbolKind};

use super::build::Program;

/// Lists the code size per crate and the largest functions of the program `websocket`.
///
/// With link-time optimisation a function counts for the crate that it was written in, and what was inlined into
/// it for its caller's.
pub(super) fn render(programs: &[Program], count: usize) -> Result<String, String> {
    let program = programs.iter().find(|program| program.name == "websocket");
    let path = &program.ok_or("the program `websocket` was not built")?.path;
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let elf = std::fs::read(path).map_err(|error| failed(&error))?;
    let functions = functions(&elf).map_err(|error| failed(&error))?;

    let mut crates = BTreeMap::<&str, u64>::new();
    for (name, bytes) in &functions {
        *crates.entry(crate_of(name)).or_default() += bytes;
    }
    let mut text = String::new();
    list(&mut text, "code per crate", crates.into_iter(), count);
    list(
        &mut text,
        "largest functions",
        functions.iter().map(|(name, bytes)| (name.as_str(), *bytes)),
        count,
    );
    Ok(text)
}

fn list<'a>(text: &mut String, title: &str, rows: impl Iterator<Item = (&'a str, u64)>, count: usize) {
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by_key(|(name, bytes)| (std::cmp::Reverse(*bytes), *name));
    // Writing to a String cannot fail.
    let _ = writeln!(text, "\n{title}");
    for (name, bytes) in rows.into_iter().take(count) {
        let _ = writeln!(text, "{bytes:>9}  {name}");
    }
}

fn functions(elf: &[u8]) -> object::Result<Vec<(String, u64)>> {
    let file = object::File::parse(elf)?;
    let functions = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text);
    functions.map(|symbol| Ok((demangled(symbol.name()?), symbol.size()))).collect()
}

fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// The first path in a demangled name: `<&alloc::string::String as core::fmt::Debug>::fmt` is alloc's. A name that
/// is no Rust path stands for itself.
fn crate_of(name: &str) -> &str {
    let path = name.split("::").next().unwrap_or(name);
    let start = path.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |at| at + 1);
    match path.get(start..) {
        Some(first) if !first.is_empty() => first,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_functions_to_crates() {
        for (name, expected) in [
            ("core::fmt::write", "core"),
            ("<alloc::string::String as core::fmt::Debug>::fmt", "alloc"),
            ("<&mut std::net::tcp::TcpStream as std::io::Read>::read", "std"),
            ("<(&str, u16) as std::net::socket_addr::ToSocketAddrs>::to_socket_addrs", "std"),
            ("memcpy", "memcpy"),
        ] {
            assert_eq!(crate_of(name), expected, "{name}");
        }
    }

    #[test]
    fn lists_the_largest_first() {
        let mut text = String::new();
        list(&mut text, "title", [("a", 1), ("b", 30), ("c", 2)].into_iter(), 2);
        assert_eq!(text, "\ntitle\n       30  b\n        2  c\n");
    }
}
