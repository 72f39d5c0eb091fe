//! What is measured, and how: two runs that differ in the number of their messages, so that what comes before and behind
//! these cancels out.

use std::path::Path;
use std::sync::Arc;

use ::device::prepare::Programs;
use ::device::{Account, Builder, Cost, Entry, Function, Outcome, Reason};

use super::peer::{Does, WebSocketPeer};
use super::sender::{Bell, BellPeer, SenderPeer};
use super::tls_peer::{AUTHORITY, TlsPeer};
use crate::Failure;
use crate::device::measure;

const PORT: u16 = 9001;
/// Where files come.
const UPLOAD_PORT: u16 = 8080;
/// A page: what a call to a socket moves, if nothing else is said, and what xous-core's `net` is said to move.
pub(super) const PER_CALL: usize = 4096;
pub(super) const SHORT_CALLS: usize = 1530;

/// Which way messages go, seen from the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Out, and back as soon as they have come.
    Echo,
    /// The same, in one request to the service.
    Exchange,
    /// Out, each as soon as the one before is with the socket.
    Out,
    /// Out through a buffer that goes out when it is full.
    Collected,
    /// In, from somebody who always has more.
    In,
    /// The same, into one vector, or piece by piece where it lies.
    Into,
    /// In, from somebody who sends a file to an upload route, and on into the database.
    Upload,
    /// Into the database, by a loop in a program that does nothing else.
    Stored,
    /// The same, and the program hashes it, as an upload has to.
    Hashed,
}

/// Who passes messages for the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who<'a> {
    /// The service.
    Service,
    /// tungstenite in the program, which is in this file; tuned or as it comes.
    Library { program: &'a Path, is_tuned: bool },
}

/// Messages that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    pub(super) way: Way,
    /// Bytes of a message.
    pub(super) length: usize,
    /// Bytes that a call to a socket moves at most.
    pub(super) per_call: usize,
    /// Over TLS 1.3 with ChaCha20-Poly1305.
    pub(super) is_secure: bool,
}

/// What one message takes of the whole device.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Taken {
    /// Instructions of all processes, and of these the kernel's.
    pub(super) instructions: f64,
    pub(super) kernel: f64,
    /// System calls of programs, and of the scheduler.
    pub(super) calls: f64,
    pub(super) scheduler_calls: f64,
}

impl Task {
    /// With plain connections and calls that move a page.
    pub(super) const fn new(way: Way, length: usize) -> Self {
        Self { way, length, per_call: PER_CALL, is_secure: false }
    }

    /// What a message takes.
    pub(super) fn take(&self, programs: &Programs, who: Who<'_>) -> Result<Taken, Failure> {
        let (few, many) = self.counts();
        let first = self.run(programs, who, few, false)?;
        if first != self.run(programs, who, few, false)? {
            return Err(Failure::Other(format!("two runs differ: {self:?}")));
        }
        let second = self.run(programs, who, many, false)?;
        let per_message =
            |of: fn(&Outcome) -> u64| difference(of(&second), of(&first)) / f64::from(many - few);
        Ok(Taken {
            instructions: per_message(|outcome| outcome.instructions),
            kernel: per_message(|outcome| {
                outcome.processes.iter().map(|process| process.kernel_instructions).sum()
            }),
            calls: per_message(|outcome| outcome.processes.iter().skip(1).map(measure::calls).sum()),
            scheduler_calls: per_message(|outcome| {
                outcome.processes.iter().take(1).map(measure::calls).sum()
            }),
        })
    }

    /// What a message takes, with everything about it.
    pub(super) fn profile(&self, programs: &Programs, who: Who<'_>) -> Result<Profile, Failure> {
        let (few, many) = self.counts();
        let [first, second] = [few, many].map(|count| self.run(programs, who, count, true));
        Ok(Profile::between(Some(&first?), &second?, f64::from(many - few)))
    }

    /// Messages of the short run, behind which everything has happened once, and of the long one. Both have as many
    /// digits: the programs are told them.
    fn counts(&self) -> (u32, u32) {
        match (self.way, self.length) {
            (Way::Upload, _) => (8, 24),
            (_, 1_000_000..) => (2, 6),
            (_, 60_000..) if self.is_secure => (2, 6),
            (_, 60_000..) => (10, 30),
            (Way::Echo, _) if self.is_secure => (20, 60),
            (_, 1000..) => (100, 300),
            (Way::Echo | Way::Exchange, _) => (100, 500),
            // Hundreds of them go into one buffer.
            _ => (2000, 6000),
        }
    }

    fn run(&self, programs: &Programs, who: Who<'_>, number: u32, profile: bool) -> Result<Outcome, Failure> {
        let [port, length, count] =
            [usize::from(PORT), self.length, number as usize].map(|number| number.to_string());
        let machine = if self.is_secure {
            measure::secure(programs, &[("authority", AUTHORITY)])
        } else {
            measure::plain(programs)
        };
        match self.way {
            Way::Upload => return self.run_upload(machine, programs, number, profile),
            Way::Stored => {
                return self.finish(machine.service_with(&programs.trial, &["store", &count]), profile);
            }
            Way::Hashed => {
                return self
                    .finish(machine.service_with(&programs.trial, &["store-hashed", &count]), profile);
            }
            _ => (),
        }
        let way = match (self.way, who) {
            (Way::Echo, _) if self.is_secure => "secure-echo",
            (Way::Echo, _) => "echo",
            (Way::Exchange, _) => "exchange",
            (Way::Collected, _) => "collected",
            (Way::Out, _) => "out",
            // The library has no such thing.
            (Way::Into, Who::Service) => "into",
            _ => "in",
        };
        let machine = match who {
            Who::Service => machine.service_with(&programs.trial, &["pass", way, &port, &length, &count]),
            Who::Library { program, is_tuned } => {
                let tuning = if is_tuned { "tuned" } else { "as-it-comes" };
                machine.service_with(program, &[way, &port, &length, &count, tuning])
            }
        };
        self.finish(self.with_peer(machine), profile)
    }

    /// A file, sent to a route of the program.
    fn run_upload(
        &self,
        machine: Builder,
        programs: &Programs,
        parts: u32,
        profile: bool,
    ) -> Result<Outcome, Failure> {
        let [port, bell_port] = [UPLOAD_PORT, PORT].map(|port| port.to_string());
        let machine = machine.service_with(&programs.trial, &["take", &port, &bell_port]);
        let bell = Arc::new(Bell::default());
        let ringer = bell.clone();
        let machine = machine.peer(PORT, move || Box::new(BellPeer(ringer.clone())));
        let machine = machine.caller(UPLOAD_PORT, move || Box::new(SenderPeer::new(bell.clone(), parts)));
        self.finish(machine, profile)
    }

    /// Runs it; the program that was added last is the client.
    fn finish(&self, machine: Builder, profile: bool) -> Result<Outcome, Failure> {
        let machine = machine.named("client").bytes_per_call(self.per_call);
        let machine = if profile { machine.profile() } else { machine };
        measure::run(machine.until("all messages have passed"))
    }

    fn with_peer(&self, machine: Builder) -> Builder {
        let Task { way, length, is_secure, .. } = *self;
        let does = match way {
            Way::Echo | Way::Exchange => Does::Echo,
            Way::Out | Way::Collected => Does::Take,
            _ => Does::Give,
        };
        machine.peer(PORT, move || {
            let peer = WebSocketPeer::new(does, length);
            if is_secure { Box::new(TlsPeer::new(peer)) } else { Box::new(peer) }
        })
    }
}

/// What one message takes, by who spends it and what for.
pub(super) struct Profile {
    /// Name, instructions in user mode and in the kernel of each process.
    pub(super) processes: Vec<(String, f64, f64)>,
    /// What makes the kernel run: how often, instructions, flushes of translations.
    pub(super) entries: Vec<(Entry, [f64; 3])>,
    /// Instructions of functions.
    pub(super) functions: Vec<(Function, f64)>,
}

impl Profile {
    /// That of a whole run.
    pub(super) fn of(outcome: &Outcome) -> Self {
        Self::between(None, outcome, 1.0)
    }

    /// What a run has more than a shorter one, or all of it, by the number of messages that it has more; the largest first.
    fn between(few: Option<&Outcome>, many: &Outcome, messages: f64) -> Self {
        let per_message = |many: u64, few: u64| difference(many, few) / messages;
        let processes = many.processes.iter().enumerate().map(|(index, many)| {
            let few = few.and_then(|few| few.processes.get(index));
            let [user, kernel] =
                [few.map(|few| few.user_instructions), few.map(|few| few.kernel_instructions)];
            let user = per_message(many.user_instructions, user.unwrap_or(0));
            (many.name.clone(), user, per_message(many.kernel_instructions, kernel.unwrap_or(0)))
        });
        let processes = processes.collect();
        let nothing = Account::default();
        let [few, many] =
            [few, Some(many)].map(|outcome| outcome.and_then(|outcome| outcome.account.as_ref()));
        let [few, many] = [few.unwrap_or(&nothing), many.unwrap_or(&nothing)];
        let entries = many.entries.iter().map(|(entry, cost)| {
            let before = few.entries.get(entry).copied().unwrap_or_default();
            let figure = |of: fn(&Cost) -> u64| per_message(of(cost), of(&before));
            (
                entry.clone(),
                [figure(|cost| cost.count), figure(|cost| cost.instructions), figure(|cost| cost.flushes)],
            )
        });
        let mut entries: Vec<_> = entries.collect();
        entries.sort_by(|(_, one), (_, other)| other[1].total_cmp(&one[1]));
        let functions = many.functions.iter().map(|(function, count)| {
            (function.clone(), per_message(*count, few.functions.get(function).copied().unwrap_or(0)))
        });
        let mut functions: Vec<_> = functions.collect();
        functions.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        Self { processes, entries, functions }
    }

    /// Messages to a process.
    pub(super) fn messages_to(&self, process: &str) -> f64 {
        let to = |reason: &Reason| matches!(reason, Reason::Send(_, message) if message.to.as_deref() == Some(process));
        self.entries.iter().filter(|(entry, _)| to(&entry.reason)).map(|(_, figures)| figures[0]).sum()
    }
}

fn difference(many: u64, few: u64) -> f64 {
    many as f64 - few as f64
}
