//! What an upload route answers: a JSON object in a text message (docs/upload.md).

use super::fault::is_not_now;

/// An answer about a transfer. Texts have no control characters.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Accepted { name: Option<String>, token: Option<String> },
    Progress { bytes: u32 },
    Waiting { reason: String },
    Stored { sha256: String },
    Resumed { bytes: u32 },
    Refused { code: String, reason: String, existing: Option<Existing> },
    Failed { code: String, reason: String },
}

/// The file that has the name already.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Existing {
    pub(super) length: u64,
    pub(super) sha256: Option<String>,
    pub(super) replaceable: bool,
}

/// A message that does not come from an upload route.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Foreign;

impl Answer {
    /// The answer about the transfer `id`; `None` for an answer about something else, or a kind of answer that came up
    /// later than this crate.
    pub(super) fn parse(message: &str, id: u32) -> Result<Option<Self>, Foreign> {
        let members = members(message).ok_or(Foreign)?;
        Ok(Self::of(&members, id))
    }

    /// Nothing more comes about the transfer, unless it is asked for again.
    pub(super) fn is_last(&self) -> bool {
        match self {
            Answer::Stored { .. } => true,
            Answer::Refused { code, .. } => code != "unknown" && !is_not_now(code),
            Answer::Failed { code, .. } => !is_not_now(code),
            _ => false,
        }
    }

    fn of(members: &[(&str, &str)], id: u32) -> Option<Self> {
        let member = |wanted| members.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
        let number = |name| member(name).and_then(|value| value.parse().ok());
        let text = |name| member(name).map(unescaped);
        let about = |kind| number(kind) == Some(id);
        if about("accepted") {
            Some(Answer::Accepted { name: text("name"), token: text("token") })
        } else if about("progress") {
            Some(Answer::Progress { bytes: number("bytes")? })
        } else if about("waiting") {
            Some(Answer::Waiting { reason: text("reason")? })
        } else if about("stored") {
            Some(Answer::Stored { sha256: text("sha256")? })
        } else if about("resumed") {
            Some(Answer::Resumed { bytes: number("bytes")? })
        } else if about("refused") || member("refused") == Some("null") {
            let length = member("length").and_then(|length| length.parse().ok());
            let replaceable = member("replaceable") == Some("true");
            let existing = length.map(|length| Existing { length, sha256: text("sha256"), replaceable });
            Some(Answer::Refused { code: text("code")?, reason: text("reason")?, existing })
        } else if about("failed") {
            Some(Answer::Failed { code: text("code")?, reason: text("reason")? })
        } else {
            None
        }
    }
}

/// A text without its escapes, as far as names and reasons have any, and without control characters.
fn unescaped(text: &str) -> String {
    let mut escaped = false;
    let is_kept = |c: &char| {
        escaped = *c == '\\' && !escaped;
        !escaped && !c.is_control()
    };
    text.chars().filter(is_kept).collect()
}

/// Names and values of an object whose values are numbers, strings and words.
fn members(object: &str) -> Option<Vec<(&str, &str)>> {
    let mut rest = object.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut members = Vec::new();
    loop {
        let (name, after) = string(rest)?;
        let after = after.trim_start().strip_prefix(':')?.trim_start();
        let (value, after) = match string(after) {
            Some(text) => text,
            None if after.starts_with('"') => return None,
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        members.push((name, value.trim_end()));
        match after.trim_start().strip_prefix(',') {
            Some(next) => rest = next,
            None => return Some(members),
        }
    }
}

/// What is between two quotes, and what follows.
fn string(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start().strip_prefix('"')?;
    let mut escaped = false;
    let end = text.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_and_what_is_none_is_told() {
        let text = |text: &str| text.to_owned();
        let existing = Existing { length: 1 << 33, sha256: Some(text("ab")), replaceable: true };
        for (message, answer) in [
            (
                r#"{"accepted":7,"name":"a \"b\" \\","length":1}"#,
                Answer::Accepted { name: Some(text(r#"a "b" \"#)), token: None },
            ),
            (r#" { "waiting" : 7 , "reason" : "It asks." } "#, Answer::Waiting { reason: text("It asks.") }),
            (r#"{"stored":7,"sha256":"ab"}"#, Answer::Stored { sha256: text("ab") }),
            (
                r#"{"refused":7,"code":"exists","reason":"r","length":8589934592,"sha256":"ab","replaceable":true}"#,
                Answer::Refused { code: text("exists"), reason: text("r"), existing: Some(existing) },
            ),
            (
                r#"{"refused":null,"code":"malformed","reason":"r"}"#,
                Answer::Refused { code: text("malformed"), reason: text("r"), existing: None },
            ),
        ] {
            assert_eq!(Answer::parse(message, 7), Ok(Some(answer)), "{message}");
        }
        for other in [r#"{"stored":8,"sha256":"ab"}"#, r#"{"news":7}"#, r#"{"progress":7}"#] {
            assert_eq!(Answer::parse(other, 7), Ok(None), "{other}");
        }
        for foreign in ["", "hello", "{", "{}", "[1]", r#"{"a"}"#, r#"{"a":"b}"#, "{\"\\"] {
            assert_eq!(Answer::parse(foreign, 7), Err(Foreign), "{foreign}");
        }
    }
}
