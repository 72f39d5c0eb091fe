//! The kernel's arguments (tagged words), and a program's parameter block (command line and environment).

use super::elf::Image;
use crate::machine::{DEVICES_SIZE, DEVICES_START, RAM_SIZE, RAM_START};

/// Flag of a section that the kernel takes for the program's exception frames. Its address reaches the program in its
/// first register, and std takes that register for the address of the parameter block.
const EXCEPTION_FRAMES: u32 = 8 << 24;
const SECTION_WRITABLE: u32 = 1 << 24;
const SECTION_EXECUTABLE: u32 = 4 << 24;
/// Characters of a process's name in the list for the debug shell, of which each takes four bytes at most.
const MAX_NAME: usize = 64;

/// The words of all tags, in their order.
pub(super) struct Arguments(Vec<u32>);

impl Arguments {
    pub(super) fn new() -> Self {
        let mut arguments = Arguments(Vec::new());
        // The total size in words comes first, and is known last.
        arguments.tag(b"XArg", &[0, 1, RAM_START, RAM_SIZE, name(b"SrEx")]);
        arguments.tag(b"MREx", &[DEVICES_START, DEVICES_SIZE, name(b"CSRs"), 0]);
        arguments
    }

    /// A program in RAM; `parameters` is the address of its block, where the kernel passes it on so.
    pub(super) fn program(&mut self, image: &Image, parameters: Option<u32>) {
        let mut words = vec![0, image.entry];
        for segment in &image.segments {
            let mut size = segment.size & 0xff_ffff;
            size |= if segment.writable { SECTION_WRITABLE } else { 0 };
            size |= if segment.executable { SECTION_EXECUTABLE } else { 0 };
            words.extend([segment.address, size]);
        }
        words.extend(parameters.into_iter().flat_map(|address| [0, address | EXCEPTION_FRAMES]));
        self.tag(b"IniE", &words);
    }

    /// Names of the processes, from 1 on, for the kernel's debug shell, which shows the start of long ones.
    pub(super) fn names<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        let mut bytes = Vec::new();
        for (pid, name) in (1u32..).zip(names) {
            let end = name.char_indices().nth(MAX_NAME).map_or(name.len(), |(at, _)| at);
            let name = &name[..end];
            bytes.extend(pid.to_le_bytes());
            bytes.extend((name.len() as u32).to_le_bytes());
            bytes.extend(name.bytes());
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        let words: Vec<u32> = bytes.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
        self.tag(b"PNam", &words);
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0[2] = self.0.len() as u32;
        self.0.into_iter().flat_map(u32::to_le_bytes).collect()
    }

    /// Name, length in the upper half of a word (the checksum in the lower is not looked at), words.
    fn tag(&mut self, tag: &[u8; 4], words: &[u32]) {
        self.0.push(name(tag));
        self.0.push((words.len() as u32) << 16);
        self.0.extend(words);
    }
}

fn name(name: &[u8; 4]) -> u32 {
    u32::from_le_bytes(*name)
}

/// Whether words and variables fit into the block of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Fits,
    /// One of the words is too long,
    LongWord,
    /// or a variable's name or value,
    LongVariable,
    /// or there are too many of either.
    TooMany,
}

impl Fit {
    pub(crate) fn of(words: &[String], environment: &[(String, String)]) -> Fit {
        const MAX: usize = u16::MAX as usize;
        if words.len() > MAX || environment.len() > MAX {
            Fit::TooMany
        } else if words.iter().any(|word| word.len() > MAX) {
            Fit::LongWord
        } else if environment.iter().any(|(key, value)| key.len() > MAX || value.len() > MAX) {
            Fit::LongVariable
        } else {
            Fit::Fits
        }
    }
}

/// The block that std on Xous reads `std::env::args` and `std::env::var` from.
///
/// Words and variables are counted by 16 bits, and so is each of their texts; [`Fit`] says whether that is enough.
pub(super) fn parameters(words: &[String], environment: &[(String, String)]) -> Vec<u8> {
    let mut list = (words.len() as u16).to_le_bytes().to_vec();
    words.iter().for_each(|word| text(&mut list, word));
    let mut variables = (environment.len() as u16).to_le_bytes().to_vec();
    for (key, value) in environment {
        text(&mut variables, key);
        text(&mut variables, value);
    }
    let mut blocks = block(b"ArgL", &list);
    blocks.extend(block(b"EnvB", &variables));
    let mut head = (16 + blocks.len() as u32).to_le_bytes().to_vec();
    head.extend(3u32.to_le_bytes());
    let mut all = block(b"AppP", &head);
    all.extend(blocks);
    all
}

fn text(into: &mut Vec<u8>, text: &str) {
    into.extend((text.len() as u16).to_le_bytes());
    into.extend(text.bytes());
}

fn block(magic: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut block = magic.to_vec();
    block.extend((data.len() as u32).to_le_bytes());
    block.extend(data);
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_start_with_their_size_in_words() {
        let mut arguments = Arguments::new();
        arguments.names(["kernel", "log"].into_iter());
        let bytes = arguments.finish();
        assert_eq!(&bytes[..4], b"XArg");
        assert_eq!(bytes[8..12], (bytes.len() as u32 / 4).to_le_bytes());
        let names = bytes.len() - 28;
        assert_eq!(&bytes[names..][8..14], b"kernel");
        assert_eq!(&bytes[names..][24..27], b"log");
    }

    #[test]
    fn a_program_tells_its_parameters_as_exception_frames() {
        let mut arguments = Arguments::new();
        let before = arguments.0.len();
        arguments.program(&Image { entry: 0x1_0000, segments: Vec::new() }, Some(0xf0_0000));
        assert_eq!(arguments.0[before + 2..], [0, 0x1_0000, 0, 0x8f0_0000]);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let text = |length| "x".repeat(length);
        let variable = |key, value| vec![(text(key), text(value))];
        assert_eq!(Fit::of(&[text(65_535)], &variable(65_535, 65_535)), Fit::Fits);
        assert_eq!(Fit::of(&[text(1), text(65_536)], &[]), Fit::LongWord);
        for environment in [variable(65_536, 1), variable(1, 65_536)] {
            assert_eq!(Fit::of(&[], &environment), Fit::LongVariable);
        }
        assert_eq!(Fit::of(&vec![String::new(); 65_536], &[]), Fit::TooMany);
        assert_eq!(Fit::of(&[], &vec![(String::new(), String::new()); 65_536]), Fit::TooMany);
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let mut arguments = Arguments::new();
        let before = arguments.0.len();
        arguments.names([&*"\u{e4}".repeat(MAX_NAME + 1)].into_iter());
        assert_eq!(arguments.0[before + 3], 2 * MAX_NAME as u32);
    }

    #[test]
    fn parameters_hold_words_and_environment() {
        let block = parameters(&["a".into(), "bc".into()], &[("K".into(), "v".into())]);
        assert_eq!(block[..4], *b"AppP");
        assert_eq!(block[8..12], (block.len() as u32).to_le_bytes());
        assert_eq!(block[16..], *b"ArgL\x09\0\0\0\x02\0\x01\0a\x02\0bcEnvB\x08\0\0\0\x01\0\x01\0K\x01\0v");
    }
}
