//! `--send`: one message after the other's reply, with the times.

use std::time::{Duration, Instant};

use xous_api_websocket::error::{Closed, ExchangeError, ReceiveError, SendError};
use xous_api_websocket::{CloseCode, Kind, Websocket};

use crate::Failure;
use crate::arguments::Arguments;
use crate::connect::Opener;
use crate::output::{Beside, Output};

/// How long a reply is waited for. A server that does not echo would be waited for without end.
const REPLY: Duration = Duration::from_secs(10);
/// The longest reply that is timed, bytes.
const MAX_REPLY: usize = 1 << 20;

pub(crate) fn run(
    arguments: &Arguments,
    output: &Output,
    mut opener: Opener<'_>,
    data: &[u8],
) -> Result<(), Failure> {
    let sleep = |time| {
        std::thread::sleep(time);
        true
    };
    let Some(mut ws) = opener.open(sleep)? else { return Ok(()) };
    let (count, mut times) = (arguments.count.unwrap_or(1), Vec::new());
    while (times.len() as u64) < count {
        match exchange(&ws, arguments.kind(), data, output) {
            Ok(time) => times.push(time),
            Err(Failure::Closed(closed)) => match opener.open_again(&closed, sleep)? {
                Some(again) => ws = again,
                None => {
                    output.closed(None, &closed, false);
                    return Err(Failure::Closed(closed));
                }
            },
            Err(other) => {
                ws.close(CloseCode::NORMAL, "").ok();
                return Err(other);
            }
        }
    }
    let code = ws.close(CloseCode::NORMAL, "").map_err(|error| format!("close: {error}"))?;
    output.closed(None, &Closed::new(code, ""), true);
    output.times(&mut times);
    Ok(())
}

/// Sends `data`, prints the reply and returns how long it took.
fn exchange(ws: &Websocket, kind: Kind, data: &[u8], output: &Output) -> Result<Duration, Failure> {
    let start = Instant::now();
    let failed = |error| match error {
        ReceiveError::NothingCame => format!("no reply within {} s", REPLY.as_secs()).into(),
        error => Failure::of_receive(error),
    };
    let message = match ws.exchange_for(kind, data, REPLY) {
        Ok(message) => message,
        // How it ended is heard so.
        Err(ExchangeError::NotSent(SendError::Closed)) => ws.receive_for(REPLY).map_err(failed)?,
        Err(ExchangeError::NotReceived(error)) => return Err(failed(error)),
        Err(error) => return Err(Failure::Other(format!("send: {error}"))),
    };
    let (kind, reply) = (message.kind(), message.into_bytes(MAX_REPLY).map_err(failed)?);
    let time = start.elapsed();
    output.message(kind, &mut &reply[..], Beside { time: Some(time), peer: None })?;
    Ok(time)
}
