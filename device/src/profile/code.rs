//! Instructions by the place where they stand, and the functions that are there.

use std::collections::{BTreeMap, HashMap};

use object::{Object, ObjectSymbol, SymbolKind};

/// An instruction may start at each of these places of a page.
const PLACES: usize = 2048;

/// How often the instruction at each address was executed.
#[derive(Default)]
pub(super) struct Code {
    /// Where the counts of a page begin: by process, 1 for all of the kernel, and number of the page.
    pages: HashMap<(u8, u32), usize>,
    counts: Vec<u64>,
    /// Those of the page that is executed now.
    current: usize,
}

impl Code {
    /// Instructions now come from the page of this address.
    pub(super) fn enter_page(&mut self, pid: u8, address: u32) {
        let Self { pages, counts, .. } = self;
        self.current = *pages.entry((pid, address >> 12)).or_insert_with(|| {
            counts.resize(counts.len() + PLACES, 0);
            counts.len() - PLACES
        });
    }

    /// One is executed, of the page that was entered last.
    #[inline(always)]
    pub(super) fn step(&mut self, address: u32) {
        self.counts[self.current + (address as usize >> 1) % PLACES] += 1;
    }

    /// Counts by process and function; those of code without a symbol have an empty name.
    pub(super) fn by_function(&self, symbols: &[Symbols]) -> BTreeMap<(u8, String), u64> {
        let mut sums = BTreeMap::new();
        for ((pid, page), start) in &self.pages {
            let symbols = usize::from(*pid).checked_sub(1).and_then(|index| symbols.get(index));
            for (place, count) in self.counts[*start..][..PLACES].iter().enumerate() {
                if *count != 0 {
                    let address = (page << 12) + place as u32 * 2;
                    let name = symbols.map_or("", |symbols| symbols.name(address));
                    *sums.entry((*pid, name.to_owned())).or_default() += count;
                }
            }
        }
        sums
    }
}

/// The functions of a program by their first address.
#[derive(Default)]
pub(crate) struct Symbols(BTreeMap<u32, String>);

impl Symbols {
    /// Those of an ELF file. Empty if it has no symbols, or is no ELF file.
    pub(crate) fn of(file: &[u8]) -> Self {
        let Ok(file) = object::File::parse(file) else { return Self::default() };
        let functions = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text);
        let named = functions.filter_map(|symbol| {
            let name = symbol.name().ok().filter(|name| !name.is_empty())?;
            Some((u32::try_from(symbol.address()).ok()?, name.to_owned()))
        });
        Self(named.collect())
    }

    /// The name of the function at an address: the last one that begins before it.
    fn name(&self, address: u32) -> &str {
        self.0.range(..=address).next_back().map_or("", |(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_counted_by_function() {
        let mut code = Code::default();
        let symbols = Symbols([(0x1000, "first".to_owned()), (0x1ffe, "second".to_owned())].into());
        for address in [0x0ffe, 0x1000, 0x1004, 0x1ffe, 0x2000, 0x2000] {
            code.enter_page(2, address);
            code.step(address);
        }
        code.enter_page(1, 0x1000);
        code.step(0x1000);
        let sums = code.by_function(&[Symbols::default(), symbols]);
        let expected = [((1, ""), 1), ((2, ""), 1), ((2, "first"), 2), ((2, "second"), 3)];
        let sums: Vec<_> = sums.iter().map(|((pid, name), sum)| ((*pid, name.as_str()), *sum)).collect();
        assert_eq!(sums, expected);
    }
}
