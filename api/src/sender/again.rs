//! Over one connection after the other.

use std::io::{Read, Seek};
use std::time::Duration;

use super::{Progress, Sender, SenderError, Stored};
use crate::Websocket;
use crate::error::OpenError;

/// How often it is tried without a byte more in the database. The first wait; each is twice the last.
const TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// As long as a server may ask for.
const LONGEST_WAIT: u64 = 60;

pub(super) fn run<R: Read + Seek>(
    sender: &mut Sender<R>,
    mut open: impl FnMut() -> Result<Websocket, OpenError>,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<Stored, SenderError> {
    let mut tries = TRIES;
    loop {
        let stored = sender.stored;
        let result = match open() {
            Ok(ws) => {
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
        let has_begun = sender.token.is_some();
        let passes = error.is_transient()
            || has_begun && !matches!(error, SenderError::Open(OpenError::Refused { .. }));
        tries = match tries.checked_sub(1) {
            Some(left) if passes => left,
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

/// Until the next try.
fn wait(error: &SenderError, tried: u32) -> Duration {
    let own = FIRST_WAIT * (1 << tried.min(TRIES));
    let SenderError::Open(error) = error else { return own };
    let named = error.header("Retry-After").and_then(|seconds| seconds.parse().ok());
    named.map_or(own, |seconds: u64| Duration::from_secs(seconds.min(LONGEST_WAIT)).max(own))
}
