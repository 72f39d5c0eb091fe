//! An open connection without traffic costs nothing: no thread of the service runs.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use xous_api_websocket::{Deadlines, Heartbeat, Payload, Reconnect, Websocket};

use crate::common::raw::read_frame;
use crate::common::{PATIENCE, nothing_is_open, peers, reconnecting, request, seen, stats_when, system};

/// How long nothing may happen.
const QUIET: Duration = Duration::from_secs(10);
/// How long nothing must have happened for the service to have come to rest behind its last answer.
const REST: Duration = Duration::from_millis(200);

#[test]
fn an_idle_connection_wakes_no_thread() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let short = Duration::from_millis(250);
        let deadlines = Deadlines::new().write(short).stall(short);
        let ws = Websocket::open(&request(&peer).options(deadlines)).unwrap();
        stats_when(|stats| stats.timers == 0 && stats.connections == 1);
        stays_asleep();

        for round in 0..100 {
            let data = vec![round; 1000 * usize::from(round)];
            ws.send_binary(&data).unwrap();
            assert_eq!(ws.receive_whole(data.len()).unwrap(), Payload::Binary(data));
        }
        // This time with a page that waits for the next message.
        let receiving = ws.clone();
        nothing_is_open();
        let receiver = std::thread::spawn(move || receiving.receive_text(100));
        stats_when(|stats| stats.timers == 0 && stats.open_messages == 2);
        stays_asleep();

        ws.send_text("wakes up").unwrap();
        assert_eq!(receiver.join().unwrap().unwrap(), "wakes up");
    });
}

/// With all on that makes a connection last, and while it waits to be opened again.
#[test]
fn what_makes_a_connection_last_costs_nothing_in_between() {
    const HOUR: Duration = Duration::from_secs(3600);
    system!().run(|| {
        let (peer, streams) = peers::by_hand(|mut stream, streams: &Sender<TcpStream>| {
            assert_eq!(read_frame(&mut stream).unwrap().payload, b"beat");
            streams.send(stream).unwrap();
        });
        let options = Deadlines::new().write(Duration::from_millis(250)).keepalive(HOUR);
        let request = request(&peer).options(options).heartbeat(Heartbeat::text("beat", HOUR));
        let ws = Websocket::open(&request.reconnect(Reconnect::new().first(HOUR).largest(HOUR))).unwrap();
        let stream = seen(&streams);
        // The next ping and the next heartbeat.
        stats_when(|stats| stats.timers == 2);
        stays_asleep();
        drop(stream);
        reconnecting(&ws);
        // One worker waits.
        stats_when(|stats| stats.timers == 0 && stats.workers_busy == 1);
        stays_asleep();
        ws.close(1000, "").unwrap();
    });
}

/// No thread of the service is given the processor for [`QUIET`], and none is started.
fn stays_asleep() {
    let service = service();
    let start = Instant::now();
    let before = loop {
        let switches = context_switches(&service);
        std::thread::sleep(REST);
        if context_switches(&service) == switches {
            break switches;
        }
        assert!(start.elapsed() < PATIENCE, "never at rest");
    };
    assert!(before.len() >= 4, "dispatcher, timer, reader and writer: {before:?}");
    // What is measured, not a wait for something.
    std::thread::sleep(QUIET);
    assert_eq!(context_switches(&service), before);
}

/// Voluntary and involuntary context switches so far, by thread.
fn context_switches(process: &Path) -> BTreeMap<String, u64> {
    let tasks = fs::read_dir(process.join("task")).unwrap();
    tasks
        .map(|task| {
            let task = task.unwrap();
            let status = fs::read_to_string(task.path().join("status")).unwrap();
            let switches = status.lines().filter_map(|line| line.split_once("voluntary_ctxt_switches:"));
            let counts: Vec<u64> = switches.map(|(_, count)| count.trim().parse().unwrap()).collect();
            assert_eq!(counts.len(), 2, "{status}");
            (task.file_name().into_string().unwrap(), counts.iter().sum())
        })
        .collect()
}

/// The service's directory in /proc: the one process of this system's process group that runs its binary.
fn service() -> PathBuf {
    let binary = fs::canonicalize(env!("CARGO_BIN_EXE_websocket")).unwrap();
    let group = process_group(Path::new("/proc/self")).unwrap();
    let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let mut services = processes.filter(|process| {
        process_group(process) == Some(group)
            && fs::read_link(process.join("exe")).is_ok_and(|exe| exe == binary)
    });
    let service = services.next().expect("the service runs");
    assert_eq!(services.next(), None);
    service
}

/// The fifth field of `stat`; the second, in parentheses, may hold anything.
fn process_group(process: &Path) -> Option<u32> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}
