//! Where the bytes of the service's code and stacks go, function by function.

use std::collections::BTreeMap;
use std::fmt::Write;

use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

use super::build::Program;

/// A function of a linked program.
#[derive(Debug)]
struct Function {
    name: String,
    address: u64,
    code: u64,
}

/// Lists, for the program `websocket`, code size per crate, the largest functions and the largest stack frames.
///
/// With link-time optimisation a function counts for the crate that it was written in, and what was inlined into
/// it for its caller's. A thread's stack has to hold the frames of a whole chain of calls.
pub(super) fn render(programs: &[Program], count: usize) -> Result<String, String> {
    let program = programs.iter().find(|program| program.name == "websocket");
    let path = &program.ok_or("the program `websocket` was not built")?.path;
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let elf = std::fs::read(path).map_err(|error| failed(&error))?;
    let file = object::File::parse(&*elf).map_err(|error| failed(&error))?;
    let functions = functions(&file).map_err(|error| failed(&error))?;
    let frames = frames(&file).map_err(|error| failed(&error))?;

    let mut crates = BTreeMap::<&str, u64>::new();
    for function in &functions {
        *crates.entry(crate_of(&function.name)).or_default() += function.code;
    }
    let code = functions.iter().map(|function| (function.name.as_str(), function.code));
    let stack = functions
        .iter()
        .filter_map(|function| Some((function.name.as_str(), *frames.get(&function.address)?)));
    let mut text = String::new();
    list(&mut text, "code per crate", crates.into_iter(), count);
    list(&mut text, "largest functions", code, count);
    list(&mut text, "largest stack frames", stack, count);
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

fn functions(file: &object::File<'_>) -> object::Result<Vec<Function>> {
    let symbols = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0);
    symbols
        .map(|symbol| {
            let name = format!("{:#}", rustc_demangle::demangle(symbol.name()?));
            Ok(Function { name, address: symbol.address(), code: symbol.size() })
        })
        .collect()
}

/// Frame sizes by the address of the function.
fn frames(file: &object::File<'_>) -> object::Result<BTreeMap<u64, u64>> {
    let Some(section) = file.section_by_name(".stack_sizes") else { return Ok(BTreeMap::new()) };
    Ok(parse_frames(section.data()?))
}

/// The format that LLVM documents for `.stack_sizes` on a 32-bit target: an address of four bytes, then the size
/// as ULEB128, over and over. A function that the linker dropped has the address 0.
fn parse_frames(mut data: &[u8]) -> BTreeMap<u64, u64> {
    let mut frames = BTreeMap::new();
    while let Some((address, rest)) = data.split_first_chunk() {
        let (mut size, mut shift) = (0_u64, 0);
        data = rest;
        while let Some((byte, rest)) = data.split_first() {
            size |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            shift += 7;
            data = rest;
            if byte & 0x80 == 0 {
                break;
            }
        }
        frames.insert(u64::from(u32::from_le_bytes(*address)), size);
    }
    frames.remove(&0);
    frames
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

    #[test]
    fn parses_stack_sizes() {
        let data = [
            &[0x10, 0, 1, 0, 0x70][..], // 112 bytes at 0x10010
            &[0x20, 0, 1, 0, 0x80, 0x80, 0x01],
            &[0, 0, 0, 0, 0x30],
            &[0x40, 0, 1], // cut off
        ]
        .concat();
        assert_eq!(parse_frames(&data), BTreeMap::from([(0x10010, 112), (0x10020, 16384)]));
    }
}
