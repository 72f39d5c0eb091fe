//! Time server stand-in: the time of day, which `SystemTime::now` asks for. In xous-core it is a thread of `dns`.

use std::convert::Infallible;

use xous::{CID, Message, Result as Answer, SID};

/// The server's well-known address.
const ADDRESS: &[u8; 16] = b"timeserverpublic";
/// `GetUtcTimeMs`, a blocking scalar: answered by milliseconds since 1970, lower and upper half.
const UTC_TIME_MS: usize = 3;
/// The ticktimer's address, and its milliseconds since the start.
const TICKTIMER: &[u8; 16] = b"ticktimer-server";
const ELAPSED_MS: usize = 0;

/// The time at which the machine was started, if nothing else is said: 28 November 2026, 00:00 UTC.
const START: u64 = 1_795_824_000_000;

/// Serves until the process is killed.
pub(crate) fn serve() -> Result<Infallible, xous::Error> {
    let start = match std::env::args().nth(2) {
        None => START,
        Some(word) => word.parse().map_err(|error| {
            eprintln!("timeserver: {word}: {error}");
            xous::Error::InvalidString
        })?,
    };
    let ticktimer = xous::connect(SID::from_bytes(TICKTIMER).ok_or(xous::Error::InternalError)?)?;
    let server = xous::create_server_with_address(ADDRESS)?;
    loop {
        let envelope = xous::receive_message(server)?;
        if let Message::BlockingScalar(request) = &envelope.body {
            let answered = match elapsed(ticktimer) {
                Some(elapsed) if request.id == UTC_TIME_MS => {
                    let now = start.wrapping_add(elapsed);
                    xous::return_scalar2(envelope.sender, now as usize, (now >> 32) as usize)
                }
                _ => xous::return_scalar(envelope.sender, 0),
            };
            answered.ok();
        }
    }
}

/// Milliseconds since the start.
fn elapsed(ticktimer: CID) -> Option<u64> {
    match xous::send_message(ticktimer, Message::new_blocking_scalar(ELAPSED_MS, 0, 0, 0, 0)) {
        Ok(Answer::Scalar2(low, high)) => Some((high as u64) << 32 | low as u64),
        _ => None,
    }
}
