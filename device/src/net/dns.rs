//! The page of registers of the name resolver: every name is this machine, but for those that cannot exist.
//!
//! The `dns` stand-in passes on std's `RawLookup`: PAGE is the virtual address of the lent page, LENGTH the length of
//! the name at its start. GO writes the answer over the name. Names below `.invalid` (RFC 6761) have no address, and `two-homes.test` has one that never answers before this
//! machine's.

use crate::machine::View;

/// std shows every code as "name not found".
const NOT_FOUND: [u8; 2] = [1, 1];
/// No error, one address of IPv4.
const LOOPBACK: [u8; 7] = [0, 1, 4, 127, 0, 0, 1];
/// Two, the first of which never answers (`operation.rs`).
const TWO_HOMES: [u8; 12] = [0, 2, 4, 198, 51, 100, 1, 4, 127, 0, 0, 1];

/// The registers.
#[derive(Default)]
pub(crate) struct Dns {
    page: Option<u32>,
    length: u32,
}

impl Dns {
    pub(crate) fn write(&mut self, register: u32, value: u32, mut view: View<'_>) {
        match register {
            0x04 => self.page = view.writable_page(value).filter(|_| value != 0),
            0x0c => self.length = value,
            0x14 => {
                if let Some(page) = self.page.take() {
                    answer(view.ram().page(page), self.length as usize);
                }
            }
            _ => (),
        }
    }
}

fn answer(bytes: &mut [u8], length: usize) {
    let name = bytes.get(..length).unwrap_or_default();
    let name = name.strip_suffix(b".").unwrap_or(name).to_ascii_lowercase();
    if name.is_empty() || name == b"invalid" || name.ends_with(b".invalid") {
        bytes[..2].copy_from_slice(&NOT_FOUND);
    } else if name == b"two-homes.test" {
        bytes[..12].copy_from_slice(&TWO_HOMES);
    } else {
        bytes[..7].copy_from_slice(&LOOPBACK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cpu::Space,
        machine::{RAM_START, Ram},
    };

    fn looked_up(name: &[u8], length: u32) -> [u8; 12] {
        let mut ram = Ram::new();
        ram.write(0x1000, name);
        let mut dns = Dns::default();
        for (register, value) in [(0x04, RAM_START + 0x1000), (0x0c, length), (0x14, 1)] {
            let space = Space { translation: 0, status: 0, user: false };
            dns.write(register, value, View::new(&mut ram, space));
        }
        ram.page(0x1000)[..12].try_into().unwrap()
    }

    #[test]
    fn names_are_this_machine_and_invalid_ones_are_nowhere() {
        assert_eq!(looked_up(b"server.example", 14)[..7], LOOPBACK);
        assert_eq!(looked_up(b"two-homes.test", 14), TWO_HOMES);
        for name in [&b"server.invalid"[..], b"Server.INVALID.", b""] {
            assert_eq!(looked_up(name, name.len() as u32)[..2], NOT_FOUND);
        }
        assert_eq!(looked_up(b"longer than its page", 4097)[..2], NOT_FOUND);
    }
}
