//! PDDB stand-in: the opcodes that libstd uses (xous-core at 73c0946, services/pddb), with keys as plain files on a PC, and
//! in memory on the device. Arguments `DICT/KEY=TEXT` are keys that are there from the start.
//!
//! It answers with the real server's codes, and has its habits where a client meets them: a blocking close drops all
//! handles of its process, a seek cannot go back, the end is where it was when the key was opened, a list is cut to the
//! page without a word, a key with an over-long name spoils its dict, a delete without a basis leaves handles open.
//! What makes the real server panic ends this one too, with [`PDDB_DIED`] and a line on stderr, except a page that
//! is shorter than it says, which is refused. Its own opcode is [`PDDB_MOUNT`]; its user is in
//! [`user`].

#[cfg(not(target_os = "xous"))]
mod disk;
mod faults;
#[cfg(not(target_os = "xous"))]
mod file_name;
mod handles;
mod keys;
#[cfg(any(target_os = "xous", test))]
mod memory;
mod path;
mod request;
mod senres;
mod store;
mod user;

use std::convert::Infallible;

use xous::{Message, MessageEnvelope, MessageSender};
use xous_api_names::XousNames;

use self::faults::Faults;
use self::handles::Handles;
use self::keys::Keys;
use self::user::User;
use crate::raw;
use crate::settings::{PDDB_DIED, PDDB_MOUNT, PDDB_UNMOUNT};

#[cfg(not(target_os = "xous"))]
use self::disk::Disk as OwnStore;
#[cfg(target_os = "xous")]
use self::memory::Memory as OwnStore;

/// The server's name.
const NAME: &str = "_Plausibly Deniable Database_";
/// The name of the server that says whether a basis is open: blocking scalar 0, answered with 1 or 0.
const POLLER: &str = "_PDDB Mount Poller_";
/// Requests that wait for the mount. Each keeps its place in the queue of 64.
const WAITERS_MAX: usize = 32;

/// What a request is refused with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// A read that no basis answers, as it is first taken for one that succeeds.
    Ok = 1,
    BasisLost = 2,
    AccessDenied = 3,
    UnexpectedEof = 4,
    InternalError = 5,
    DiskFull = 6,
}

/// Bytes of one page of the real database. Longer keys are in its large pool.
const VPAGE: u64 = 4064;

/// The basis that is always there.
const BASIS: &str = ".System";

mod opcode {
    pub(super) const IS_MOUNTED: usize = 0;
    pub(super) const TRY_MOUNT: usize = 1;
    pub(super) const WRITE_KEY_FLUSH: usize = 18;
    pub(super) const LIST_BASIS: usize = 26;
    pub(super) const LIST_DICT: usize = 28;
    pub(super) const LIST_KEY: usize = 29;
    pub(super) const OPEN_KEY: usize = 30;
    pub(super) const READ_KEY: usize = 31;
    pub(super) const WRITE_KEY: usize = 32;
    pub(super) const CLOSE_KEY: usize = 34;
    pub(super) const DELETE_KEY: usize = 35;
    pub(super) const LATEST_BASIS: usize = 36;
    pub(super) const SEEK_KEY: usize = 39;
    pub(super) const CREATE_DICT: usize = 40;
    pub(super) const DELETE_DICT: usize = 41;
    pub(super) const MOUNT_ATTEMPTED: usize = 53;
}

/// Serves until the process is killed.
pub(crate) fn serve() -> Result<Infallible, xous::Error> {
    let names = XousNames::new()?;
    let faults = Faults::from_environment(User::start(&names)?);
    faults.come_late();
    // Before the keys are opened, as the real one: others wait in the queue, and do not take it for one that is missing.
    let poller = names.register_name(POLLER, None)?;
    let server = names.register_name(NAME, None)?;
    let keys = open(&faults)?;
    let own = xous::connect(server)?;
    std::thread::spawn(move || poll(poller, own));
    let mounted = faults.mounted;
    let mut pddb = Server { keys, handles: Handles::default(), faults, mounted, waiters: Vec::new() };
    loop {
        pddb.serve(xous::receive_message(server)?);
    }
}

/// The keys that are kept, and those of the command line.
fn open(faults: &Faults) -> Result<Keys<OwnStore>, xous::Error> {
    let refused = |code| {
        eprintln!("pddb: the keys cannot be opened: {code:?}");
        xous::Error::InternalError
    };
    let mut keys = Keys::new(OwnStore::open(faults.synced)?, faults.capacity).map_err(refused)?;
    std::env::args().skip(2).try_for_each(|setting| keys.set(&setting)).map_err(refused)?;
    Ok(keys)
}

/// The poller's thread: asks the server, which knows.
fn poll(poller: xous::SID, server: xous::CID) {
    while let Ok(envelope) = xous::receive_message(poller) {
        if let Message::BlockingScalar(_) = envelope.body {
            let ask = Message::new_blocking_scalar(opcode::LIST_BASIS, 0, 0, 0, 0);
            let mounted = matches!(xous::send_message(server, ask), Ok(xous::Result::Scalar1(1)));
            xous::return_scalar(envelope.sender, mounted.into()).ok();
        }
    }
}

struct Server {
    keys: Keys<OwnStore>,
    handles: Handles,
    faults: Faults,
    mounted: bool,
    /// Those who asked whether it is mounted, until it is.
    waiters: Vec<MessageSender>,
}

impl Server {
    fn serve(&mut self, mut envelope: MessageEnvelope) {
        self.faults.take_time();
        let id = envelope.body.id();
        let (opcode, descriptor) = (id & 0xffff, (id >> 16) & 0xffff);
        let pid = envelope.sender.pid().map_or(0, std::num::NonZeroU8::get);
        let sender = envelope.sender;
        match &envelope.body {
            Message::BlockingScalar(scalar) => {
                let arguments = [scalar.arg1, scalar.arg2, scalar.arg3];
                self.answer(sender, pid, opcode, descriptor, arguments);
            }
            Message::Scalar(_) if opcode == opcode::CLOSE_KEY => {
                self.handles.close(pid, descriptor).ok();
            }
            _ => {
                if let Some(mut page) = raw::lent_mut(&mut envelope) {
                    let (offset, valid) = self.page(&mut page, pid, opcode, descriptor);
                    page.answer(offset, valid);
                }
            }
        }
    }

    fn answer(
        &mut self,
        sender: MessageSender,
        pid: u8,
        opcode: usize,
        descriptor: usize,
        arguments: [usize; 3],
    ) {
        let answered = match opcode {
            opcode::IS_MOUNTED if !self.mounted && self.waiters.len() < WAITERS_MAX => {
                self.waiters.push(sender);
                return;
            }
            opcode::IS_MOUNTED | opcode::MOUNT_ATTEMPTED => xous::return_scalar2(sender, 0, 0),
            opcode::TRY_MOUNT => {
                self.mount();
                xous::return_scalar2(sender, 0, 0)
            }
            PDDB_MOUNT => {
                self.mount();
                xous::return_scalar(sender, 1)
            }
            PDDB_UNMOUNT => {
                self.mounted = false;
                xous::return_scalar(sender, 1)
            }
            opcode::WRITE_KEY_FLUSH => xous::return_scalar(sender, if self.keys.is_spoilt() { 5 } else { 1 }),
            opcode::CLOSE_KEY => match self.handles.close(pid, descriptor) {
                Ok(()) => {
                    self.handles.forget(pid);
                    xous::return_scalar2(sender, 0, 0)
                }
                Err(code) => xous::return_scalar(sender, code as usize),
            },
            opcode::SEEK_KEY => match self.handles.seek(pid, descriptor, arguments) {
                Ok(position) => xous::return_scalar2(sender, position as usize, (position >> 32) as usize),
                Err(code) => xous::return_scalar(sender, code as usize),
            },
            // From the poller's thread.
            opcode::LIST_BASIS => xous::return_scalar(sender, self.mounted.into()),
            _ => {
                eprintln!("pddb: opcode {opcode} is not served");
                xous::return_scalar(sender, 0)
            }
        };
        if let Err(error) = answered {
            eprintln!("pddb: a reply was not delivered: {error:?}");
        }
    }

    fn mount(&mut self) {
        self.mounted = true;
        for waiter in self.waiters.drain(..) {
            if let Err(error) = xous::return_scalar2(waiter, 0, 0) {
                eprintln!("pddb: a reply was not delivered: {error:?}");
            }
        }
    }
}

/// Ends the process where the real server would panic.
fn die(why: &str) -> ! {
    eprintln!("pddb: the real server would panic here: {why}");
    std::process::exit(PDDB_DIED)
}
