//! The table of the name server: who is registered under which name, and how often connected.

use std::collections::HashMap;

use xous::SID;

/// Longest name in bytes. The real name server keeps names in 64 bytes and stops at one that fills them.
pub(super) const NAME_MAX: usize = 63;

/// A name that the table takes: UTF-8 of 1 to [`NAME_MAX`] bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name(String);

impl Name {
    /// `None` for an empty name and for one that is too long.
    pub(super) fn new(name: &str) -> Option<Self> {
        (1..=NAME_MAX).contains(&name.len()).then(|| Self(name.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Proof of a connection, which ends it when handed back with the name.
pub(super) type Token = [u32; 4];

/// One registered server.
#[derive(Debug)]
struct Entry {
    sid: SID,
    /// The registering process has created the server; before, the kernel knows nothing under this SID.
    created: bool,
    connections: u32,
    /// Most connections that are brokered; no limit when `None`.
    limit: Option<u32>,
    token: Token,
}

/// What the table says to a request for a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nobody is registered under the name.
    Unknown,
    /// Registered, but the process has not created the server yet, as far as is known.
    Announced(SID),
    /// There, but with all its connections taken.
    Full,
    /// There; the connection has been counted.
    Connected(SID, Token),
}

/// Names to servers.
#[derive(Debug, Default)]
pub(super) struct NameTable {
    entries: HashMap<Name, Entry>,
    /// A server that has gone keeps its name.
    stays: bool,
}

impl NameTable {
    /// A table in which names stay taken when their servers have gone, or do not.
    pub(super) fn new(stays: bool) -> Self {
        Self { stays, ..Self::default() }
    }

    /// Takes a name for the server `sid`; false when somebody has it already.
    pub(super) fn register(&mut self, name: Name, sid: SID, limit: Option<u32>, token: Token) -> bool {
        if self.entries.contains_key(&name) {
            return false;
        }
        self.entries.insert(name, Entry { sid, created: false, connections: 0, limit, token });
        true
    }

    /// Brings the entry of `name` up to date with the kernel, which `exists` asks for a SID.
    ///
    /// A server that was there and is gone loses its name; the real name server keeps it and hangs in the kernel at the
    /// next request.
    pub(super) fn refresh(&mut self, name: &Name, exists: impl Fn(SID) -> bool) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        match (entry.created, exists(entry.sid)) {
            (false, true) => entry.created = true,
            (true, false) if !self.stays => drop(self.entries.remove(name)),
            (true, _) | (false, false) => {}
        }
    }

    /// Frees the name of the server `sid` and gives it back.
    pub(super) fn unregister(&mut self, sid: SID) -> Option<Name> {
        let name = self.entries.iter().find(|(_, entry)| entry.sid == sid).map(|(name, _)| name.clone())?;
        self.entries.remove(&name);
        Some(name)
    }

    /// Looks a name up for a connection, which is counted when there is one.
    pub(super) fn connect(&mut self, name: &Name) -> Found {
        let Some(entry) = self.entries.get_mut(name) else { return Found::Unknown };
        if !entry.created {
            return Found::Announced(entry.sid);
        }
        if entry.limit.is_some_and(|limit| entry.connections >= limit) {
            return Found::Full;
        }
        entry.connections = entry.connections.saturating_add(1);
        Found::Connected(entry.sid, entry.token)
    }

    /// Takes back the count of a connection that the kernel then refused.
    pub(super) fn not_connected(&mut self, name: &Name) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.connections = entry.connections.saturating_sub(1);
        }
    }

    /// Frees the connections of `name` for the holder of its token, which is replaced by `next`; false when the name
    /// or the token is wrong. As in the real name server, the token ends all connections that were counted.
    pub(super) fn disconnect(&mut self, name: &Name, token: Token, next: Token) -> bool {
        match self.entries.get_mut(name) {
            Some(entry) if entry.token == token => {
                entry.connections = 0;
                entry.token = next;
                true
            }
            _ => false,
        }
    }

    /// Whether every server that limits its connections has them all.
    pub(super) fn limits_reached(&self) -> bool {
        self.entries.values().all(|entry| entry.limit.is_none_or(|limit| entry.connections == limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: Token = [1, 2, 3, 4];
    const NEXT: Token = [5, 6, 7, 8];

    fn sid(number: u32) -> SID {
        SID::from_u32(number, 0, 0, 1)
    }

    fn created(table: &mut NameTable, name: &Name) {
        table.refresh(name, |_| true);
    }

    fn table_with(limit: Option<u32>) -> (NameTable, Name) {
        let mut table = NameTable::default();
        let name = Name::new("_Server_").unwrap();
        assert!(table.register(name.clone(), sid(1), limit, TOKEN));
        (table, name)
    }

    #[test]
    fn names_have_1_to_63_bytes() {
        assert!(Name::new("").is_none());
        assert!(Name::new(&"n".repeat(63)).is_some());
        assert!(Name::new(&"n".repeat(64)).is_none());
        assert!(Name::new(&"\u{e9}".repeat(32)).is_none());
    }

    #[test]
    fn a_name_is_connectable_once_its_server_is_created() {
        let (mut table, name) = table_with(None);
        assert_eq!(table.connect(&name), Found::Announced(sid(1)));
        table.refresh(&name, |sid| sid != SID::from_u32(1, 0, 0, 1));
        assert_eq!(table.connect(&name), Found::Announced(sid(1)));
        created(&mut table, &name);
        assert_eq!(table.connect(&name), Found::Connected(sid(1), TOKEN));
    }

    #[test]
    fn a_server_that_is_gone_loses_its_name() {
        let (mut table, name) = table_with(None);
        created(&mut table, &name);
        table.refresh(&name, |_| false);
        assert_eq!(table.connect(&name), Found::Unknown);
    }

    #[test]
    fn a_name_stays_taken_where_it_does_on_the_device() {
        let mut table = NameTable::new(true);
        let name = Name::new("_Server_").unwrap();
        assert!(table.register(name.clone(), sid(1), None, TOKEN));
        created(&mut table, &name);
        table.refresh(&name, |_| false);
        assert!(!table.register(name, sid(2), None, TOKEN));
    }

    #[test]
    fn a_taken_name_stays_with_its_owner_until_unregistered() {
        let (mut table, name) = table_with(None);
        assert!(!table.register(name.clone(), sid(2), None, TOKEN));
        assert_eq!(table.unregister(sid(2)), None);
        assert_eq!(table.unregister(sid(1)), Some(name.clone()));
        assert_eq!(table.connect(&name), Found::Unknown);
        assert!(table.register(name, sid(2), None, TOKEN));
    }

    #[test]
    fn a_limit_counts_and_a_token_frees() {
        let (mut table, name) = table_with(Some(1));
        created(&mut table, &name);
        assert!(!table.limits_reached());
        assert_eq!(table.connect(&name), Found::Connected(sid(1), TOKEN));
        assert!(table.limits_reached());
        assert_eq!(table.connect(&name), Found::Full);
        assert!(!table.disconnect(&name, NEXT, NEXT));
        assert!(table.disconnect(&name, TOKEN, NEXT));
        assert_eq!(table.connect(&name), Found::Connected(sid(1), NEXT));
        table.not_connected(&name);
        assert_eq!(table.connect(&name), Found::Connected(sid(1), NEXT));
    }
}
