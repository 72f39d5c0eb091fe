//! The programs that a measurement starts: this same program, called with one of these words.

use crate::{Failure, codec};

/// Runs as one of them; `None` if `words` do not ask for that.
pub(crate) fn run(words: &[&str]) -> Option<Result<(), Failure>> {
    match words {
        ["instructions-inside", codecs] => Some(number(codecs).map(codec::instructions_inside)),
        _ => in_system(words),
    }
}

#[cfg(feature = "others")]
fn in_system(words: &[&str]) -> Option<Result<(), Failure>> {
    use crate::service;
    match words {
        ["floor"] => {
            Some(service::serve_floor().map_err(|error| Failure(format!("the floor cannot run: {error:?}"))))
        }
        ["program", port] => Some(number(port).and_then(service::run_program)),
        ["store", port] => Some(number(port).and_then(service::run_storer)),
        ["serve-counted", port] => Some(number(port).and_then(service::serve_counted)),
        ["relay", port, program @ ..] => {
            Some(number(port).and_then(|port| service::run_relay(port, program)))
        }
        _ => None,
    }
}

#[cfg(not(feature = "others"))]
fn in_system(_: &[&str]) -> Option<Result<(), Failure>> {
    None
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, Failure> {
    word.parse().map_err(|_| Failure(format!("'{word}' is not a number")))
}
