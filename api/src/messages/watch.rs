//! The thread that sends what is queued when it has waited for too long.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{QueueError, SendError};
use crate::link::Link;
use crate::link::outgoing::Outgoing;
use crate::sync::lock;
use crate::{Code, threads};

/// What waits on a connection that is lost is not tried more often: it is opened again after seconds at the soonest, as a rule.
const WHILE_LOST: Duration = Duration::from_secs(1);

/// Has a thread send what waits in `outgoing`, the link's, when it has waited for the longest time.
pub(crate) fn begin(link: &Arc<Link>, outgoing: &mut Outgoing) -> Result<(), QueueError> {
    let watched = link.clone();
    threads::start(Box::new(move || watch(&watched)))
        .map_err(|_| QueueError::NotSent(SendError::Busy(Code::NoWorker)))?;
    outgoing.watched = true;
    Ok(())
}

/// Waits for that time, or until nobody holds the connection any more, and sends what waits. The time counts from here: what
/// came meanwhile has waited for less and goes with it, so that no message has to be told the time. While the connection is
/// opened again it tries again: nobody else may send behind that.
fn watch(link: &Link) {
    let mut outgoing = lock(&link.outgoing);
    let (mut since, mut least) = (Instant::now(), Duration::ZERO);
    // Without a time, what waits is left to the next call that sends.
    while let Some(longest) = outgoing.longest {
        outgoing.is_other = false;
        let rest = longest.max(least).saturating_sub(since.elapsed());
        if !rest.is_zero() {
            let woken = link.sending.given_up.wait_timeout(outgoing, rest);
            outgoing = woken.unwrap_or_else(PoisonError::into_inner).0;
            if outgoing.is_other {
                continue;
            }
        }
        // What else is refused for now goes out with the next message.
        if outgoing.settle(&link.sending) != Err(SendError::Refused(Code::Reconnecting)) {
            break;
        }
        (since, least) = (Instant::now(), WHILE_LOST);
    }
    outgoing.watched = false;
}
