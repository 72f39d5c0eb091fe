//! Sessions that may be resumed.

use std::collections::VecDeque;

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;

use crate::sync::Mutex;

/// How many servers are remembered. When they are full, the one that was not used for longest goes.
const SERVERS: usize = 4;

/// Keeps one session per server and version. Further tickets are forgotten (most servers send two). A session takes
/// about 300 bytes, a ticket and certificates. rustls takes up to 64 KiB of each, so only a few sessions are kept.
///
/// A session is only resumed with the same trust and identity that it was made with, which rustls compares.
#[derive(Debug)]
pub(super) struct Sessions(Mutex<VecDeque<Server>>);

#[derive(Debug)]
struct Server {
    name: ServerName<'static>,
    group: Option<NamedGroup>,
    tls12: Option<Tls12ClientSessionValue>,
    tls13: Option<Tls13ClientSessionValue>,
}

impl Sessions {
    pub(super) const fn new() -> Self {
        Sessions(Mutex::new(VecDeque::new()))
    }

    fn look<T>(&self, name: &ServerName<'_>, find: impl FnOnce(&mut Server) -> Option<T>) -> Option<T> {
        self.0.lock().iter_mut().find(|server| server.name == *name).and_then(find)
    }

    fn change(&self, name: ServerName<'static>, change: impl FnOnce(&mut Server)) {
        let mut servers = self.0.lock();
        let known = servers.iter().position(|server| server.name == name).and_then(|at| servers.remove(at));
        let mut server = known.unwrap_or(Server { name, group: None, tls12: None, tls13: None });
        change(&mut server);
        if servers.len() >= SERVERS {
            servers.pop_front();
        }
        servers.push_back(server);
    }
}

impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        self.change(name, |server| server.group = Some(group));
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        self.look(name, |server| server.group)
    }

    fn set_tls12_session(&self, name: ServerName<'static>, session: Tls12ClientSessionValue) {
        self.change(name, |server| server.tls12 = Some(session));
    }

    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.look(name, |server| server.tls12.clone())
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        self.look(name, |server| server.tls12.take());
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, session: Tls13ClientSessionValue) {
        self.change(name, |server| server.tls13 = Some(session));
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.look(name, |server| server.tls13.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_that_was_not_needed_for_longest_gives_way() {
        let sessions = Sessions::new();
        let name = |n: usize| ServerName::try_from(format!("host{n}.example")).unwrap();
        for n in 0..SERVERS {
            sessions.set_kx_hint(name(n), NamedGroup::X25519);
        }
        sessions.set_kx_hint(name(0), NamedGroup::secp256r1);
        sessions.set_kx_hint(name(SERVERS), NamedGroup::X25519);
        assert_eq!(sessions.kx_hint(&name(0)), Some(NamedGroup::secp256r1));
        assert_eq!(sessions.kx_hint(&name(1)), None);
        assert_eq!(sessions.0.lock().len(), SERVERS);
    }
}
