//! Much data over TLS.

use std::io::Read;
use std::time::{Duration, Instant};

use xous_api_websocket::{Tls, Websocket};

use crate::authority::Authority;
use crate::openssl::{Peer, Settings};
use crate::support::{request, system};

/// Bytes in each direction.
pub(crate) const MUCH: usize = 100 << 20;
/// The peer repeats this many bytes.
const PIECE: usize = 64 * 1024;
/// For one test, on a slow machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);

/// What the peer sends at this place of a message.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at ^ (at >> 8)) as u8).collect()
}

/// Receives as much as `source` of `stream.py` sends.
pub(crate) fn receive(ws: &Websocket) {
    let expected = pattern(PIECE);
    let (mut count, mut data) = (0, Vec::new());
    while count < MUCH {
        data.clear();
        ws.receive().unwrap().read_to_end(&mut data).unwrap();
        assert!(data == expected[..data.len()], "the message at {count} is not what was sent");
        count += data.len();
    }
    assert_eq!(count, MUCH);
}

/// Sends as much as `sink` of `stream.py` takes.
pub(crate) fn send(ws: &Websocket) {
    let piece = pattern(PIECE);
    for _ in 0..MUCH / PIECE {
        ws.send_binary(&piece).unwrap();
    }
}

/// SHA-256 of what `send` sends, as the peer computes it.
pub(crate) const DIGEST: &str = "f1f460e711b29e96c93254b679a466b57395794ac284c9b6685fb249a75fdc52";

fn stream(version: &str) {
    let ca = Authority::new("root");
    let peer = Peer::start(&Settings::new("websocket", &ca.server(&["localhost"])).only(version));
    let open = |path: &str| Websocket::open(&request(peer.port, path, Tls::only(&ca.der))).unwrap();
    let timed = |what: &str, work: &dyn Fn()| {
        let start = Instant::now();
        work();
        println!("{version} {what}: {:.0} MiB/s", 100.0 / start.elapsed().as_secs_f64());
    };

    let ws = open(&format!("/source?{MUCH}"));
    timed("in", &|| receive(&ws));
    let ws = open(&format!("/sink?{MUCH}"));
    timed("out", &|| {
        send(&ws);
        assert_eq!(ws.receive_text(100).unwrap(), format!("{MUCH} {DIGEST}"));
    });
    let ws = open(&format!("/duplex?{MUCH}"));
    timed("both ways at once", &|| {
        std::thread::scope(|scope| {
            scope.spawn(|| send(&ws));
            receive(&ws);
        });
        assert_eq!(ws.receive_text(100).unwrap(), format!("{MUCH} {DIGEST}"));
    });
}

#[test]
fn a_hundred_mebibytes_each_way_over_tls_1_2() {
    system!().time_limit(LIMIT).run(|| stream("TLSv1_2"));
}

#[test]
fn a_hundred_mebibytes_each_way_over_tls_1_3() {
    system!().time_limit(LIMIT).run(|| stream("TLSv1_3"));
}
