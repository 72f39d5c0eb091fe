//! Section sizes of an ELF file.

use std::collections::BTreeMap;

use object::elf::{SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE};
use object::{Object, ObjectSection, SectionFlags, SectionKind};

use super::build::Program;

/// Bytes that a program takes on the device, by what its sections are for.
///
/// Every section that is loaded counts somewhere: read-only tables such as `.eh_frame` under `rodata`, writable
/// ones such as `.got` under `data`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) text: u64,
    pub(super) rodata: u64,
    pub(super) data: u64,
    pub(super) bss: u64,
}

impl Sizes {
    /// What the growth limit and the budgets apply to.
    pub(super) fn code(self) -> u64 {
        self.text.saturating_add(self.rodata)
    }
}

/// Measures all programs, by name.
pub(super) fn measure_all(programs: &[Program]) -> Result<BTreeMap<String, Sizes>, String> {
    let measure_one = |program: &Program| {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", program.path.display());
        let elf = std::fs::read(&program.path).map_err(|error| failed(&error))?;
        Ok((program.name.clone(), measure(&elf).map_err(|error| failed(&error))?))
    };
    programs.iter().map(measure_one).collect()
}

fn measure(elf: &[u8]) -> object::Result<Sizes> {
    let file = object::File::parse(elf)?;
    let mut sizes = Sizes::default();
    for section in file.sections() {
        let SectionFlags::Elf { sh_flags, .. } = section.flags() else { continue };
        let has = |flag| sh_flags.contains(flag);
        if !has(SHF_ALLOC) {
            continue;
        }
        let class = if has(SHF_EXECINSTR) {
            &mut sizes.text
        } else if !has(SHF_WRITE) {
            &mut sizes.rodata
        } else if section.kind() == SectionKind::UninitializedData {
            &mut sizes.bss
        } else {
            &mut sizes.data
        };
        *class = class.saturating_add(section.size());
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::write::Object;
    use object::{Architecture, BinaryFormat, Endianness};

    #[test]
    fn counts_loaded_sections_by_purpose() {
        let mut elf = Object::new(BinaryFormat::Elf, Architecture::Riscv32, Endianness::Little);
        for (name, kind, size) in [
            (".text", SectionKind::Text, 10),
            (".text.more", SectionKind::Text, 5),
            (".rodata", SectionKind::ReadOnlyData, 20),
            (".eh_frame", SectionKind::ReadOnlyData, 2),
            (".data", SectionKind::Data, 30),
            (".debug_info", SectionKind::Debug, 1000),
        ] {
            let section = elf.add_section(Vec::new(), name.into(), kind);
            elf.append_section_data(section, &vec![1; size], 1);
        }
        let bss = elf.add_section(Vec::new(), b".bss".to_vec(), SectionKind::UninitializedData);
        elf.append_section_bss(bss, 40, 1);

        let sizes = measure(&elf.write().unwrap()).unwrap();
        assert_eq!(sizes, Sizes { text: 15, rodata: 22, data: 30, bss: 40 });
        assert_eq!(sizes.code(), 37);
    }

    #[test]
    fn refuses_what_is_not_an_object_file() {
        assert!(measure(b"#!/bin/sh\n").is_err());
    }
}
