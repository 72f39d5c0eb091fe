//! Figures about the service.

use crate::Code;
use crate::error::ControlError;
use crate::link::address::service;
use crate::wire::fields::{Reader, Writer};
use crate::wire::{Handle, Opcode, PAGE_SIZE, Pages, message_id};

/// What the service holds at this moment, as u32 little-endian in this order in the page of an answered
/// `Stats`. Counters wrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Connections, including those that are being opened or closed.
    pub connections: u32,
    /// Worker threads at work.
    pub workers_busy: u32,
    /// Worker threads in all.
    pub workers: u32,
    /// Messages of clients that wait for an answer, including moved ones in queues.
    pub open_messages: u32,
    /// Deadlines that the timer thread waits for. At 0 it sleeps.
    pub timers: u32,
    /// Connections opened since the start.
    pub opened: u32,
    /// Requests refused since the start as there are too many: with a `Busy` code or `NoWorker`.
    pub busy: u32,
    /// When the first certificate of a port expires, or one that it shows with it: seconds since 1970, UTC. 0 if no port
    /// has one.
    pub certificate_expires: u32,
    /// Threads of the service, without the one that waits for the database.
    pub threads: u32,
    /// Bytes of heap, which never shrinks; on a PC, where a heap has no limit, bytes of the process in memory.
    pub heap: u32,
    /// Of those refused: with `BusyMessages`.
    pub busy_messages: u32,
    /// With `BusyService`.
    pub busy_service: u32,
    /// With `BusyQueue`.
    pub busy_queue: u32,
    /// With `NoWorker`.
    pub no_worker: u32,
}

impl Stats {
    /// Length in a page.
    pub const LEN: usize = 14 * 4;

    /// What the service holds now.
    ///
    /// # Errors
    /// `Busy` if too many messages are open, `Refused` by the service, `Kernel` if the service is not running.
    pub fn now() -> Result<Stats, ControlError> {
        let mut page = Pages::new(PAGE_SIZE);
        let cid = service().map_err(|_| ControlError::Kernel)?;
        let returned = page
            .lend_mut(cid, message_id(Opcode::Stats, Handle::SOLE), 0, 0, PAGE_SIZE)
            .map_err(|_| ControlError::Kernel)?;
        if returned.offset != 0 {
            return Err(ControlError::from_code(Code::from_word(returned.offset)));
        }
        let figures = page.bytes().get(..returned.valid).and_then(Stats::parse);
        figures.ok_or(ControlError::Refused(Code::Malformed))
    }

    /// Writes the figures; `None` if the page is too short.
    pub fn write(&self, page: &mut [u8]) -> Option<usize> {
        let mut w = Writer::new(page);
        for figure in [
            self.connections,
            self.workers_busy,
            self.workers,
            self.open_messages,
            self.timers,
            self.opened,
            self.busy,
            self.certificate_expires,
            self.threads,
            self.heap,
            self.busy_messages,
            self.busy_service,
            self.busy_queue,
            self.no_worker,
        ] {
            w.u32(figure);
        }
        w.finish()
    }

    /// Reads the figures.
    pub fn parse(page: &[u8]) -> Option<Self> {
        let mut r = Reader::new(page);
        Some(Stats {
            connections: r.u32()?,
            workers_busy: r.u32()?,
            workers: r.u32()?,
            open_messages: r.u32()?,
            timers: r.u32()?,
            opened: r.u32()?,
            busy: r.u32()?,
            // Earlier services end here, or behind it.
            certificate_expires: r.u32().unwrap_or(0),
            threads: r.u32().unwrap_or(0),
            heap: r.u32().unwrap_or(0),
            busy_messages: r.u32().unwrap_or(0),
            busy_service: r.u32().unwrap_or(0),
            busy_queue: r.u32().unwrap_or(0),
            no_worker: r.u32().unwrap_or(0),
        })
    }
}
