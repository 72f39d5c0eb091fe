//! The floor: a Xous server that carries bytes between sockets and programs as the WebSocket service does, without
//! WebSocket in it. The same hops, from the same pieces: one server thread that never waits, a reader and a writer
//! thread per connection that are used again, pages that a receiver has parked, lends that are answered when their
//! bytes are with the socket. What the service adds to it is what a WebSocket costs.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use xous::{MemoryMessage, Message, MessageSender};
use xous_api_names::XousNames;

use crate::raw;

/// Its name.
pub(crate) const NAME: &str = "_Floor_";

/// Connects to a port of this machine: blocking scalar, `arg1` = port; `Scalar1(number of the connection)`.
pub(crate) const OPEN: usize = 1;
/// Takes the next bytes: lend mut of pages, filled as far as bytes are there; none at the end.
pub(crate) const RECEIVE: usize = 2;
/// Sends bytes: lend; answered when they are with the socket.
pub(crate) const SEND: usize = 3;

/// The message id of an opcode for a connection.
pub(crate) fn id(opcode: usize, connection: usize) -> usize {
    connection << 8 | opcode
}

/// Serves until the system ends.
pub(crate) fn serve() -> Result<(), xous::Error> {
    let names = XousNames::new()?;
    let sid = names.register_name(NAME, None)?;
    let mut lanes: Vec<Arc<Lane>> = Vec::new();
    loop {
        let envelope = xous::receive_message(sid)?;
        let (sender, id) = (envelope.sender, envelope.body.id());
        match (id & 0xff, envelope.take_message()) {
            (OPEN, Message::BlockingScalar(scalar)) => {
                xous::return_scalar(sender, open(&mut lanes, scalar.arg1 as u16))?;
            }
            (RECEIVE, Message::MutableBorrow(memory)) => lanes[id >> 8].pages.push(Lent { sender, memory }),
            (SEND, Message::Borrow(memory)) => lanes[id >> 8].sends.push(Lent { sender, memory }),
            (_, message) => panic!("not a message of the floor: {message:?}"),
        }
    }
}

/// A lane that is free, or a new one.
fn open(lanes: &mut Vec<Arc<Lane>>, port: u16) -> usize {
    let free = lanes.iter().position(|lane| !std::mem::replace(&mut *lock(&lane.busy), true));
    let number = free.unwrap_or_else(|| {
        let lane = Arc::new(Lane::default());
        *lock(&lane.busy) = true;
        let reading = lane.clone();
        std::thread::spawn(move || reading.read_for_ever());
        let writing = lane.clone();
        std::thread::spawn(move || writing.write_for_ever());
        lanes.push(lane);
        lanes.len() - 1
    });
    lanes[number].ports.push(port);
    number
}

/// A message that waits for its answer.
struct Lent {
    sender: MessageSender,
    memory: MemoryMessage,
}

impl Lent {
    fn answer(self, valid: usize) {
        xous::return_memory_offset_valid(self.sender, self.memory.buf, None, NonZeroUsize::new(valid)).ok();
    }
}

/// Threads and queues of one connection at a time.
#[derive(Default)]
struct Lane {
    busy: Mutex<bool>,
    /// Connections to make: for the reader.
    ports: Queue<u16>,
    pages: Queue<Lent>,
    sends: Queue<Lent>,
    /// Connections that were made: for the writer.
    socket: Mutex<Option<Arc<TcpStream>>>,
}

impl Lane {
    fn read_for_ever(&self) {
        loop {
            let socket =
                TcpStream::connect((Ipv4Addr::LOCALHOST, self.ports.pop())).expect("the peer listens");
            socket.set_nodelay(true).ok();
            let socket = Arc::new(socket);
            *lock(&self.socket) = Some(socket.clone());
            loop {
                let mut page = self.pages.pop();
                let len = (&*socket).read(raw::bytes_mut(&mut page.memory.buf)).unwrap_or(0);
                page.answer(len);
                if len == 0 {
                    break;
                }
            }
            socket.shutdown(Shutdown::Both).ok();
            *lock(&self.socket) = None;
            *lock(&self.busy) = false;
        }
    }

    fn write_for_ever(&self) {
        loop {
            let send = self.sends.pop();
            let socket = lock(&self.socket).clone();
            let valid = send.memory.valid.map_or(0, NonZeroUsize::get);
            if let Some(socket) = socket {
                (&*socket).write_all(&raw::bytes(&send.memory.buf)[..valid]).ok();
            }
            send.answer(0);
        }
    }
}

/// What one thread hands to another.
struct Queue<T> {
    items: Mutex<VecDeque<T>>,
    more: Condvar,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { items: Mutex::default(), more: Condvar::default() }
    }
}

impl<T> Queue<T> {
    fn push(&self, item: T) {
        lock(&self.items).push_back(item);
        self.more.notify_one();
    }

    fn pop(&self) -> T {
        let mut items = lock(&self.items);
        loop {
            if let Some(item) = items.pop_front() {
                return item;
            }
            items = self.more.wait(items).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
