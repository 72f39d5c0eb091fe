//! What a message costs on the device, beside a library in the program: exact instructions of all processes.
//!
//! The other side of the connection is no part of the machine (`peer.rs`), so that all that is counted is the device's. It
//! answers half a millisecond later, when whoever waits has gone to sleep. What repeats is held by `device.toml`.
//!
//! ```text
//! rows (what is measured, and its goal) --> task (two runs each) --> figures for device.toml, or tables
//! ```

mod account;
mod peer;
mod rows;
mod sender;
mod table;
mod task;
mod tls_peer;

use std::collections::BTreeMap;

use ::device::Outcome;
use ::device::prepare::{Programs, prepare_library};

use self::rows::{ROWS, What};
pub(crate) use self::task::Task;
use self::task::{Profile, Taken, Way, Who};
use super::measure::{Figures, tenths};
use crate::Failure;

/// Rows of the account of a whole run.
const LINES: usize = 40;

/// What each kind of message takes through the service.
pub(super) fn figures(programs: &Programs) -> Result<Figures, Failure> {
    let mut figures = Figures::new();
    for task in rows::tasks() {
        let Taken { instructions, kernel, calls, scheduler_calls } = task.take(programs, Who::Service)?;
        let taken = [
            ("instructions", instructions),
            ("kernel", kernel),
            ("calls", calls),
            ("scheduler-calls", scheduler_calls),
        ];
        let taken: BTreeMap<_, _> =
            taken.into_iter().map(|(name, figure)| (name.to_owned(), tenths(figure))).collect();
        figures.insert(format!("message-{}", task.name()), taken);
    }
    Ok(figures)
}

/// The account of a whole run, as tables.
pub(super) fn account_of(outcome: &Outcome) -> String {
    account::tables(&Profile::of(outcome), LINES)
}

/// The account of one message, as tables.
pub(crate) fn account_of_task(task: Task, programs: &Programs) -> Result<String, Failure> {
    Ok(account::tables(&task.profile(programs, Who::Service)?, LINES))
}

/// What `cargo xtask bench device` shows.
pub(crate) struct Tables {
    /// The goals and what was measured.
    pub(crate) goals: String,
    /// Where the instructions of some messages go.
    pub(crate) accounts: String,
}

/// Measures everything, beside the library.
pub(crate) fn tables(programs: &Programs) -> Result<Tables, Failure> {
    let library = prepare_library()?;
    let program = library.as_path();
    let tuned = Who::Library { program, is_tuned: true };
    let as_it_comes = Who::Library { program, is_tuned: false };
    let short = Task::new(Way::Echo, 32);
    let profile = short.profile(programs, Who::Service)?;
    let mut lines = vec![rows::HEAD.map(str::to_owned).into()];
    for row in ROWS {
        let measured = |task: Option<Task>, who| match task {
            Some(task) => Ok(Some(row.figure(&task.take(programs, who)?, &profile))),
            None => Ok::<_, Failure>(None),
        };
        let service = measured(row.service, Who::Service)?;
        let (tuned, as_it_comes) = match row.what {
            What::PerMegabyte if row.library.is_none() => (None, None),
            What::Instructions | What::PerMegabyte | What::Calls => (
                measured(row.library.filter(|task| task.way != Way::Collected), tuned)?,
                measured(row.library, as_it_comes)?,
            ),
            What::SchedulerCalls => (measured(row.library, tuned)?, measured(row.library, as_it_comes)?),
            What::TicktimerMessages => (None, None),
        };
        lines.push(row.line(service, tuned, as_it_comes));
    }
    let long = Task { is_secure: true, ..Task::new(Way::Echo, 65536) };
    let file = Task::new(Way::Upload, sender::PART);
    let accounts = [
        ("**An echo of 32 bytes through the service**", &profile, 24),
        ("**64 KiB of a file by the upload route**", &file.profile(programs, Who::Service)?, 16),
        ("**An echo of 64 KiB over TLS with ChaCha20-Poly1305**", &long.profile(programs, Who::Service)?, 16),
        ("**An echo of 32 bytes by tungstenite, tuned**", &short.profile(programs, tuned)?, 12),
    ];
    let accounts =
        accounts.map(|(title, profile, most)| format!("{title}\n\n{}", account::tables(profile, most)));
    Ok(Tables { goals: table::markdown(&lines), accounts: accounts.join("\n") })
}
