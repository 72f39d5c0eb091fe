//! Codecs of others.

mod embedded;
mod fast;
mod memory;
mod sockudo;
mod streams;
mod tokio_ws;
mod tung;

pub(crate) use memory::of_others as memory_of_others;

use super::codecs::Codec;

/// All of them.
pub(crate) const CODECS: [Codec; 5] =
    [fast::CODEC, sockudo::CODEC, tokio_ws::CODEC, tung::CODEC, embedded::CODEC];
