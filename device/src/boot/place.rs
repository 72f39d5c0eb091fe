//! Where kernel and programs may lie: away from what the loader and the kernel themselves put into an address space.

use std::ops::Range;

use super::{BootProgram, ElfError, Image, KERNEL_STACK_TOP, PARAMETERS_AT};
use crate::machine::PAGE_SIZE;

/// Programs lie below the heap, and page 0 stays empty: to the kernel, a thread that would go on at 0 is none.
const PROGRAMS: Range<u32> = PAGE_SIZE..0x2000_0000;
/// The kernel lies where all address spaces share it, behind its arguments and registers, and below its stacks.
const KERNEL: Range<u32> = 0xffd0_0000..KERNEL_STACK_TOP - PAGE_SIZE;

/// Whether the kernel lies, and begins, where one is expected.
pub(crate) fn check_kernel(image: &Image) -> Result<(), ElfError> {
    check(image, &KERNEL, None)
}

/// Whether a program lies where programs are, and not over its parameter block.
pub(crate) fn check_program(program: &BootProgram) -> Result<(), ElfError> {
    let end = u32::try_from(program.parameters().len()).ok().and_then(|size| PARAMETERS_AT.checked_add(size));
    let end = end.and_then(|end| end.checked_next_multiple_of(PAGE_SIZE)).ok_or(ElfError::OutOfPlace)?;
    check(&program.image, &PROGRAMS, Some(PARAMETERS_AT..end))
}

/// Addresses are those of whole pages, since nothing shares a page with another owner.
fn check(image: &Image, place: &Range<u32>, kept: Option<Range<u32>>) -> Result<(), ElfError> {
    for segment in &image.segments {
        let (start, end) = (segment.address & !(PAGE_SIZE - 1), segment.address + (segment.size - 1));
        let overlaps = kept.as_ref().is_some_and(|kept| start < kept.end && end >= kept.start);
        if start < place.start || end >= place.end || overlaps {
            return Err(ElfError::OutOfPlace);
        }
    }
    let holds = |entry: u32| {
        let mut code = image.segments.iter().filter(|segment| segment.executable);
        code.any(|segment| entry.checked_sub(segment.address).is_some_and(|offset| offset < segment.size))
    };
    if holds(image.entry) { Ok(()) } else { Err(ElfError::NoEntry) }
}

#[cfg(test)]
mod tests {
    use super::{super::elf::Segment, *};

    fn image(segments: &[(u32, u32)], entry: u32) -> Image {
        let segment = |(address, size): &(u32, u32)| Segment {
            address: *address,
            size: *size,
            writable: true,
            executable: true,
            data: Vec::new(),
        };
        Image { entry, segments: segments.iter().map(segment).collect() }
    }

    fn program(segments: &[(u32, u32)], entry: u32) -> Result<(), ElfError> {
        let words = vec!["one".into(), "x".repeat(PAGE_SIZE as usize)];
        let image = image(segments, entry);
        check_program(&BootProgram { name: "one".into(), image, words, environment: Vec::new() })
    }

    #[test]
    fn programs_lie_below_the_heap_and_beside_their_parameters() {
        const CODE: (u32, u32) = (0x1_0000, 16);
        assert_eq!(program(&[CODE], 0x1_000c), Ok(()));
        let free = [(0x1000, 0xffff), (PARAMETERS_AT - 1, 1), (PARAMETERS_AT + 0x2000, 1), (0x1fff_ffff, 1)];
        for place in free {
            assert_eq!(program(&[CODE, place], 0x1_0000), Ok(()), "{place:x?}");
        }
        let taken = [
            (0, 16),
            (PARAMETERS_AT, 1),
            (PARAMETERS_AT - 1, 2),
            // The block's second page.
            (PARAMETERS_AT + 0x1fff, 1),
            (0x10_0000, 0x1000_0000),
            (0x1fff_ffff, 2),
            (0x2000_0000, 1),
            // The stack, the kernel's tables and arguments, its own place.
            (0x7fff_f000, 0x1000),
            (0x9000_0000, 0x1000),
            (0xff40_0000, 0x40_0000),
            (0xff80_0000, 0x2000),
            (0xffc0_0000, 0x1000),
            (0xffd0_0000, 0x1000),
            (0x1_0000, 0xfffe_ffff),
        ];
        for place in taken {
            assert_eq!(program(&[CODE, place], 0x1_0000), Err(ElfError::OutOfPlace), "{place:x?}");
        }
    }

    #[test]
    fn kernels_lie_in_theirs() {
        let kernel = |segments: &[(u32, u32)], entry| check_kernel(&image(segments, entry));
        assert_eq!(kernel(&[(0xffd0_0000, 0x1000), (0xffd8_0000, 0x1000)], 0xffd0_0716), Ok(()));
        for place in [(0xffcf_ffff, 2), (0xfff7_f000, 1), (0xfffe_f000, 0x1000), (0x1_0000, 16)] {
            assert_eq!(kernel(&[(0xffd0_0000, 16), place], 0xffd0_0000), Err(ElfError::OutOfPlace));
        }
    }

    #[test]
    fn the_first_instruction_lies_in_the_code() {
        for entry in [0, 0xffff, 0x1_0010, 0x2000_0000] {
            assert_eq!(program(&[(0x1_0000, 16)], entry), Err(ElfError::NoEntry), "{entry:x}");
        }
        assert_eq!(program(&[], 0x1_0000), Err(ElfError::NoEntry));
        let mut data_only = image(&[(0xffd0_0000, 16)], 0xffd0_0000);
        data_only.segments[0].executable = false;
        assert_eq!(check_kernel(&data_only), Err(ElfError::NoEntry));
    }
}
