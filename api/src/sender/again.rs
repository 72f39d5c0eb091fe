//! Over one connection after the other.

use std::io::{Read, Seek};
use std::time::Duration;

use super::{Progress, Sender, SenderError, Stored};
use crate::error::OpenError;
use crate::{Code, Websocket};

/// How often it is tried without a byte more in the database. The first wait; each is twice the last.
const TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait that a server may ask for, in seconds.
const MAX_WAIT: u64 = 60;

pub(super) fn run<R: Read + Seek>(
    sender: &mut Sender<R>,
    mut open: impl FnMut() -> Result<Websocket, OpenError>,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<Stored, SenderError> {
    let (mut tries, mut has_opened) = (TRIES, false);
    loop {
        let stored = sender.stored;
        let result = match open() {
            Ok(ws) => {
                has_opened = true;
                let result = super::exchange::run(sender, &ws, tell);
                ws.close(1000, "").ok();
                result
            }
            Err(error) => Err(SenderError::Open(error)),
        };
        let error = match result {
            Err(error @ (SenderError::Lost(_) | SenderError::Open(_))) => error,
            done => return done,
        };
        if sender.stored > stored {
            tries = TRIES;
        }
        tries = match tries.checked_sub(1) {
            Some(left) if passes(&error, has_opened) => left,
            _ => return Err(error),
        };
        let text = match &error {
            SenderError::Lost(why) => why.clone(),
            error => error.to_string(),
        };
        tell(Progress::Lost(&text));
        std::thread::sleep(wait(&error, TRIES - 1 - tries));
    }
}

/// Whether another try may do better. Where nobody has answered yet, the address may be wrong: only a server or a service
/// that says so is asked again.
fn passes(error: &SenderError, has_opened: bool) -> bool {
    match error {
        SenderError::Open(OpenError::Refused { .. }) => error.is_transient(),
        SenderError::Open(OpenError::Failed { code, .. }) if !has_opened => {
            matches!(code, Code::BusyMessages | Code::BusyService | Code::NoWorker)
        }
        SenderError::Open(OpenError::Request(_)) => false,
        SenderError::Open(_) => has_opened,
        error => error.is_transient(),
    }
}

/// Until the next try.
fn wait(error: &SenderError, tried: u32) -> Duration {
    let own = FIRST_WAIT * (1 << tried.min(TRIES));
    let SenderError::Open(error) = error else { return own };
    let named = error.header("Retry-After").and_then(|seconds| seconds.parse().ok());
    named.map_or(own, |seconds: u64| Duration::from_secs(seconds.min(MAX_WAIT)).max(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, lines: &str) -> SenderError {
        let head = format!("HTTP/1.1 {status} X\r\n{lines}\r\n").into_bytes();
        SenderError::Open(OpenError::Refused { status, text: String::new(), head, body: Vec::new() })
    }

    #[test]
    fn a_temporary_refusal_is_no_answer() {
        assert!(passes(&refused(503, ""), false) && passes(&refused(429, ""), true));
        assert!(!passes(&refused(404, ""), false) && !passes(&refused(401, ""), true));
        let failed = |code| SenderError::Open(OpenError::code(code));
        assert!(passes(&failed(Code::NoWorker), false));
        assert!(!passes(&failed(Code::Connect), false), "the address may be wrong");
        assert!(passes(&failed(Code::Connect), true), "it was there before");
        assert!(passes(&SenderError::Lost(String::new()), true));
    }

    #[test]
    fn a_server_is_asked_again_when_it_says() {
        let seconds = |error: &SenderError, tried| wait(error, tried).as_secs();
        assert_eq!([0, 1, 2].map(|tried| seconds(&SenderError::Lost(String::new()), tried)), [1, 2, 4]);
        assert_eq!(seconds(&refused(503, "Retry-After: 10\r\n"), 0), 10);
        assert_eq!(seconds(&refused(503, "Retry-After: 1\r\n"), 3), 8, "not sooner than without it");
        assert_eq!(seconds(&refused(503, "Retry-After: 99999999\r\n"), 0), 60);
        assert_eq!(seconds(&refused(503, "Retry-After: Sat, 28 Nov 2026 12:00:00 GMT\r\n"), 0), 1);
    }
}
