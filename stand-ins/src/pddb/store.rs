//! Where the keys are: in files on a PC, in memory on the device.

use super::Code;

/// Dicts and keys without the PDDB's rules. Names are checked before they come here.
pub(super) trait Store {
    fn dicts(&self) -> Result<Vec<String>, Code>;

    fn has_dict(&self, dict: &str) -> bool;

    /// Fails if it is there.
    fn create_dict(&mut self, dict: &str) -> Result<(), Code>;

    /// Fails if it is not there, or holds a key.
    fn delete_dict(&mut self, dict: &str) -> Result<(), Code>;

    fn keys(&self, dict: &str) -> Result<Vec<String>, Code>;

    /// Bytes of a key; `None` if it does not exist.
    fn length(&self, dict: &str, key: &str) -> Option<u64>;

    /// Makes an empty key; fails if it is there, or its dict is not.
    fn create(&mut self, dict: &str, key: &str) -> Result<(), Code>;

    fn truncate(&mut self, dict: &str, key: &str) -> Result<(), Code>;

    /// Fills the buffer from `position` on; less than that only at the end of the key.
    fn read(&self, dict: &str, key: &str, position: u64, buffer: &mut [u8]) -> Result<usize, Code>;

    /// Writes all of `data` at `position`; a gap in front of it is zeros.
    fn write(&mut self, dict: &str, key: &str, position: u64, data: &[u8]) -> Result<(), Code>;

    fn delete(&mut self, dict: &str, key: &str) -> Result<(), Code>;
}
