//! Certificates and keys of ports, loaded on workers: on the device a key alone takes up to a second, and what is in the
//! database longer.
//!
//! Who competes: programs that listen or renew. Full: they are refused (`NoWorker`), each by its own share.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use xous::PID;
use xous_api_websocket::{Code, ServerTls as Wanted};
use zeroize::Zeroizing;

use super::port::{Fingerprint, Port};
use super::shared::Shared;
use crate::net::{ServerTls, TlsError};
use crate::service::connection::tls_code;
use crate::service::limits::{LOADS, LOADS_PER_PROCESS, STORED_WAIT};
use crate::service::message::Lent;
use crate::sync::Mutex;

/// Which processes have something loaded.
#[derive(Default)]
pub(crate) struct Loads {
    underway: Arc<Mutex<Vec<PID>>>,
}

/// A place among those who load, given back on drop: before the answer, as who has it may ask again at once.
pub(crate) struct Load {
    underway: Arc<Mutex<Vec<PID>>>,
    process: PID,
}

impl Loads {
    /// Has a worker do what `page` asks for, or refuses it.
    pub(crate) fn run(
        &self,
        shared: &Shared,
        process: PID,
        mut page: Lent,
        job: impl FnOnce(Lent, Load) + Send + 'static,
    ) {
        page.answer_on_drop(Code::NoWorker as usize);
        let Some(load) = self.begin(process) else { return };
        shared.pool.try_spawn(move || job(page, load));
    }

    /// The last place is for a process that has none.
    fn begin(&self, process: PID) -> Option<Load> {
        let mut underway = self.underway.lock();
        let own = underway.iter().filter(|&&other| other == process).count();
        let most = if own == 0 { LOADS } else { LOADS - 1 };
        if own >= LOADS_PER_PROCESS || underway.len() >= most {
            return None;
        }
        underway.push(process);
        Some(Load { underway: self.underway.clone(), process })
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let mut underway = self.underway.lock();
        if let Some(at) = underway.iter().position(|&process| process == self.process) {
            underway.swap_remove(at);
        }
    }
}

/// Loads a certificate and its key. Waits for the PDDB if they are there.
pub(crate) fn load(wanted: &Wanted<'_>, shared: &Shared) -> Result<(ServerTls, Fingerprint), TlsError> {
    let tls = ServerTls::new(wanted, &shared.pddb, STORED_WAIT)?;
    let mut encoded = Zeroizing::new(vec![0; wanted.encoded_len()]);
    let len = wanted.write(&mut encoded).unwrap_or(encoded.len());
    let fingerprint = Sha256::digest(encoded.get(..len).unwrap_or_default());
    Ok((tls, fingerprint.into()))
}

/// Says in the log that a port's certificate expires soon, at most once a day.
pub(crate) fn warn_of_expiry(port: &Port) {
    if let Some(warning) = port.expiry_warning() {
        log::warn!("{warning}");
    }
}

/// Gives a port another certificate; the code that says how that went.
pub(crate) fn renew(port: &Port, page: &Lent, shared: &Shared, turn: u32) -> usize {
    let Some(wanted) = page.data().and_then(Wanted::parse) else { return Code::Malformed as usize };
    match load(&wanted, shared) {
        Ok((tls, fingerprint)) => {
            port.renew(tls, fingerprint, turn);
            warn_of_expiry(port);
            0
        }
        Err(error) => {
            log::warn!("port {} keeps its certificate: {error}", port.number());
            tls_code::code(&error) as usize
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_place_is_for_a_process_that_has_none() {
        let loads = Loads::default();
        let process = |number| PID::new(number).unwrap();
        let held: Vec<_> = (1..=LOADS as u8)
            .flat_map(|number| [process(number), process(number)])
            .filter_map(|process| loads.begin(process))
            .collect();
        assert_eq!(held.len(), LOADS);
        assert!(loads.begin(process(99)).is_none());
        drop(held);
        let held: Vec<_> = std::iter::from_fn(|| loads.begin(process(1))).collect();
        assert_eq!(held.len(), LOADS_PER_PROCESS);
        assert!(loads.begin(process(2)).is_some());
    }
}
