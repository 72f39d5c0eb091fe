//! Paths that are cut, servers that are killed, and servers that drop everybody, under connections that are opened again.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use xous_api_websocket::{Code, Deadlines, Event, Reconnect, Request, Websocket};

use crate::common::raw::{CLOSE, TEXT, frame, read_frame};
use crate::common::{PATIENCE, nothing_is_left, peers, request, system};

const SHORT: Duration = Duration::from_millis(100);

/// A way to a server that can swallow what passes, in both directions, and let nobody through.
struct Path {
    port: u16,
    swallows: Arc<AtomicBool>,
}

impl Path {
    fn to(server: std::net::SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let swallows = Arc::new(AtomicBool::new(false));
        let state = swallows.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(server).unwrap());
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let state = state.clone();
                    thread::spawn(move || pass(&mut from, &mut to, &state));
                }
            }
        });
        Path { port, swallows }
    }
}

/// What goes lost stays lost, and so does the connection that it belonged to.
fn pass(from: &mut TcpStream, to: &mut TcpStream, swallows: &AtomicBool) {
    let mut buffer = [0; 4096];
    let mut lost = false;
    while let Ok(len @ 1..) = from.read(&mut buffer) {
        lost |= swallows.load(SeqCst);
        if !lost && to.write_all(&buffer[..len]).is_err() {
            break;
        }
    }
    if !lost {
        to.shutdown(Shutdown::Write).ok();
    }
}

fn next(ws: &Websocket) -> Event<'_> {
    ws.receive_event().unwrap()
}

/// The path swallows everything until the loss is noticed and an attempt has failed; how long the first took.
fn lost_and_found(ws: &Websocket, path: &Path) -> Duration {
    path.swallows.store(true, SeqCst);
    let start = Instant::now();
    ws.send_text("lost").ok();
    let Event::Reconnecting { why, .. } = next(ws) else { panic!() };
    let noticed = start.elapsed();
    assert_eq!(why, Code::NoPong);
    let Event::Reconnecting { why: Code::Timeout, .. } = next(ws) else { panic!("nobody answers") };
    path.swallows.store(false, SeqCst);
    loop {
        match next(ws) {
            Event::Reconnecting { .. } => assert!(start.elapsed() < PATIENCE),
            Event::Reopened { .. } => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ws.exchange_text("after", 10).unwrap(), "after");
    noticed
}

#[test]
fn a_path_that_swallows_everything_is_noticed_and_the_way_back_is_found() {
    let (interval, pong) = (10 * SHORT, 3 * SHORT);
    system!().run(move || {
        let echo = Peer::echo().unwrap();
        let path = Path::to(echo.address());
        let deadlines = Deadlines::new().keepalive(interval).pong(pong).open(20 * SHORT);
        let policy = Reconnect::new().first(SHORT).largest(2 * SHORT);
        let request = Request::new("127.0.0.1", path.port).options(deadlines).reconnect(policy);
        let ws = Websocket::open(&request).unwrap();
        ws.send_text("before").unwrap();
        assert_eq!(ws.receive_text(10).unwrap(), "before");
        // Not each time on a machine that has no time for it.
        let in_time = (0..10).find_map(|_| {
            let noticed = lost_and_found(&ws, &path);
            assert!(noticed >= pong, "{noticed:?}");
            (noticed < interval + pong + 5 * SHORT).then_some(noticed)
        });
        let noticed = in_time.expect("the loss is noticed in time");
        println!("noticed after {noticed:?}");
        ws.close(1000, "").unwrap();
        nothing_is_left();
    });
}

/// None comes twice, none out of order, and each that is lost is known.
#[test]
fn a_thousand_messages_over_ten_cuts() {
    const MANY: usize = 1000;
    const CUTS: usize = 10;
    // Messages that are under way at most, so that a cut costs no more of them where the peer has no processor.
    const AHEAD: usize = 20;
    system!().run(|| {
        for queues in [false, true] {
            let got = Arc::new(Mutex::new(Vec::new()));
            let (sessions, got_here) = (AtomicUsize::new(0), got.clone());
            // Each session but the last one ends after so many messages, wherever that is.
            let (peer, arrived) = peers::by_hand(move |mut stream, arrived: &Sender<usize>| {
                let mut left =
                    if sessions.fetch_add(1, SeqCst) < CUTS { MANY / (2 * CUTS) } else { usize::MAX };
                while left > 0 {
                    let Ok(received) = read_frame(&mut stream) else { return };
                    if received.first == CLOSE {
                        stream.write_all(&frame(CLOSE, &received.payload)).ok();
                        return;
                    }
                    let text = String::from_utf8(received.payload).unwrap();
                    arrived.send(text.parse().unwrap()).unwrap();
                    got_here.lock().unwrap().push(text);
                    left -= 1;
                }
            });
            let policy = Reconnect::new().first(SHORT / 10).largest(SHORT / 10).queues(queues);
            let ws = Websocket::open(&request(&peer).reconnect(policy)).unwrap();
            let (mut told, mut highest) = (Vec::new(), 0);
            for number in 0..MANY {
                // Those that a cut has cost never arrive.
                while highest + AHEAD < number
                    && let Ok(arrived) = arrived.recv_timeout(SHORT)
                {
                    highest = highest.max(arrived);
                }
                // Refused at once while the connection is opened again, so a message may have to be sent again.
                let start = Instant::now();
                let mut sent = ws.send_text(&number.to_string());
                while sent.as_ref().is_err_and(|error| error.to_string().contains("opened again")) {
                    assert!(start.elapsed() < PATIENCE);
                    sent = ws.send_text(&number.to_string());
                }
                if sent.is_err() {
                    told.push(number);
                }
            }
            ws.close(1000, "").unwrap();
            let got = std::mem::take(&mut *got.lock().unwrap());
            let numbers: Vec<usize> = got.iter().map(|text| text.parse().unwrap()).collect();
            assert!(numbers.is_sorted_by(|one, two| one < two), "doubled or out of order");
            let lost = MANY - numbers.len();
            // Those that a socket had taken when the peer was gone are lost without a word: TCP does not tell.
            assert!(lost >= told.len() && lost < MANY / 2, "{lost} lost");
            println!("{} arrived, {} refused with word, {lost} lost in all", numbers.len(), told.len());
            assert!(told.iter().all(|number| !numbers.contains(number)), "told as lost, and there");
            nothing_is_left();
        }
    });
}

/// A server of Python on this port.
struct Python(Child);

impl Python {
    fn on(port: u16) -> Self {
        let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client/peers/plain.py");
        let mut python = hosted::tools::command("python3");
        let start = Instant::now();
        loop {
            let python =
                python.arg(&script).arg(port.to_string()).stdin(Stdio::null()).stdout(Stdio::piped());
            let mut python = Python(python.spawn().unwrap());
            let mut line = String::new();
            BufReader::new(python.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
            if line == "ready\n" {
                return python;
            }
            assert!(start.elapsed() < PATIENCE, "{line:?}");
        }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_server_that_is_killed_gets_all_ten_back() {
    const CLIENTS: usize = 10;
    // Below the ports that the system gives to others.
    let port = 21_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    system!().run(move || {
        let first = Duration::from_millis(500);
        let policy = Reconnect::new().first(first).largest(4 * first).jitter(100);
        let request = Request::new("127.0.0.1", port).reconnect(policy);
        let server = Python::on(port);
        let clients: Vec<_> = (0..CLIENTS).map(|_| Websocket::open(&request).unwrap()).collect();
        clients.iter().for_each(|ws| assert_eq!(ws.receive_text(10).unwrap(), "hello"));
        drop(server);
        let mut waits: Vec<_> = clients
            .iter()
            .map(|ws| match next(ws) {
                Event::Reconnecting { why: Code::Closed, wait, attempt: 1, .. } => wait,
                other => panic!("{other:?}"),
            })
            .collect();
        waits.sort();
        println!("first waits: {waits:?}");
        assert!(waits.iter().all(|&wait| wait >= first && wait <= 2 * first), "{waits:?}");
        assert!(waits[CLIENTS - 1] - waits[0] > first / 4, "not spread: {waits:?}");
        // Everybody meets a closed port at least once.
        let mut attempts = HashMap::new();
        for (number, ws) in clients.iter().enumerate() {
            let Event::Reconnecting { why: Code::Connect, attempt: 2, .. } = next(ws) else { panic!() };
            attempts.insert(number, 2);
        }
        let _server = Python::on(port);
        for (number, ws) in clients.iter().enumerate() {
            loop {
                match next(ws) {
                    Event::Reconnecting { attempt, .. } => attempts.insert(number, attempt),
                    Event::Reopened { .. } => break,
                    other => panic!("{other:?}"),
                };
            }
            assert_eq!(ws.receive_text(10).unwrap(), "hello");
        }
        println!("attempts: {attempts:?}");
        clients.iter().for_each(|ws| assert_eq!(ws.close(1000, "").map(u16::from), Ok(1000)));
        drop(clients);
        nothing_is_left();
    });
}

/// A server that accepts and drops at once is met with waits that grow.
#[test]
fn a_server_that_drops_everybody_is_left_alone() {
    system!().run(|| {
        let (peer, sessions) = peers::by_hand(|mut stream, sessions| {
            stream.write_all(&frame(TEXT, b"hello")).unwrap();
            sessions.send(Instant::now()).ok();
        });
        let policy = Reconnect::new().first(SHORT / 2).largest(16 * SHORT).jitter(20);
        let ws = Websocket::open(&request(&peer).reconnect(policy)).unwrap();
        let start = Instant::now();
        while start.elapsed() < 60 * SHORT {
            let _ = next(&ws);
        }
        let times: Vec<_> = sessions.try_iter().collect();
        // 50, 100, 200, 400 and 800 ms, then 1600 each.
        assert!((5..=9).contains(&times.len()), "{} sessions", times.len());
        let waits: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(waits.last() > waits.first(), "{waits:?}");
        ws.close(1000, "").ok();
        nothing_is_left();
    });
}
