//! `--send`: one message after the other's reply, with the times.

use std::time::{Duration, Instant};

use xous_api_websocket::error::{Closed, ExchangeError, ReceiveError, SendError};
use xous_api_websocket::{CloseCode, Code, Kind, Websocket};

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
    opener: &Opener<'_>,
    data: &[u8],
) -> Result<(), Failure> {
    let (ws, mut is_open) = opener.open()?;
    let (count, mut times) = (arguments.count.unwrap_or(1), Vec::new());
    while (times.len() as u64) < count {
        let done = match is_open {
            true => exchange(&ws, arguments.kind(), data, output),
            false => await_open(&ws, opener).map(|()| None),
        };
        let time = done.inspect_err(|failure| match failure {
            Failure::Closed(closed) => output.closed(None, closed, false),
            _ => drop(ws.close(CloseCode::NORMAL, "")),
        })?;
        is_open = !is_open || time.is_some();
        times.extend(time);
    }
    let code = ws.close(CloseCode::NORMAL, "").map_err(|error| format!("close: {error}"))?;
    output.closed(None, &Closed::new(code, ""), true);
    output.times(&mut times);
    Ok(())
}

/// Waits until the connection is open again. What the peer said meanwhile answers nothing.
///
/// # Errors
/// It has ended for good.
fn await_open(ws: &Websocket, opener: &Opener<'_>) -> Result<(), Failure> {
    loop {
        let event = ws.receive_event().map_err(Failure::of_receive)?;
        if opener.told(&event) == Some(true) {
            return Ok(());
        }
    }
}

/// Sends `data`, prints the reply and returns how long it took; `None` if the connection is lost, or closed before
/// anything was sent, which is heard next.
fn exchange(ws: &Websocket, kind: Kind, data: &[u8], output: &Output) -> Result<Option<Duration>, Failure> {
    let start = Instant::now();
    let received = ws
        .exchange_for(kind, data, REPLY)
        .and_then(|message| Ok((message.kind(), message.into_bytes(MAX_REPLY)?)));
    let (kind, reply) = match received {
        Ok(received) => received,
        Err(ExchangeError::NotSent(SendError::Closed | SendError::Refused(Code::Reconnecting))) => {
            return Ok(None);
        }
        Err(ExchangeError::NotSent(error)) => return Err(Failure::Other(format!("send: {error}"))),
        Err(ExchangeError::NotReceived(error)) => match error {
            ReceiveError::Reconnecting | ReceiveError::CutOff => return Ok(None),
            ReceiveError::NothingCame => {
                return Err(Failure::Other(format!("no reply within {} s", REPLY.as_secs())));
            }
            error => return Err(Failure::of_receive(error)),
        },
        Err(error) => return Err(Failure::Other(error.to_string())),
    };
    let time = start.elapsed();
    output.message(kind, &mut &reply[..], Beside { time: Some(time), peer: None })?;
    Ok(Some(time))
}
