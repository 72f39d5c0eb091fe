//! Everything at once, for minutes: `cargo xtask soak`. Echoes, fragments, broadcasts, connections that come and go, uploads
//! and a slow reader share one service. Each message has a number and is checked: none is lost, doubled, changed or out of
//! order, and the service's memory is at the end what it was near the beginning.

#[allow(dead_code, reason = "made for the tests of the server role")]
#[path = "../server/by_hand.rs"]
mod by_hand;
#[allow(dead_code, unused_imports, unused_macros, reason = "each program of tests uses a part of it")]
#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, reason = "each program of tests uses a part of it")]
#[path = "../server/process.rs"]
mod process;
#[allow(dead_code, reason = "made for the tests of uploads")]
#[path = "../upload/sender.rs"]
mod sender;

mod clients;
mod meter;
mod rooms;
mod uploads;

use std::time::Duration;

use xous_api_websocket::wire::SERVER_NAME;
use xous_api_websocket::{Listen, Listener, Route, serve::ListenLimits};

use crate::common::{nothing_is_left, service};
use crate::meter::Soak;

/// How long it lasts, unless SOAK_MINUTES says otherwise.
const MINUTES: u64 = 1;
/// For what is not the soak itself: the start, and what a slow reader has yet to read.
const AROUND: Duration = Duration::from_secs(120);

/// Settings of the service's allocator (glibc's), by which the process has the memory that it holds, and not the most that
/// it has ever held: one heap for all threads, as on the device, none put aside by each thread for itself, and what is
/// freed goes back to the host if it is a page or more.
const TUNABLES: &str = "glibc.malloc.arena_max=1:glibc.malloc.tcache_count=0:\
                        glibc.malloc.mmap_threshold=4096:glibc.malloc.trim_threshold=4096";

/// Paths of the port, each with the number of its route.
const ROUTES: [&str; 3] = ["/room", "/churn", "/slow"];

/// How often everything is done with all connections before it begins.
const WARM_UP: usize = 3;

/// A part of the soak: its name in the reports, and what it does until the time is over.
type Part = (&'static str, fn(&Soak, &Listener));

/// What goes on at the same time.
const PARTS: [Part; 6] = [
    ("echoes", clients::echoes),
    ("fragments", clients::fragments),
    ("broadcasts", rooms::broadcasts),
    ("churn", clients::churn),
    ("uploads", uploads::uploads),
    ("slow reader", rooms::slow_reader),
];

#[test]
#[ignore = "takes as many minutes as it is told: cargo xtask soak"]
fn soak() {
    let minutes = std::env::var("SOAK_MINUTES").map_or(MINUTES, |minutes| minutes.parse().expect("minutes"));
    let time = Duration::from_secs(60 * minutes);
    let service = service().env("GLIBC_TUNABLES", TUNABLES);
    hosted::test!().service(service, SERVER_NAME).shown().time_limit(time + AROUND).run(|| {
        // One address may have all there is; it has eight.
        let limits = ListenLimits::new().connections(64).per_peer(64);
        let listener = Listener::listen(&Listen::new("127.0.0.1", 0).limits(limits)).unwrap();
        for path in ROUTES {
            listener.add_route(&Route::receiver(path)).unwrap();
        }
        for _ in 0..WARM_UP {
            clients::all_at_once(&listener);
            uploads::all_at_once();
        }
        let soak = Soak::new(time);
        std::thread::scope(|scope| {
            for (part, (_, run)) in PARTS.iter().enumerate() {
                let (soak, listener) = (&soak, &listener);
                let name = PARTS[part].0.to_owned();
                let body = move || soak.part(part, || run(soak, listener));
                std::thread::Builder::new().name(name).spawn_scoped(scope, body).unwrap();
            }
            soak.watch();
        });
        drop(listener);
        nothing_is_left();
        soak.report();
    });
}

/// The number of a route.
fn route(path: &str) -> u16 {
    1 + ROUTES.iter().position(|route| *route == path).unwrap() as u16
}
