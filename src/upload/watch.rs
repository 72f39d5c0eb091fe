//! Who wants to know what becomes of files.

/// Something has become of a file.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// What.
    pub what: What<'a>,
    /// Its name below the route's dict.
    pub name: &'a str,
    /// Who sends it, or has deleted it.
    pub who: &'a str,
    /// Bytes of the file.
    pub length: u32,
}

/// What has become of it.
#[derive(Debug, Clone, Copy)]
pub enum What<'a> {
    /// It is being received.
    Began,
    /// So many bytes are in the store.
    Progress(u32),
    /// It is there, with this digest.
    Stored(&'a [u8; 32]),
    /// It does not come, for this reason.
    Failed(&'a str),
    /// It was deleted.
    Deleted,
}

/// Learns of files. Must not wait.
pub trait Watch: Send + Sync {
    /// Something has become of one.
    fn tell(&self, event: Event<'_>);
}

/// The sender has not come back.
pub(super) const EXPIRED: &str = "expired";
