//! A hostile neighbour: a program that sends anything at all from twelve threads, beside programs that mean well. They
//! notice nothing, get nothing of it, and nothing is left of it.

mod attack;
mod forge;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use hosted::peer::Peer;
use hosted::{hear, tell};
use xous_api_websocket::error::{ListenError, OpenError};
use xous_api_websocket::wire::Handle;
use xous_api_websocket::{Code, Kind, Listen, Listener, Part, Payload, Websocket};

use self::attack::Attack;
use self::forge::Forge;
use crate::by_hand::Client;
use crate::common::random::Random;
use crate::common::raw::{BINARY, TEXT};
use crate::common::{NOBODY, PATIENCE, nothing_is_left, open, pattern_at, request, system};
use crate::serve::{FIRST, PAGE, listen, listener, pair};

/// How long the attack lasts, unless HOSTILE_SECONDS says otherwise.
const SECONDS: u64 = 25;
/// What it draws its numbers from, unless HOSTILE_SEED says otherwise.
const SEED: u64 = 15;
/// What the innocents' messages begin with, and no page of the attacker may ever hold.
const SECRET: &str = "for the eyes of the innocent alone: ";
/// The longest message of an innocent: more than a page.
const LONGEST: usize = 9000;
/// Between two rounds of an innocent. Each costs the hosted kernel memory.
const PACE: Duration = Duration::from_millis(10);

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |value| value.parse().expect("a number"))
}

#[test]
fn whatever_a_program_sends_others_notice_nothing_and_nothing_is_left() {
    let time = Duration::from_secs(setting("HOSTILE_SECONDS", SECONDS));
    system!()
        .time_limit(time + Duration::from_secs(90))
        .role("hostile", || hostile(time))
        .role("visitor", visitor)
        .role("keeper", keeper)
        .role("fresh", fresh)
        .run_roles();
}

/// The attacker.
fn hostile(time: Duration) {
    let echo = Peer::echo().unwrap();
    let port = hear().parse().unwrap();
    let foreign = Handle::from_raw(hear().parse().unwrap()).unwrap();
    let seed = setting("HOSTILE_SEED", SEED);
    println!("hostile for {time:?} with the seed {seed}");
    let forge = Forge::new([echo.address().port(), NOBODY.port()], vec![port], vec![foreign, FIRST]);
    let attack = Attack::new(forge, SECRET);
    attack.run(time, seed);
    ["visitor", "keeper"].iter().for_each(|innocent| tell(innocent, "over"));
    assert_eq!(hear(), "your turn");
    attack.lends_a_megabyte();
    tell("fresh", "served");
}

/// The attack is over, as another thread has heard.
fn heard_of_the_end(over: &AtomicBool) {
    assert_eq!(hear(), "over");
    over.store(true, Relaxed);
}

/// Who opens, echoes and closes, again and again.
fn visitor() {
    let over = AtomicBool::new(false);
    let peer = Peer::echo().unwrap();
    let mut random = Random::new(SEED);
    let (mut rounds, mut messages, mut waits, mut worst) = (0, 0, 0, Duration::ZERO);
    std::thread::scope(|scope| {
        scope.spawn(|| heard_of_the_end(&over));
        while !over.load(Relaxed) {
            let start = Instant::now();
            let (ws, refused) = open_the_last(&peer);
            waits += usize::from(refused);
            for _ in 0..=random.below(3) {
                echo(&ws, messages, &mut random);
                messages += 1;
            }
            assert_eq!(ws.close(1000, "done").map(u16::from), Ok(1000));
            worst = worst.max(start.elapsed());
            rounds += 1;
            // A pace, not a wait for anything.
            std::thread::sleep(PACE);
        }
    });
    println!(
        "visitor: {rounds} connections, {messages} messages; the worst took {worst:?}, {waits} came too soon"
    );
    tell("fresh", "visitor is done");
}

/// Opens a connection while others have all but the last, which the one that was closed just now may still hold; whether
/// it did.
fn open_the_last(peer: &Peer) -> (Websocket, bool) {
    let start = Instant::now();
    let mut refused = false;
    loop {
        match Websocket::open(&request(peer)) {
            Ok(ws) => return (ws, refused),
            Err(OpenError::Failed { code: Code::NoWorker, .. }) if start.elapsed() < PATIENCE => {
                refused = true
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// A message that nobody else sends.
fn own_message(number: usize, random: &mut Random) -> Vec<u8> {
    let len = random.place(LONGEST);
    let head = format!("{SECRET}{number} ");
    head.bytes().chain((0..len).map(|at| pattern_at(at + number) & 0x7f)).collect()
}

/// Sends one, whole or in parts, and gets it back.
fn echo(ws: &Websocket, number: usize, random: &mut Random) {
    let message = own_message(number, random);
    let kind = random.one_of(&[Kind::Text, Kind::Binary]);
    if random.once_in(3) {
        let (first, last) = message.split_at(random.place(message.len()));
        ws.send_fragment(kind, Part::First, first).unwrap();
        ws.send_fragment(kind, Part::Last, last).unwrap();
    } else {
        ws.send_fragment(kind, Part::Whole, &message).unwrap();
    }
    let back = ws.receive_whole(2 * LONGEST).unwrap();
    assert_eq!(back.kind(), kind);
    let back = back.as_bytes();
    assert!(back == message, "message {number}: {} bytes came back of {}", back.len(), message.len());
}

/// Who listens and keeps what it has: a client, a channel, a connection to elsewhere.
fn keeper() {
    let over = AtomicBool::new(false);
    let listener = listener(&listen());
    let peer = Peer::echo().unwrap();
    let ws = open(&peer);
    let (mut client, incoming) = pair(&listener);
    listener.join(&incoming.websocket, "room").unwrap();
    tell("hostile", &listener.port().to_string());
    tell("hostile", &incoming.websocket.handle().to_raw().to_string());
    let mut random = Random::new(!SEED);
    let (mut rounds, mut worst) = (0, Duration::ZERO);
    std::thread::scope(|scope| {
        scope.spawn(|| heard_of_the_end(&over));
        while !over.load(Relaxed) {
            let start = Instant::now();
            echo(&ws, rounds, &mut random);
            let message = own_message(rounds, &mut random);
            client.send_frame(BINARY, &message);
            assert!(
                incoming.websocket.receive_whole(2 * LONGEST).unwrap() == Payload::Binary(message.clone())
            );
            incoming.websocket.send_binary(&message).unwrap();
            let frame = client.frame();
            assert!(frame.first == BINARY && frame.payload == message, "round {rounds}");
            assert_eq!(listener.broadcast("room", Kind::Text, &message), Ok(1));
            let frame = client.frame();
            assert!(frame.first == TEXT && frame.payload == message, "round {rounds}");
            worst = worst.max(start.elapsed());
            rounds += 1;
            // A pace, not a wait for anything.
            std::thread::sleep(PACE);
        }
    });
    println!("keeper: {rounds} rounds of three messages; the worst took {worst:?}");
    // Its routes are its own to the end.
    page_is_there(&listener);
    assert_eq!(ws.close(1000, "").map(u16::from), Ok(1000));
    client.close();
    drop(incoming);
    drop(listener);
    tell("fresh", "keeper is done");
    assert_eq!(hear(), "your turn");
    let third = self::listener(&listen());
    page_is_there(&third);
    tell("fresh", "served");
}

fn page_is_there(listener: &Listener) {
    let get = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let mut client = Client::with(listener.port(), get);
    assert_eq!(client.answer().body, PAGE.as_bytes());
}

/// Who comes when all is over, and gets all that there is for one program.
fn fresh() {
    for _ in 0..2 {
        hear();
    }
    let figures = nothing_is_left();
    println!("afterwards: {figures:?}");
    let peer = Peer::echo().unwrap();
    let all: Vec<_> = std::iter::from_fn(|| Websocket::open(&request(&peer)).ok()).collect();
    // The service's database client has a worker's place from its first use on.
    assert!(all.len() >= 10, "{} connections", all.len());
    let mut random = Random::new(SEED);
    for (number, ws) in all.iter().enumerate() {
        echo(ws, number, &mut random);
    }
    all.iter().for_each(|ws| assert_eq!(ws.close(1000, "").map(u16::from), Ok(1000)));
    nothing_is_left();
    let ports = [listener(&listen()), listener(&listen())];
    let join = Listen::new("127.0.0.1", ports[0].port());
    let joined: Vec<_> = std::iter::from_fn(|| Listener::listen(&join).ok()).collect();
    assert_eq!(joined.len(), 14, "listeners");
    assert!(matches!(Listener::listen(&listen()), Err(ListenError::Failed { code: Code::NoListener, .. })));
    for other in ["keeper", "hostile"] {
        tell(other, "your turn");
        assert_eq!(hear(), "served");
    }
    for listener in &ports {
        page_is_there(listener);
        let (client, _incoming) = pair(listener);
        client.close();
    }
    drop((joined, ports));
    nothing_is_left();
}
