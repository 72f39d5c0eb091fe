//! Printing for readers who may go, as in `cargo xtask device | head -1`: std's macros of these names panic then.

use std::fmt::Arguments;
use std::io::Write;

/// Writes to a stream of the process, as far as somebody reads it.
pub(crate) fn write(mut stream: impl Write, text: Arguments<'_>) {
    stream.write_fmt(text).ok();
}

macro_rules! print {
    ($($text:tt)*) => { $crate::printing::write(::std::io::stdout(), format_args!($($text)*)) };
}

macro_rules! println {
    ($($text:tt)*) => { print!("{}\n", format_args!($($text)*)) };
}

macro_rules! eprint {
    ($($text:tt)*) => { $crate::printing::write(::std::io::stderr(), format_args!($($text)*)) };
}

macro_rules! eprintln {
    ($($text:tt)*) => { eprint!("{}\n", format_args!($($text)*)) };
}
