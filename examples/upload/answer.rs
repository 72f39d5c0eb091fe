//! What an upload route answers: a JSON object in a text message (docs/upload.md).

/// An answer about a transfer. Texts are as they came, without control characters; escapes stay what they are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted { token: Option<String> },
    Progress { bytes: u32 },
    Stored { sha256: String },
    Resumed { bytes: u32 },
    Refused { code: String, reason: String },
    Failed { reason: String },
}

impl Answer {
    /// The answer about the transfer `id`; `None` for everything else.
    pub(crate) fn parse(message: &str, id: u32) -> Option<Self> {
        let members = members(message)?;
        let member = |wanted| members.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
        let number = |name| member(name).and_then(|value| value.parse().ok());
        let text = |name| member(name).map(|value| value.replace(char::is_control, ""));
        let about = |kind| number(kind) == Some(id);
        if about("accepted") {
            Some(Answer::Accepted { token: text("token") })
        } else if about("progress") {
            Some(Answer::Progress { bytes: number("bytes")? })
        } else if about("stored") {
            Some(Answer::Stored { sha256: text("sha256")? })
        } else if about("resumed") {
            Some(Answer::Resumed { bytes: number("bytes")? })
        } else if about("refused") || member("refused") == Some("null") {
            Some(Answer::Refused { code: text("code")?, reason: text("reason")? })
        } else if about("failed") {
            Some(Answer::Failed { reason: text("reason")? })
        } else {
            None
        }
    }
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
