//! Benchmarks of the WebSocket service; `cargo xtask bench` builds and runs them.

mod codec;
mod raw;
mod report;
#[cfg(feature = "others")]
mod service;

use std::path::PathBuf;
use std::process::ExitCode;

/// Why something was not measured.
struct Failure(String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["instructions-inside", codecs] => {
            codec::instructions_inside(codecs.parse().unwrap_or_default());
            Ok(())
        }
        ["floor"] => service::serve_floor().map_err(|error| Failure(format!("{error:?}"))),
        ["program", port] => service::run_program(port.parse().unwrap_or_default()),
        ["service", ref against @ ..] => {
            service::tables(&against.iter().map(|s| s.to_string()).collect::<Vec<_>>())
                .map(|tables| tables.iter().for_each(|t| println!("{}", t.to_markdown())))
        }
        ["codec"] => codec::tables(&directory())
            .map(|tables| tables.iter().for_each(|t| println!("{}", t.to_markdown()))),
        ["codec", "--save"] => codec::save(&directory()).map(|_| ()),
        ["codec", "--check"] => codec::check(&directory()).map(|l| println!("{l:?}")),
        _ => Err(Failure("x".into())),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(text)) => {
            eprintln!("bench: {text}");
            ExitCode::FAILURE
        }
    }
}

fn directory() -> PathBuf {
    let d = hosted::target_directory().join("bench");
    std::fs::create_dir_all(&d).ok();
    d
}
