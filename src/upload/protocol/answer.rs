//! The answers to the sender: text messages, one JSON object each.

use std::fmt::{Display, Write};

use super::fault::Fault;
use super::json::{hex, push_string};

/// An answer about the transfer `id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer<'a> {
    /// It goes on; with a token it can be resumed.
    Accepted { id: u32, name: &'a str, length: u32, token: Option<&'a Token> },
    /// This many bytes are in the store.
    Progress { id: u32, bytes: u32, length: u32 },
    /// The store does not answer. Whatever is said next about it ends that.
    Waiting { id: u32 },
    /// It goes on behind this many bytes.
    Resumed { id: u32, bytes: u32, length: u32 },
    /// The file is there.
    Stored { id: u32, name: &'a str, length: u32, sha256: &'a [u8; 32] },
    /// It does not begin, or does not go on.
    Refused { id: Option<u32>, fault: Fault },
    /// It does not begin because of its name.
    BadName { id: u32, why: &'a str },
    /// It does not begin, as there is a file of its name: with this length and, where it is known, this digest. It may
    /// be replaced by who does not ask to keep it.
    Exists { id: u32, length: u64, sha256: Option<&'a [u8; 32]>, replaceable: bool },
    /// It is over, and the file is not there.
    Failed { id: u32, fault: Fault },
}

/// What people read who wait for the store.
const WAITING: &str = "The database does not answer. It may be asking its user for more room.";

/// A random number. A sender that knows it may go on with the transfer.
pub type Token = [u8; 16];

impl Answer<'_> {
    /// The message.
    pub(crate) fn to_json(self) -> String {
        let mut json = String::with_capacity(160);
        match self {
            Answer::Accepted { id, name, length, token } => {
                number(&mut json, "{\"accepted\":", id);
                text(&mut json, ",\"name\":", name);
                number(&mut json, ",\"length\":", length);
                if let Some(token) = token {
                    text(&mut json, ",\"token\":", &hex(token));
                }
            }
            Answer::Progress { id, bytes, length } => so_far(&mut json, "{\"progress\":", id, bytes, length),
            Answer::Waiting { id } => {
                number(&mut json, "{\"waiting\":", id);
                text(&mut json, ",\"reason\":", WAITING);
            }
            Answer::Resumed { id, bytes, length } => so_far(&mut json, "{\"resumed\":", id, bytes, length),
            Answer::Stored { id, name, length, sha256 } => {
                number(&mut json, "{\"stored\":", id);
                text(&mut json, ",\"name\":", name);
                number(&mut json, ",\"length\":", length);
                text(&mut json, ",\"sha256\":", &hex(sha256));
            }
            Answer::Refused { id, fault } => {
                match id {
                    Some(id) => number(&mut json, "{\"refused\":", id),
                    None => json.push_str("{\"refused\":null"),
                }
                why(&mut json, fault);
            }
            Answer::BadName { id, why } => {
                number(&mut json, "{\"refused\":", id);
                code_and_reason(&mut json, Fault::BadName, why);
            }
            Answer::Exists { id, length, sha256, replaceable } => {
                number(&mut json, "{\"refused\":", id);
                why(&mut json, Fault::Exists);
                number(&mut json, ",\"length\":", length);
                if let Some(sha256) = sha256 {
                    text(&mut json, ",\"sha256\":", &hex(sha256));
                }
                if replaceable {
                    json.push_str(",\"replaceable\":true");
                }
            }
            Answer::Failed { id, fault } => {
                number(&mut json, "{\"failed\":", id);
                why(&mut json, fault);
            }
        }
        json.push('}');
        json
    }
}

fn so_far(json: &mut String, key: &str, id: u32, bytes: u32, length: u32) {
    number(json, key, id);
    number(json, ",\"bytes\":", bytes);
    number(json, ",\"length\":", length);
}

fn why(json: &mut String, fault: Fault) {
    code_and_reason(json, fault, fault.reason());
}

fn code_and_reason(json: &mut String, fault: Fault, reason: &str) {
    text(json, ",\"code\":", fault.code());
    text(json, ",\"reason\":", reason);
}

fn number(json: &mut String, key: &str, value: impl Display) {
    // Writing to a String does not fail.
    let _ = write!(json, "{key}{value}");
}

fn text(json: &mut String, key: &str, value: &str) {
    json.push_str(key);
    push_string(json, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_json_objects() {
        let token = [0xab; 16];
        let answers = [
            (
                Answer::Accepted { id: 7, name: "a \"b\".txt", length: 12, token: Some(&token) },
                r#"{"accepted":7,"name":"a \"b\".txt","length":12,"token":"abababababababababababababababab"}"#,
            ),
            (
                Answer::Accepted { id: 0, name: "\u{1}\\", length: 0, token: None },
                r#"{"accepted":0,"name":"\u0001\\","length":0}"#,
            ),
            (Answer::Progress { id: 7, bytes: 5, length: 12 }, r#"{"progress":7,"bytes":5,"length":12}"#),
            (
                Answer::Waiting { id: 7 },
                r#"{"waiting":7,"reason":"The database does not answer. It may be asking its user for more room."}"#,
            ),
            (Answer::Resumed { id: 7, bytes: 5, length: 12 }, r#"{"resumed":7,"bytes":5,"length":12}"#),
            (
                Answer::Refused { id: None, fault: Fault::Malformed },
                r#"{"refused":null,"code":"malformed","reason":"The message does not follow the protocol."}"#,
            ),
            (
                Answer::Failed { id: u32::MAX, fault: Fault::Full },
                r#"{"failed":4294967295,"code":"full","reason":"The database is full."}"#,
            ),
        ];
        let exists = Answer::Exists { id: 3, length: 1 << 33, sha256: None, replaceable: true };
        let told = r#"{"refused":3,"code":"exists","reason":"A file of this name exists.","length":8589934592,"replaceable":true}"#;
        assert_eq!(exists.to_json(), told);
        for (answer, json) in answers {
            assert_eq!(answer.to_json(), json);
        }
        let stored = Answer::Stored { id: 1, name: "x", length: 0, sha256: &[0x0f; 32] }.to_json();
        assert_eq!(stored, format!(r#"{{"stored":1,"name":"x","length":0,"sha256":"{}"}}"#, "0f".repeat(32)));
    }
}
