//! The service is the server: a client comes to a program through the wire that fails.

use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use xous_api_websocket::{Listen, Listener, Route, ServerTls, serve::ListenLimits};

use crate::common::{PATIENCE, nothing_is_left, system};
use crate::matrix::{Detail, LANES, LONG, plans, run};
use crate::proxy::{Fault, HOST, Plan, Proxy, Way, server};
use crate::session::{Calls, End, MESSAGES, Outcome, answers, deadlines, peer_asks};
use crate::trace::{STEPS, Security, Trace, mark};

/// How long a client may take over its request where the wire stalls.
const HEAD: Duration = Duration::from_millis(400);
/// A client says by this that no other will come.
const OVER: &str = "over";
/// Reasons that go with 1006, by their beginnings.
const NO_ANSWER: [&str; 2] = ["no answer to a ping within", "the peer took nothing within"];
const BROKEN: [&str; 3] =
    ["the peer ended the connection without a Close frame", "the connection was lost", "truncated"];

/// How a client comes.
type Connect<'a> = &'a (dyn Fn(u16, &str, &mut dyn FnMut(usize)) + Sync);

/// A port whose deadlines end the waits of a wire that stalls, or do not matter. Each lane has a route; on every other one
/// the program decides on its clients before they are answered.
fn port(stalls: bool, tls: Option<ServerTls<'_>>) -> Listener {
    let head_time = if stalls { HEAD } else { PATIENCE };
    let limits = ListenLimits::new().connections(64).per_peer(64).head_time(head_time);
    let mut listen = Listen::new(HOST, 0).limits(limits).options(deadlines(stalls));
    listen.tls = tls;
    let listener = Listener::listen(&listen).unwrap();
    for lane in 0..LANES {
        // Numbers of routes begin with 1.
        let path = format!("/{lane}");
        let route = Route::receiver(&path);
        let route = if lane % 2 == 1 { route.decides() } else { route };
        let number = listener.add_route(&route).unwrap();
        assert_eq!(usize::from(number), lane + 1);
    }
    listener
}

/// A client has its conversation through the wire, and behind it another one says that nobody else will come. Both name
/// the attempt, as one whose connection is cut at once may be overtaken by those who come later.
fn attempt(listener: &Listener, lane: usize, plan: Option<Plan>, connect: Connect<'_>) -> Outcome {
    static ATTEMPTS: AtomicUsize = AtomicUsize::new(0);
    let number = ATTEMPTS.fetch_add(1, Relaxed);
    let own = format!("{number:06}");
    let over = format!("{own}-{OVER}");
    let paths = [&own, &over].map(|query| format!("/{lane}?{query}"));
    let proxy = Proxy::start(server(listener.port()), plan);
    let (port, through) = (listener.port(), proxy.port);
    let mut proxy = Some(proxy);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            connect(through, &paths[0], &mut |_| ());
            // It may be refused as well: there are deadlines for it, too, and others.
            let (mut is_there, start) = (false, Instant::now());
            while !is_there {
                assert!(start.elapsed() < PATIENCE, "nobody is let in any more");
                connect(port, &paths[1], &mut |_| is_there = true);
            }
        });
        let mut outcome = Calls::new().ended(0, End::Nobody);
        loop {
            let incoming = listener.accept_from(lane as u16 + 1).unwrap();
            if incoming.query.as_ref() == Some(&over) {
                return outcome;
            }
            if incoming.query.as_ref() != Some(&own) {
                continue;
            }
            assert_eq!(outcome.end, End::Nobody, "a client has come twice");
            outcome = answers(&incoming.websocket);
            // The client may wait for what never comes.
            proxy.take();
        }
    })
}

/// What an undisturbed conversation looks like on the wire.
fn trace(security: Security, listener: &Listener, connect: Connect<'_>) -> Trace {
    let mut proxy = Proxy::start(server(listener.port()), None);
    let mut marks = Vec::new();
    std::thread::scope(|scope| {
        let client = scope.spawn(|| connect(proxy.port, "/0?000000", &mut |_| marks.push(mark(&proxy))));
        let outcome = answers(&listener.accept().unwrap().websocket);
        assert!(matches!(outcome.end, End::Closed(1000, _)), "{outcome:?}");
        client.join().unwrap();
    });
    Trace::new(security, &marks, &proxy.passed_in_all())
}

/// Whether it ended as it may for the program. Bytes to the client may be missing behind what has come to the program;
/// where they end with a step, the client may not have gone on.
fn verdict(trace: &Trace, plan: Plan, outcome: &Outcome) -> Result<(), String> {
    let step = trace.step(plan.way, plan.after);
    let at_end = trace.is_end(plan.way, plan.after);
    let first = match plan.fault {
        Fault::Stall => 0,
        _ if at_end => step.saturating_sub(1),
        _ => step,
    };
    let reached = |step: usize| match (step, &outcome.end) {
        (0, End::Nobody) => true,
        (STEPS, End::Closed(1000, _)) => outcome.messages == MESSAGES.len(),
        (1..STEPS, End::Closed(1006, reason)) => {
            let told = match plan.fault {
                Fault::Stall => NO_ANSWER.iter().any(|cause| reason.starts_with(cause)),
                _ => BROKEN.iter().any(|cause| reason.starts_with(cause)),
            };
            outcome.messages == step - 1 && told
        }
        _ => false,
    };
    // What the client has sent for a step has come if the answer has begun.
    let later = usize::from(plan.way == Way::ToClient);
    match (first..=(step + later).min(STEPS)).any(reached) {
        true => Ok(()),
        false => Err(format!("step {first} to {} were to fail, by {trace:?}", step + later)),
    }
}

/// Disturbs a conversation in every way.
fn disturb(security: Security, tls: Option<ServerTls<'_>>, connect: Connect<'_>, detail: Detail) {
    let (patient, hasty) = (port(false, tls.clone()), port(true, tls));
    let trace = trace(security, &patient, connect);
    run(
        &format!("server, {security:?}"),
        &plans(&trace.edges(), detail),
        |lane, plan| {
            let listener = if plan.fault == Fault::Stall { &hasty } else { &patient };
            attempt(listener, lane, Some(plan), connect)
        },
        |plan, outcome| verdict(&trace, plan, outcome),
    );
    drop((patient, hasty));
    nothing_is_left();
}

/// A stream to a port whose waits end.
fn stream(port: u16) -> TcpStream {
    let stream = TcpStream::connect((HOST, port)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn disturb_plain(detail: Detail) {
    let connect = |port: u16, path: &str, each: &mut dyn FnMut(usize)| {
        // What becomes of the client is not what this is about.
        peer_asks(stream(port), &format!("ws://{HOST}:{port}{path}"), each).ok();
    };
    disturb(Security::Plain, None, &connect, detail);
}

#[test]
fn every_stage() {
    system!().run(|| disturb_plain(Detail::Stages));
}

#[test]
#[ignore = "takes minutes: cargo xtask faults"]
fn every_byte() {
    system!().time_limit(LONG).run(|| disturb_plain(Detail::Bytes));
}

/// Over TLS.
#[cfg(feature = "tls-ring")]
mod secure {
    use xous_api_websocket::tls::Identity;

    use super::*;
    use crate::tls::Keys;

    fn disturb_secure(security: Security, detail: Detail) {
        let keys = Keys::new();
        let tls = ServerTls::new(Identity::new(keys.chain.as_bytes(), keys.key.as_bytes()));
        let connect = |port: u16, path: &str, each: &mut dyn FnMut(usize)| {
            let url = format!("ws://{HOST}:{port}{path}");
            peer_asks(keys.client(security, stream(port)), &url, each).ok();
        };
        disturb(security, Some(tls), &connect, detail);
    }

    #[test]
    fn every_stage_over_tls_1_2() {
        system!().run(|| disturb_secure(Security::Tls12, Detail::Stages));
    }

    #[test]
    fn every_stage_over_tls_1_3() {
        system!().run(|| disturb_secure(Security::Tls13, Detail::Stages));
    }

    #[test]
    #[ignore = "takes minutes: cargo xtask faults"]
    fn every_byte_over_tls_1_2() {
        system!().time_limit(LONG).run(|| disturb_secure(Security::Tls12, Detail::Bytes));
    }

    #[test]
    #[ignore = "takes minutes: cargo xtask faults"]
    fn every_byte_over_tls_1_3() {
        system!().time_limit(LONG).run(|| disturb_secure(Security::Tls13, Detail::Bytes));
    }
}
