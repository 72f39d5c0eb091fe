//! One address that takes what it can get, and somebody elsewhere who is served all the same.

use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use xous_api_websocket::{Listener, Route, Websocket};

use crate::by_hand::{Client, upgrade_request};
use crate::common::elsewhere::{Crowd, Way, connect_from};
use crate::common::raw::expect_close;
use crate::common::{PATIENCE, nothing_is_left, peers, request, stats_when, system};
use crate::process::Process;
use crate::serve::{PAGE, listen, listener, pair, roomy};

pub(crate) const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const INNOCENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
const TRIES: usize = 50;
/// Of so many tries, so many succeed.
const SERVED: usize = 48;
/// Between two tries, so that they meet all stages of an attack.
const PAUSE: Duration = Duration::from_millis(40);

const SLOW_HEAD: Way = Way { begin: "GET / HTTP/1.1\r\nX: ", drops: "x", slow: true };
const IDLE: Way = Way { begin: "GET / HTTP/1.1\r\nHost: h\r\n\r\n", drops: "", slow: false };
/// Asks again and again, and takes the answers as slowly as it can.
const GREEDY: Way = Way { begin: "", drops: "GET /long HTTP/1.1\r\nHost: h\r\n\r\n", slow: true };

/// Gets the page as a stranger to the attackers; whether it did.
pub(crate) fn page(port: u16) -> bool {
    let Ok(mut stream) = connect_from(INNOCENT, port) else { return false };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let mut answer = String::new();
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200 ")
        && answer.ends_with(PAGE)
}

/// How often the page was got, and the longest that a try took.
fn tries(port: u16) -> (usize, Duration) {
    let (mut served, mut longest) = (0, Duration::ZERO);
    for _ in 0..TRIES {
        let start = Instant::now();
        served += usize::from(page(port));
        longest = longest.max(start.elapsed());
        std::thread::sleep(PAUSE);
    }
    (served, longest)
}

/// As [`innocents_beside`], and nothing is left.
fn innocents_are_served(name: &str, ports: &[&Listener], size: usize, way: Way) {
    innocents_beside(name, ports, size, way);
    nothing_is_left();
}

/// A program of the device opens connections while the attack lasts, and somebody else asks for the page.
fn innocents_beside(name: &str, ports: &[&Listener], size: usize, way: Way) {
    let (peer, _reports) = peers::by_hand::<()>(|mut stream, _| drop(expect_close(&mut stream)));
    let crowd = Crowd::new();
    std::thread::scope(|scope| {
        for listener in ports {
            crowd.gather(scope, size, STRANGER, listener.port(), way);
        }
        stats_when(|stats| stats.workers_busy >= 6);
        let (served, longest) = tries(ports[0].port());
        let opened = (0..TRIES)
            .filter(|_| Websocket::open(&request(&peer)).is_ok_and(|socket| socket.close(1000, "").is_ok()))
            .count();
        let came = crowd.came.load(std::sync::atomic::Ordering::Relaxed);
        println!(
            "{name}: {served} of {TRIES} served, the longest in {longest:?}; {opened} opened; {came} attacks"
        );
        crowd.disperse();
        assert!(served >= SERVED && opened == TRIES, "{name}: {served} served, {opened} opened");
    });
}

#[test]
fn silent_clients_of_one_address_lock_nobody_out() {
    system!().run(|| {
        let listener = listener(&listen());
        innocents_are_served("16 silent", &[&listener], 16, Way::SILENT);
    });
}

#[test]
fn slow_heads_of_one_address_lock_nobody_out() {
    system!().run(|| {
        let listener = listener(&listen());
        innocents_are_served("16 slow heads", &[&listener], 16, SLOW_HEAD);
    });
}

#[test]
fn idle_clients_of_one_address_lock_nobody_out() {
    system!().run(|| {
        let listener = listener(&listen());
        innocents_are_served("16 idle", &[&listener], 16, IDLE);
    });
}

/// The limits let one address have all of it.
#[test]
fn clients_that_may_take_all_workers_lock_nobody_out() {
    system!().time_limit(Duration::from_secs(120)).run(|| {
        for (name, way) in [("silent", Way::SILENT), ("slow heads", SLOW_HEAD), ("idle", IDLE)] {
            let listener = listener(&listen().limits(roomy()));
            innocents_are_served(&format!("40 {name}"), &[&listener], 40, way);
        }
    });
}

#[test]
fn clients_that_take_their_answers_slowly_lock_nobody_out() {
    system!().run(|| {
        let listener = listener(&listen());
        listener.add_route(&Route::page("/long", "text/plain", &[b'x'; Route::MAX_BODY])).unwrap();
        innocents_are_served("16 greedy", &[&listener], 16, GREEDY);
    });
}

#[test]
fn two_ports_full_of_strangers_leave_workers_to_programs() {
    system!().run(|| {
        let (one, two) = (listener(&listen()), listener(&listen()));
        innocents_are_served("2 x 16 silent", &[&one, &two], 16, Way::SILENT);
    });
}

/// Programs take every client, on two ports at the default limits: first WebSockets that stay, then clients that say
/// nothing.
#[test]
fn websockets_of_one_address_on_two_ports_lock_nobody_out() {
    for silent in [false, true] {
        system!().run(move || {
            let (one, two) = (Arc::new(listener(&listen())), Arc::new(listener(&listen())));
            for listener in [&one, &two] {
                let listener = listener.clone();
                std::thread::spawn(move || {
                    let clients = std::iter::from_fn(|| listener.accept().ok());
                    clients.collect::<Vec<_>>()
                });
            }
            let ask = |port| {
                let mut client = Client::over(connect_from(STRANGER, port).unwrap());
                client.send(upgrade_request("/ws", ""));
                let status = client.answer_to_head().status;
                assert!([101, 429, 503].contains(&status), "{status}");
                (client, status)
            };
            let ports = if silent { vec![one.port()] } else { vec![one.port(), two.port()] };
            let asked: Vec<_> = ports.into_iter().flat_map(|port| [port; 8].map(ask)).collect();
            let open = asked.iter().filter(|(_, status)| *status == 101).count();
            assert_eq!(open, 8, "no more than its share");
            let ports = if silent { vec![&*one, &*two] } else { vec![&*one] };
            let size = if silent { 16 } else { 0 };
            innocents_beside(&format!("{open} WebSockets and {size} silent"), &ports, size, Way::SILENT);
            let mut innocent = Client::over(connect_from(INNOCENT, one.port()).unwrap());
            innocent.send(upgrade_request("/ws", ""));
            innocent.opened();
        });
    }
}

/// Nobody takes the clients of this route now.
#[test]
fn clients_that_wait_for_a_program_lock_nobody_out() {
    const UPGRADE: Way = Way {
        begin: "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        drops: "",
        slow: false,
    };
    system!().run(|| {
        let listener = listener(&listen().limits(roomy()));
        innocents_are_served("24 at the door", &[&listener], 24, UPGRADE);
    });
}

#[test]
fn whoever_is_idle_longest_makes_room() {
    system!().run(|| {
        let listener = listener(&listen().limits(roomy().connections(3)));
        let (socket, _incoming) = pair(&listener);
        let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        let mut first = Client::with(listener.port(), get);
        assert_eq!(first.answer().status, 200);
        let mut second = Client::with(listener.port(), get);
        assert_eq!(second.answer().status, 200);
        let mut third = Client::with(listener.port(), get);
        assert_eq!(third.answer().status, 200);
        first.ended();
        second.send(get);
        assert_eq!(second.answer().status, 200);
        let mut fourth = Client::with(listener.port(), get);
        assert_eq!(fourth.answer().status, 200);
        third.ended();
        socket.close();
    });
}

/// As a browser does that opens and closes connections as it goes.
#[test]
fn eight_or_twelve_at_a_time_are_all_served() {
    system!().run(|| {
        let listener = listener(&listen());
        for (clients, requests) in [(8, 250), (12, 100)] {
            let refused: usize = std::thread::scope(|scope| {
                let client = || scope.spawn(|| (0..requests).filter(|_| !page(listener.port())).count());
                let clients: Vec<_> = (0..clients).map(|_| client()).collect();
                clients.into_iter().map(|client| client.join().unwrap()).sum()
            });
            assert_eq!(refused, 0, "of {clients} x {requests}");
        }
        nothing_is_left();
    });
}

/// More than fit: each gets an answer, whatever it is.
#[test]
fn forty_at_a_time_all_get_an_answer() {
    system!().run(|| {
        let listener = listener(&listen());
        let get = "GET / HTTP/1.0\r\nHost: h\r\n\r\n";
        std::thread::scope(|scope| {
            for _ in 0..40 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        let mut client = Client::connect(listener.port());
                        // It takes a moment until it asks.
                        std::thread::yield_now();
                        assert!(client.try_send(get));
                        let answer = client.answer();
                        match answer.status {
                            200 => assert_eq!(answer.body, PAGE.as_bytes()),
                            429 | 503 => assert!(answer.field("Retry-After").is_some(), "{}", answer.head),
                            other => panic!("{other}"),
                        }
                        client.ended();
                    }
                });
            }
        });
        nothing_is_left();
    });
}

/// As many as come at once, and more than the service keeps of those that have a place, wait for one, are heard, or read
/// their refusal.
#[test]
fn of_silent_clients_that_are_refused_only_so_many_are_kept() {
    const CROWD: usize = 400;
    const KEPT: usize = 128;
    system!().run(|| {
        let listener = listener(&listen());
        let service = Process::service();
        let before = service.figures().files;
        let mut most = before;
        let mut look = || most = most.max(service.figures().files);
        let mut silent = Vec::new();
        for _ in 0..CROWD {
            silent.push(connect_from(STRANGER, listener.port()).unwrap());
            look();
        }
        // It comes last, and is accepted last.
        let served = page(listener.port());
        look();
        println!("{} files more beside {CROWD} silent clients", most - before);
        assert!(served, "somebody else");
        assert!(most - before < KEPT, "{most} files, {before} before");
        drop(silent);
        nothing_is_left();
    });
}
