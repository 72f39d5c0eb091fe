//! Numbers of the PDDB's opcodes (`services/pddb/src/api.rs`). The file descriptor of the four that have one is in the
//! upper half of the message id.

/// Blocking scalar, answered with (0, 0) when a basis is open, and not before.
pub(super) const IS_MOUNTED: usize = 0;
/// Blocking scalar, answered with 1, or with an error code.
pub(super) const WRITE_KEY_FLUSH: usize = 18;
/// `basQ` -> `basR`: count, names.
pub(super) const LIST_BASIS: usize = 26;
/// `LiDQ` optional basis -> `LiDR`: count, names.
pub(super) const LIST_DICT: usize = 28;
/// `LiKQ` optional basis, dict -> `LiKR`: count, names.
pub(super) const LIST_KEY: usize = 29;
/// `KyOQ` path and how -> `KyOR`: descriptor, length.
pub(super) const OPEN_KEY: usize = 30;
/// `valid` bytes wanted -> `valid` bytes read.
pub(super) const READ_KEY: usize = 31;
/// `valid` bytes -> `valid` bytes written.
pub(super) const WRITE_KEY: usize = 32;
/// Scalar. Blocking, it would drop all descriptors of the process.
pub(super) const CLOSE_KEY: usize = 34;
/// `RmKQ` path.
pub(super) const DELETE_KEY: usize = 35;
/// Blocking scalar: kind, low and high word; answered with two words, or with one error code.
pub(super) const SEEK_KEY: usize = 39;
/// `NuDQ` path.
pub(super) const CREATE_DICT: usize = 40;
/// `RmDQ` path.
pub(super) const DELETE_DICT: usize = 41;

/// The message id of an operation on an open key.
pub(super) fn on(opcode: usize, descriptor: u16) -> usize {
    opcode | (usize::from(descriptor) << 16)
}
