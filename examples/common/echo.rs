//! Sends back what comes in.

use std::error::Error;

use xous_api_websocket::{Kind, Part, ReceiveError, Websocket};

/// Sends every message back until the connection has ended, chunk by chunk: a message may be of any size. `first` sees
/// the first chunk of each.
pub(crate) fn echo(ws: &Websocket, mut first: impl FnMut(Kind, &[u8])) -> Result<(), Box<dyn Error>> {
    loop {
        let mut message = match ws.receive() {
            Ok(message) => message,
            Err(ReceiveError::Closed(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let kind = message.kind();
        first(kind, message.chunk()?);
        let mut begins = true;
        loop {
            let len = message.chunk()?.len();
            let ends = message.is_last();
            let part = match (begins, ends) {
                (true, true) => Part::Whole,
                (true, false) => Part::First,
                (false, false) => Part::Middle,
                (false, true) => Part::Last,
            };
            ws.send_fragment(kind, part, message.chunk()?)?;
            message.consume(len);
            if ends {
                break;
            }
            begins = false;
        }
    }
}
