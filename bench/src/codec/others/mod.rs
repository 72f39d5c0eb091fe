//! Codecs of others.

mod embedded;
mod fast;
mod sockudo;
mod streams;
mod tokio_ws;
mod tung;

use super::codecs::Codec;

/// All of them.
pub(crate) const CODECS: [Codec; 5] =
    [fast::CODEC, sockudo::CODEC, tokio_ws::CODEC, tung::CODEC, embedded::CODEC];
