//! What those say who keep a sender waiting, for transfers that they have not looked at yet.

use super::protocol::{Answer, Command};

/// The transfer that a message is about, as its first piece says.
pub fn transfer_of(is_text: bool, first: &[u8]) -> Option<u32> {
    if is_text {
        return Command::parse(first).map(Command::id);
    }
    first.first_chunk().map(|id| u32::from_le_bytes(*id))
}

/// The answer that the database does not answer.
pub fn answer(id: u32) -> String {
    Answer::Waiting { id }.to_json()
}
