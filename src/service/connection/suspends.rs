//! What the device's suspend server tells (xous-core, `services/xous-susres`), and what becomes of connections then.
//!
//! The service has nothing to prepare: it is ready as soon as it is told. Clocks stand still while the device sleeps, so a
//! time that begins when a suspend is announced is over soon after the device has woken, and no thread waits for that. Then
//! every peer is asked whether it is still there that is asked at all, and who waits to open a connection again does so.
//!
//! Who competes: workers, of which one subscribes; the server thread, which is told; the timer. Where there is no such
//! server, as in hosted mode, it is looked for three times, and that is all.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use xous::{Message, SID};
use xous_api_names::XousNames;
use xous_api_websocket::wire::{PAGE_SIZE, Pages};

use super::connection::Connection;
use super::table::Table;
use crate::entropy;
use crate::service::thread::{Timer, Wake};
use crate::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};

const NAME: &str = "_Suspend/resume manager_";
/// Opcodes of `api/xous-api-susres/src/api.rs`.
const SUBSCRIBE: usize = 3;
const READY: usize = 4;
/// The last of `SuspendOrder`: as little time as can be is between the word and the suspend.
const LAST: u8 = 4;
/// The size of a `ScalarHook`, which rkyv 0.8 archives as it is, and its alignment.
const HOOK: usize = 28;
/// The last ones are ready within this time, and `net` has looked at its link a second after the device has woken.
const SETTLED: Duration = Duration::from_secs(2);
/// The server takes no message at this moment: tried again after this time, so often. A suspend is given up after 5 s.
const AGAIN: Duration = Duration::from_millis(10);
const TRIES: u32 = 500;
/// How many connections look for the server.
const LOOKS: u32 = 3;

/// What is waited for.
const CHECK: usize = 0;
const TELL: usize = 1;

/// Of the service process; none in-process.
static SUSPENDS: OnceLock<Arc<Suspends>> = OnceLock::new();

struct Suspends {
    sid: SID,
    table: Arc<Table>,
    timer: Arc<Timer>,
    /// How many connections may still look for the server. 0 while one does.
    looks: AtomicU32,
    subscription: OnceLock<Subscription>,
    /// As it was told last.
    token: AtomicUsize,
    tries: AtomicU32,
}

struct Subscription {
    cid: xous::CID,
    /// The connection and the opcode to which the server has the word passed on: two random numbers, which nobody else
    /// knows: with them anybody could say that the device suspends.
    secret: [u32; 2],
    /// Kept, as std uses the same connection to the name server, and the last drop would close it.
    _names: XousNames,
}

/// Has the connections of the service checked when the device has slept.
pub(crate) fn serve(sid: SID, table: Arc<Table>, timer: Arc<Timer>) {
    let suspends = Suspends {
        sid,
        table,
        timer,
        looks: AtomicU32::new(LOOKS),
        subscription: OnceLock::new(),
        token: AtomicUsize::new(0),
        tries: AtomicU32::new(0),
    };
    SUSPENDS.set(Arc::new(suspends)).ok();
}

/// There is a connection: the server is to tell of suspends, if it does not yet. May wait for it.
pub(super) fn subscribe() {
    let Some(suspends) = SUSPENDS.get() else { return };
    if suspends.looks.load(SeqCst) == 0 {
        return;
    }
    let looks = suspends.looks.swap(0, SeqCst);
    if looks > 0 && suspends.subscribe().is_none() {
        suspends.looks.store(looks - 1, SeqCst);
    }
}

/// A scalar has come that is no request, with these arguments. `false` if it is no word of a suspend.
pub(crate) fn told([cid, opcode, token, _]: [usize; 4]) -> bool {
    let Some(suspends) = SUSPENDS.get() else { return false };
    let is_told =
        |subscription: &Subscription| subscription.secret.map(|word| word as usize) == [cid, opcode];
    if !suspends.subscription.get().is_some_and(is_told) {
        return false;
    }
    suspends.token.store(token, SeqCst);
    suspends.tries.store(TRIES, SeqCst);
    suspends.is_ready();
    suspends.timer.disarm(&suspends.weak(), Some(CHECK));
    suspends.timer.arm(suspends.weak(), CHECK, SETTLED);
    true
}

impl Suspends {
    /// `None` if there is no server.
    fn subscribe(&self) -> Option<()> {
        let names = XousNames::new().ok()?;
        let cid = names.request_connection(NAME).ok()?;
        let mut random = [0; 8];
        entropy::fill(&mut random).ok()?;
        let [a, b, c, d, e, f, g, h] = random;
        let secret = [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])];
        // Before the server knows of it, which may tell at once.
        self.subscription.set(Subscription { cid, secret, _names: names }).ok()?;
        let mut page = Pages::new(PAGE_SIZE);
        page.fill(&hook(self.sid, secret));
        page.lend(cid, SUBSCRIBE, HOOK, PAGE_SIZE).ok()?;
        Some(())
    }

    /// The device may be suspended. Must not wait.
    fn is_ready(self: &Arc<Self>) {
        let Some(subscription) = self.subscription.get() else { return };
        let ready = Message::new_scalar(READY, self.token.load(SeqCst), 0, 0, 0);
        let is_full = xous::try_send_message(subscription.cid, ready) == Err(xous::Error::ServerQueueFull);
        let left = self.tries.load(SeqCst);
        if is_full && left > 0 {
            self.tries.store(left - 1, SeqCst);
            self.timer.arm(self.weak(), TELL, AGAIN);
        }
    }

    fn weak(self: &Arc<Self>) -> Weak<dyn Wake> {
        let weak: Weak<Self> = Arc::downgrade(self);
        weak
    }
}

impl Wake for Suspends {
    fn wake(self: Arc<Self>, kind: usize, _timer: &Timer) {
        match kind {
            TELL => self.is_ready(),
            _ => self.table.all(|_| true).iter().for_each(Connection::resume),
        }
    }
}

/// A `ScalarHook`: server, opcode, connection, order.
fn hook(sid: SID, [cid, opcode]: [u32; 2]) -> [u8; HOOK] {
    let (s0, s1, s2, s3) = sid.to_u32();
    let mut hook = [0; HOOK];
    let (words, _) = hook.as_chunks_mut::<4>();
    words.iter_mut().zip([s0, s1, s2, s3, opcode, cid]).for_each(|(place, word)| *place = word.to_le_bytes());
    if let Some([order, ..]) = words.last_mut() {
        *order = LAST;
    }
    hook
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As in `api/xous-api-susres/src/api.rs`.
    #[derive(rkyv::Archive, rkyv::Serialize)]
    struct ScalarHook {
        sid: (u32, u32, u32, u32),
        id: u32,
        cid: xous::CID,
        order: SuspendOrder,
    }

    #[derive(rkyv::Archive, rkyv::Serialize)]
    #[expect(dead_code, reason = "the last one counts")]
    enum SuspendOrder {
        Early,
        Normal,
        Late,
        Later,
        Last,
    }

    #[test]
    fn a_subscription_is_laid_out_as_the_server_reads_it() {
        let subscription =
            ScalarHook { sid: (1, 2, 3, 0xffff_fff4), id: 5, cid: 6, order: SuspendOrder::Last };
        let bytes = rkyv::to_bytes::<rkyv::rancor::Error>(&subscription).unwrap();
        assert_eq!(hook(SID::from_u32(1, 2, 3, 0xffff_fff4), [6, 5]), bytes[..]);
    }
}
