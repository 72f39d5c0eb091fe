//! The program that is measured: one process, in the system or outside, with a thread per connection.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::link::{Way, work};
use crate::Failure;

/// Obeys the one at `control`: every line names a way and a port, and is a connection to make and to serve. Ends with
/// the control connection.
///
/// # Errors
/// There is no control connection.
pub(crate) fn run(control: u16) -> Result<(), Failure> {
    let lines = BufReader::new(TcpStream::connect((Ipv4Addr::LOCALHOST, control))?).lines();
    let mut threads = Threads::default();
    for line in lines {
        let line = line?;
        let order =
            line.rsplit_once(' ').and_then(|(way, port)| Some((Way::named(way)?, port.parse().ok()?)));
        match order {
            Some((way, port)) => threads.serve(way, port),
            None => return Err(Failure(format!("not an order: {line}"))),
        }
    }
    Ok(())
}

/// Threads that are used again: in hosted mode a process has about thirty in its life that may call the kernel.
#[derive(Default)]
struct Threads {
    all: Vec<Sender<(Way, u16)>>,
    idle: Arc<Mutex<Vec<usize>>>,
}

impl Threads {
    fn serve(&mut self, way: Way, port: u16) {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let thread = idle.unwrap_or_else(|| self.start());
        self.all[thread].send((way, port)).ok();
    }

    fn start(&mut self) -> usize {
        let number = self.all.len();
        let (sender, orders) = channel();
        let idle = self.idle.clone();
        std::thread::spawn(move || {
            for (way, port) in orders {
                if let Err(Failure(text)) = work(way, port) {
                    eprintln!("bench: {}: {text}", way.name());
                }
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(number);
            }
        });
        self.all.push(sender);
        number
    }
}
