//! The service is the client: a program opens a connection through the wire that fails.

use std::net::{SocketAddr, TcpListener};

use hosted::peer::Peer;
use xous_api_websocket::error::{OpenError, ReceiveError, SendError};
use xous_api_websocket::{Code, Request, Tls, Websocket};

use crate::common::{nothing_is_left, pattern, system};
use crate::matrix::{Detail, LONG, plans, run};
use crate::proxy::{Fault, HOST, Plan, Proxy, Way};
use crate::session::{Calls, End, LATE, MESSAGES, Outcome, asks, deadlines};
use crate::trace::{STEPS, Security, Trace, mark};

/// Reasons that go with 1006, by their beginnings.
const NO_ANSWER: [&str; 2] = ["no answer to a ping within", "the peer took nothing within"];
const BROKEN: [&str; 3] =
    ["the peer ended the connection without a Close frame", "the connection was lost", "truncated"];

/// Asks for a connection through this port.
fn request<'a>(port: u16, stalls: bool, tls: Option<&Tls<'a>>) -> Request<'a> {
    let request = Request::new(HOST, port).options(deadlines(stalls));
    match tls {
        Some(tls) => request.tls(tls.clone()),
        None => request,
    }
}

/// Opens a connection, and has the conversation.
fn attempt(request: &Request<'_>) -> Outcome {
    let mut calls = Calls::new();
    match calls.time(|| Websocket::open(request)) {
        Ok(ws) => asks(&ws, calls, |_| ()),
        Err(OpenError::Failed { code, text }) => calls.ended(0, End::NotOpened(code, text)),
        Err(other) => calls.ended(0, End::Wrong(format!("open: {other:?}"))),
    }
}

/// What an undisturbed conversation looks like on the wire.
fn trace(security: Security, peer: SocketAddr, tls: Option<&Tls<'_>>) -> Trace {
    let mut proxy = Proxy::start(peer, None);
    let ws = Websocket::open(&request(proxy.port, false, tls)).unwrap();
    let mut marks = vec![mark(&proxy)];
    let outcome = asks(&ws, Calls::new(), |_| marks.push(mark(&proxy)));
    assert_eq!(outcome.end, End::Closed(1000, String::new()));
    Trace::new(security, &marks, &proxy.passed_in_all())
}

/// Whether it ended as it may: at the step for which bytes are missing. Where they end with a step, that step's own last
/// bytes may have been lost as well. A stall may be noticed sooner, as pings are counted as bytes.
fn verdict(security: Security, trace: &Trace, plan: Plan, outcome: &Outcome) -> Result<(), String> {
    let step = trace.step(plan.way, plan.after);
    let first = match plan.fault {
        Fault::Stall => 0,
        _ if trace.is_end(plan.way, plan.after) => step.saturating_sub(1),
        _ => step,
    };
    let refused = || (security != Security::Plain).then(|| trace.is_agreed(plan.way, plan.after));
    let fits = |step: usize| match (step, &outcome.end) {
        (0, End::NotOpened(code, _)) => match plan.fault {
            Fault::Stall => *code == Code::Timeout,
            // So early it may be there before the service has seen that it is connected.
            Fault::Reset if plan.after == 0 && *code == Code::Connect => true,
            _ => match refused() {
                None | Some(Some(true)) => *code == Code::Lost,
                Some(Some(false)) => *code == Code::TlsClosed,
                Some(None) => [Code::Lost, Code::TlsClosed].contains(code),
            },
        },
        (STEPS, End::Closed(1000, _)) => outcome.messages == MESSAGES.len(),
        // A close is told the code alone.
        (1..STEPS, End::Closed(1006, reason)) => {
            let told = match plan.fault {
                Fault::Stall => NO_ANSWER.iter().any(|cause| reason.starts_with(cause)),
                _ => BROKEN.iter().any(|cause| reason.starts_with(cause)),
            };
            outcome.messages == step - 1 && (told || step == STEPS - 1)
        }
        _ => false,
    };
    match (first..=step).any(fits) {
        true => Ok(()),
        false => Err(format!("step {first} to {step} were to fail, by {trace:?}")),
    }
}

/// Disturbs a conversation with this peer, which echoes, in every way.
fn disturb(security: Security, peer: Peer, tls: Option<&Tls<'_>>, detail: Detail) {
    let address = peer.address();
    let trace = trace(security, address, tls);
    run(
        &format!("client, {security:?}"),
        &plans(&trace.edges(), detail),
        |_, plan| {
            let proxy = Proxy::start(address, Some(plan));
            attempt(&request(proxy.port, plan.fault == Fault::Stall, tls))
        },
        |plan, outcome| verdict(security, &trace, plan, outcome),
    );
    drop(peer);
    nothing_is_left();
}

#[test]
fn every_stage() {
    system!().run(|| disturb(Security::Plain, Peer::echo().unwrap(), None, Detail::Stages));
}

#[test]
#[ignore = "takes minutes: cargo xtask faults"]
fn every_byte() {
    system!().time_limit(LONG).run(|| disturb(Security::Plain, Peer::echo().unwrap(), None, Detail::Bytes));
}

/// Over TLS.
#[cfg(feature = "tls-ring")]
mod secure {
    use super::*;
    use crate::tls::Keys;

    fn disturb_secure(security: Security, detail: Detail) {
        let keys = Keys::new();
        let tls = Tls::only(&keys.authority);
        disturb(security, keys.peer(security), Some(&tls), detail);
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

/// Nobody listens where the wire leads, or nobody lets go of it.
#[test]
fn no_wire_at_all() {
    system!().run(|| {
        // Where no wire is, which somebody else's port might become.
        let host = "127.0.0.4";
        let free = TcpListener::bind((host, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        let refused = |stalls, wanted| {
            let mut request = request(port, stalls, None);
            request.host = host;
            match attempt(&request).end {
                End::NotOpened(code, text) => assert_eq!(code, wanted, "{text}"),
                other => panic!("{other:?}"),
            }
        };
        // Connected, and never accepted.
        refused(true, Code::Timeout);
        drop(free);
        refused(false, Code::Connect);
        nothing_is_left();
    });
}

/// A message that no buffer takes as a whole: the write deadline ends its send.
#[test]
fn a_stall_within_a_long_message() {
    system!().run(|| {
        let peer = Peer::echo().unwrap();
        let plan = Plan { way: Way::ToServer, after: 100_000, fault: Fault::Stall };
        let proxy = Proxy::start(peer.address(), Some(plan));
        let waits = deadlines(true).keepalive(None);
        let ws = Websocket::open(&Request::new(HOST, proxy.port).options(waits)).unwrap();
        let mut calls = Calls::new();
        let data = pattern(16 << 20);
        assert_eq!(ws.send_binary(&data), Err(SendError::Closed));
        match calls.time(|| ws.receive_whole(1)) {
            Err(ReceiveError::Closed(closed)) => {
                assert_eq!(closed.code, 1006);
                assert!(closed.reason.starts_with("the peer took nothing within"), "{closed:?}");
            }
            other => panic!("{other:?}"),
        }
        assert!(calls.ended(0, End::Nobody).slowest < LATE);
        drop((ws, proxy));
        nothing_is_left();
    });
}
