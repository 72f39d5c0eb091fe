//! Sends that are waited for, and sends that are reported.

use std::sync::Arc;

use crate::error::SendError;
use crate::link::Link;
use crate::link::options::SendOptions;
use crate::link::parts::{SEND_CHUNK, send_parts};
use crate::link::queue::Queued;
use crate::sync::lock;
use crate::{Code, Kind, Part, threads};

/// Sends a message as `options` say.
pub(crate) fn send(link: &Arc<Link>, kind: Kind, data: &[u8], options: SendOptions) -> Result<(), SendError> {
    match options.report_to {
        None => send_whole(link, kind, data, options.frame_size),
        Some(server) => enqueue(link, Queued { kind, data: data.to_vec(), len: data.len(), options, server }),
    }
}

fn enqueue(link: &Arc<Link>, message: Queued) -> Result<(), SendError> {
    let mut queue = lock(&link.queue);
    if queue.is_full() {
        return Err(SendError::Busy(Code::BusyQueue));
    }
    queue.push(message);
    if !queue.taken {
        let sender = link.clone();
        if threads::start(Box::new(move || send_queued(&sender))).is_err() {
            queue.take_back();
            return Err(SendError::Busy(Code::NoWorker));
        }
        queue.taken = true;
    }
    Ok(())
}

/// Sends what waits until nothing does.
fn send_queued(link: &Arc<Link>) {
    loop {
        let Some(first) = lock(&link.queue).first() else { return };
        let Queued { kind, data, len, options, server: (cid, opcode) } = first;
        let code = match send_whole(link, kind, &data, options.frame_size) {
            Ok(()) => 0,
            Err(SendError::Closed) => Code::Closed as usize,
            Err(SendError::Busy(code) | SendError::Refused(code)) => code as usize,
            Err(SendError::Kernel) => Code::Malformed as usize,
        };
        let handle = link.address().handle.to_raw() as usize;
        let report = xous::Message::new_scalar(opcode, options.tag, code, len, handle);
        lock(&link.queue).first_is_sent();
        // A server that is gone misses nothing.
        xous::send_message(cid, report).ok();
    }
}

/// Sends a whole message, in frames of at most `frame_size` bytes if it is not 0.
pub(crate) fn send_whole(link: &Link, kind: Kind, data: &[u8], frame_size: u32) -> Result<(), SendError> {
    let mut outgoing = link.outgoing()?;
    let pages = outgoing.pages(&link.sending)?;
    let most = match usize::try_from(frame_size) {
        Ok(0) | Err(_) => SEND_CHUNK,
        Ok(size) => size.min(SEND_CHUNK),
    };
    send_parts(link.address(), pages, kind, Part::Whole, data, most)
}

/// Sends `data` as `part`.
pub(crate) fn send_part(link: &Link, kind: Kind, part: Part, data: &[u8]) -> Result<(), SendError> {
    let mut outgoing = link.outgoing()?;
    send_parts(link.address(), outgoing.pages(&link.sending)?, kind, part, data, SEND_CHUNK)
}
