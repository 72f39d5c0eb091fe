//! Tries the stand-ins: by their names, or without one everything that ends well.
//!
//! It uses std as any program does, so that what is tried is std's side of the messages as well. The attempts that die
//! leave something waiting.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

type Result = std::result::Result<(), String>;

type Attempt = (&'static str, fn() -> Result);

/// What can be tried, by name, and what is tried only by name.
const ALONE: [Attempt; 9] = [
    ("sleep", sleeps_as_long_as_it_says),
    ("mutex", a_mutex_is_one_threads_at_a_time),
    ("condition", a_condition_wakes_and_times_out),
    ("random", random_numbers_differ),
    ("resolve", names_are_resolved),
    ("echo", bytes_go_both_ways_and_end),
    ("timeout", a_read_times_out),
    ("refused", nobody_listens),
    ("clock", the_time_of_day_goes_on),
];
const DYING: [Attempt; 3] =
    [("die-asleep", die_asleep), ("die-reading", die_reading), ("die-accepting", die_accepting)];

/// Tries what is named, all of it.
pub(crate) fn try_all(names: &[&str]) -> Result {
    let known = ALONE.iter().chain(&DYING);
    let wanted: Vec<&Attempt> = match names {
        [] => ALONE.iter().collect(),
        names => known.filter(|(name, _)| names.contains(name)).collect(),
    };
    expect(wanted.len() >= names.len(), "one of these is not known")?;
    let mut failed = Ok(());
    for (name, attempt) in wanted {
        match attempt() {
            Ok(()) => println!("probe: {name}: as expected"),
            Err(error) => failed = Err(format!("{name}: {error}")),
        }
    }
    failed
}

fn expect(right: bool, what: &str) -> Result {
    if right { Ok(()) } else { Err(what.to_owned()) }
}

fn text(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

fn sleeps_as_long_as_it_says() -> Result {
    let start = Instant::now();
    let short = spawn(move || {
        sleep(Duration::from_millis(5));
        start.elapsed()
    });
    sleep(Duration::from_millis(20));
    let long = start.elapsed();
    let short = short.join().map_err(text)?;
    expect((5..15).contains(&short.as_millis()), &format!("5 ms took {short:?}"))?;
    expect((20..40).contains(&long.as_millis()), &format!("20 ms took {long:?}"))
}

fn a_mutex_is_one_threads_at_a_time() -> Result {
    let count = Arc::new(Mutex::new(0u32));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let count = count.clone();
            spawn(move || {
                for _ in 0..50 {
                    let mut count = count.lock().unwrap_or_else(|error| error.into_inner());
                    let before = *count;
                    // Lets the others run into the lock.
                    std::thread::yield_now();
                    *count = before + 1;
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().map_err(text)?;
    }
    let count = *count.lock().map_err(text)?;
    expect(count == 200, &format!("{count} instead of 200"))
}

fn a_condition_wakes_and_times_out() -> Result {
    let shared = Arc::new((Mutex::new(false), Condvar::new()));
    let (mutex, condition) = &*shared;
    let start = Instant::now();
    let guard = mutex.lock().map_err(text)?;
    let (guard, wait) = condition.wait_timeout(guard, Duration::from_millis(10)).map_err(text)?;
    expect(wait.timed_out(), "woken by nobody")?;
    expect(start.elapsed().as_millis() >= 10, "too early")?;
    drop(guard);
    let other = shared.clone();
    let waker = spawn(move || {
        sleep(Duration::from_millis(5));
        *other.0.lock().unwrap_or_else(|error| error.into_inner()) = true;
        other.1.notify_all();
    });
    let mut guard = mutex.lock().map_err(text)?;
    while !*guard {
        let (next, wait) = condition.wait_timeout(guard, Duration::from_secs(2)).map_err(text)?;
        expect(!wait.timed_out(), "not woken")?;
        guard = next;
    }
    drop(guard);
    waker.join().map_err(text)
}

fn random_numbers_differ() -> Result {
    let names = xous_api_names::XousNames::new().map_err(text)?;
    let generator = names.request_connection_blocking("_TRNG manager_").map_err(text)?;
    let mut seen = Vec::new();
    for _ in 0..4 {
        match xous::send_message(generator, xous::Message::new_blocking_scalar(0, 2, 0, 0, 0)) {
            Ok(xous::Result::Scalar2(first, second)) => seen.extend([first, second]),
            other => return Err(text(other)),
        }
    }
    // Dropped, it would take the connection from std.
    std::mem::forget(names);
    seen.sort_unstable();
    seen.dedup();
    expect(seen.len() == 8, "numbers repeat")
}

fn names_are_resolved() -> Result {
    let addresses: Vec<_> = ("somewhere.example", 7).to_socket_addrs().map_err(text)?.collect();
    expect(addresses == [SocketAddr::from(([127, 0, 0, 1], 7))], &text(&addresses))?;
    expect(("somewhere.invalid", 7).to_socket_addrs().is_err(), "an invalid name has an address")
}

fn bytes_go_both_ways_and_end() -> Result {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(text)?;
    let address = listener.local_addr().map_err(text)?;
    let server = spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        let mut page = [0; 4096];
        loop {
            let count = stream.read(&mut page)?;
            if count == 0 {
                return Ok(());
            }
            stream.write_all(&page[..count])?;
        }
    });
    let mut stream = TcpStream::connect(("127.0.0.1", address.port())).map_err(text)?;
    let sent: Vec<u8> = (0..20_000u32).map(|i| (i * 7) as u8).collect();
    let mut writer = stream.try_clone().map_err(text)?;
    let bytes = sent.clone();
    let writing = spawn(move || writer.write_all(&bytes));
    let mut received = vec![0; sent.len()];
    stream.read_exact(&mut received).map_err(text)?;
    expect(received == sent, "other bytes came back")?;
    writing.join().map_err(text)?.map_err(text)?;
    drop(stream);
    // A strict network closes the server's sockets when something else happens.
    while !server.is_finished() {
        drop(TcpStream::connect(("127.0.0.1", 9)));
        std::thread::yield_now();
    }
    server.join().map_err(text)?.map_err(text)
}

fn a_read_times_out() -> Result {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(text)?;
    let address = listener.local_addr().map_err(text)?;
    let mut stream = TcpStream::connect(("127.0.0.1", address.port())).map_err(text)?;
    stream.set_read_timeout(Some(Duration::from_millis(10))).map_err(text)?;
    match stream.read(&mut [0]) {
        Err(error) if error.kind() == ErrorKind::TimedOut => Ok(()),
        other => Err(text(other)),
    }
}

fn nobody_listens() -> Result {
    match TcpStream::connect(("127.0.0.1", 9)) {
        Err(error) if error.kind() != ErrorKind::Other => Ok(()),
        other => Err(text(other)),
    }
}

fn the_time_of_day_goes_on() -> Result {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_err(text);
    let first = now()?;
    sleep(Duration::from_millis(3));
    let passed = now()?.saturating_sub(first);
    expect(first.as_secs() > 1_700_000_000, &format!("{first:?} after 1970"))?;
    expect((3..20).contains(&passed.as_millis()), &format!("{passed:?} passed in 3 ms"))
}

/// Ends while a thread of it is asleep: the ticktimer then answers nobody.
fn die_asleep() -> Result {
    spawn(|| sleep(Duration::from_millis(20)));
    let shared = Arc::new((Mutex::new(()), Condvar::new()));
    spawn(move || {
        let guard = shared.0.lock().unwrap_or_else(|error| error.into_inner());
        drop(shared.1.wait_timeout(guard, Duration::from_millis(20)));
    });
    sleep(Duration::from_millis(5));
    std::process::exit(0)
}

/// Ends while a thread of it reads: the network then answers nobody when bytes come.
fn die_reading() -> Result {
    let listener = TcpListener::bind("127.0.0.1:7001").map_err(text)?;
    let mut stream = TcpStream::connect("127.0.0.1:7001").map_err(text)?;
    let (peer, _) = listener.accept().map_err(text)?;
    stream.set_read_timeout(Some(Duration::from_millis(20))).map_err(text)?;
    spawn(move || stream.read(&mut [0; 10]));
    sleep(Duration::from_millis(5));
    drop(peer.shutdown(Shutdown::Read));
    std::process::exit(0)
}

/// Ends while a thread of it accepts.
fn die_accepting() -> Result {
    let listener = TcpListener::bind("127.0.0.1:7001").map_err(text)?;
    spawn(move || listener.accept());
    sleep(Duration::from_millis(5));
    std::process::exit(0)
}
