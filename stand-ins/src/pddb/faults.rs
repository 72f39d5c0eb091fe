//! How the stand-in fails, as its environment says.

use std::time::Duration;

use super::user::User;
use super::{Code, VPAGE};
use crate::settings::{
    PDDB_ASKS_AT, PDDB_DIED, PDDB_DIES_AT, PDDB_FULL_AT, PDDB_HANGS_AT, PDDB_LATE, PDDB_POOL,
    PDDB_SECOND_BASIS, PDDB_SLOW, PDDB_SYNCED, PDDB_UNMOUNTED,
};

/// See [`crate::settings`].
pub(super) struct Faults {
    pub(super) capacity: u64,
    pub(super) mounted: bool,
    pub(super) synced: bool,
    pub(super) second_basis: Option<String>,
    late: Duration,
    slow: Duration,
    hangs_at: Option<u64>,
    dies_at: Option<u64>,
    asks_at: Option<u64>,
    /// How many free pages a search finds, and how many are left of those.
    pool: Option<u64>,
    pages: u64,
    user: User,
    /// Changes so far.
    changes: u64,
}

impl Faults {
    pub(super) fn from_environment(user: User) -> Self {
        let pool = number(PDDB_POOL);
        Faults {
            capacity: number(PDDB_FULL_AT).unwrap_or(u64::MAX),
            mounted: number(PDDB_UNMOUNTED).is_none(),
            synced: number(PDDB_SYNCED).is_some(),
            second_basis: std::env::var(PDDB_SECOND_BASIS).ok(),
            late: Duration::from_micros(number(PDDB_LATE).unwrap_or(0)),
            slow: Duration::from_micros(number(PDDB_SLOW).unwrap_or(0)),
            hangs_at: number(PDDB_HANGS_AT),
            dies_at: number(PDDB_DIES_AT),
            asks_at: number(PDDB_ASKS_AT),
            pool,
            pages: pool.unwrap_or(0),
            user,
            changes: 0,
        }
    }

    /// Waits until it is time to be registered.
    pub(super) fn come_late(&self) {
        std::thread::sleep(self.late);
    }

    /// The time that a request takes at least.
    pub(super) fn take_time(&self) {
        if !self.slow.is_zero() {
            std::thread::sleep(self.slow);
        }
    }

    /// Makes a change, if the stand-in lives to, and the user has room for `pages` more of them. `no_room` is what it is
    /// refused with otherwise.
    pub(super) fn change<T>(
        &mut self,
        pages: u64,
        no_room: Code,
        make: impl FnOnce() -> Result<T, Code>,
    ) -> Result<T, Code> {
        self.count();
        self.find_pages(pages, no_room)?;
        let made = make();
        if self.is_last() {
            end();
        }
        made
    }

    /// Writes, if the stand-in lives to; `more` bytes behind the end.
    pub(super) fn write(
        &mut self,
        data: &[u8],
        more: u64,
        write: impl FnOnce(&[u8]) -> Result<(), Code>,
    ) -> Result<(), Code> {
        self.count();
        self.find_pages(more.div_ceil(VPAGE), Code::DiskFull)?;
        if self.is_last() {
            write(&data[..data.len() / 2]).ok();
            end();
        }
        write(data)
    }

    /// Takes free pages. Without enough of them the user is asked, and nobody else is served.
    fn find_pages(&mut self, pages: u64, no_room: Code) -> Result<(), Code> {
        let none = self.asks_at.is_some_and(|at| self.changes >= at);
        let asks = none && (pages > 0 || self.asks_at == Some(self.changes));
        if !asks && (self.pool.is_none() || self.pages >= pages) {
            self.pages = self.pages.saturating_sub(pages);
            return Ok(());
        }
        eprintln!("pddb: asks its user at change {}", self.changes);
        if !self.user.ask() {
            return Err(no_room);
        }
        self.asks_at = None;
        self.pages = self.pool.unwrap_or(0).saturating_sub(pages);
        Ok(())
    }

    fn count(&mut self) {
        self.changes += 1;
        if self.hangs_at.is_some_and(|n| self.changes >= n) {
            eprintln!("pddb: hangs at change {}, as it was told", self.changes);
            loop {
                std::thread::park();
            }
        }
    }

    fn is_last(&self) -> bool {
        self.dies_at == Some(self.changes)
    }
}

fn end() -> ! {
    eprintln!("pddb: ends in the middle of a change, as it was told");
    std::process::exit(PDDB_DIED)
}

/// A number of the environment. Anything else is reported, and not taken for a number.
fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    value.parse().map_err(|error| eprintln!("pddb: {name}={value}: {error}")).ok()
}
