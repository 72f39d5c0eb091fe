//! The service shows pages through the wire that fails. No program takes part: every connection ends by the port's own
//! deadlines, what comes whole is right, and nothing is left.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use xous_api_websocket::{Listen, Listener, Route, serve::ListenLimits};

use crate::common::{PATIENCE, nothing_is_left, pattern, system};
use crate::matrix::{Detail, LONG, plans, run};
use crate::proxy::{Fault, HOST, Plan, Proxy, Way, server};
use crate::session::{Calls, End, Outcome, deadlines};

/// Two requests on one connection, the second of which is the last.
const REQUESTS: [&str; 2] = [
    "GET /page HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "GET /page HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
];
/// Bytes of the page.
const LEN: usize = 300;

/// A port whose deadlines end the waits of a wire that stalls, or do not matter.
fn port(stalls: bool) -> Listener {
    let deadlines = deadlines(stalls);
    let limits = ListenLimits::new().connections(64).per_peer(64).head_time(deadlines.write);
    let listener = Listener::listen(&Listen::new(HOST, 0).limits(limits).options(deadlines)).unwrap();
    listener.add_route(&Route::page("/page", "application/octet-stream", &pattern(LEN))).unwrap();
    listener
}

/// Asks, and calls `each` with the number of answers that have come whole.
fn ask(port: u16, mut each: impl FnMut(usize)) -> io::Result<()> {
    let mut stream = TcpStream::connect((HOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    for (at, request) in REQUESTS.iter().enumerate() {
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            answer.extend(byte);
        }
        if !answer.starts_with(b"HTTP/1.1 200 ") {
            return Ok(());
        }
        let mut body = vec![0; LEN];
        stream.read_exact(&mut body)?;
        assert!(body == pattern(LEN), "the page is another");
        each(at + 1);
    }
    stream.read_to_end(&mut Vec::new())?;
    Ok(())
}

/// By way, where a request or an answer ends in an undisturbed conversation.
fn edges(listener: &Listener) -> [Vec<usize>; 2] {
    let mut proxy = Proxy::start(server(listener.port()), None);
    let mut edges = [vec![0], vec![0]];
    ask(proxy.port, |_| {
        for (edges, bytes) in edges.iter_mut().zip(proxy.passed()) {
            edges.push(bytes.len());
        }
    })
    .unwrap();
    let all = proxy.passed_in_all().map(|bytes| bytes.len());
    assert_eq!(edges.each_ref().map(|edges| edges[REQUESTS.len()]), all);
    edges
}

/// Whether as many answers have come as bytes of them, and of their requests, have passed.
fn verdict(edges: &[Vec<usize>; 2], plan: Plan, outcome: &Outcome) -> Result<(), String> {
    let whole = edges[plan.way as usize].iter().skip(1).filter(|&&edge| edge <= plan.after).count();
    let is_edge = edges[plan.way as usize].contains(&plan.after);
    // What has passed last may be lost in a reset, and an answer in the end of both ways.
    let least = match plan.fault {
        Fault::Stall => 0,
        Fault::HalfClose if plan.way == Way::ToClient => whole,
        _ if is_edge => whole.saturating_sub(1),
        _ => whole,
    };
    match (least..=whole).contains(&outcome.messages) {
        true => Ok(()),
        false => Err(format!("{least} to {whole} answers were to come, by {edges:?}")),
    }
}

fn disturb(detail: Detail) {
    let (patient, hasty) = (port(false), port(true));
    let edges = edges(&patient);
    run(
        "pages",
        &plans(&edges, detail),
        |_, plan| {
            let listener = if plan.fault == Fault::Stall { &hasty } else { &patient };
            let proxy = Proxy::start(server(listener.port()), Some(plan));
            let (mut calls, mut answers) = (Calls::new(), 0);
            // How it ends for the client is not what this is about.
            calls.time(|| ask(proxy.port, |number| answers = number)).ok();
            calls.ended(answers, End::Nobody)
        },
        |plan, outcome| verdict(&edges, plan, outcome),
    );
    [&patient, &hasty].into_iter().for_each(|listener| ask(listener.port(), |_| ()).unwrap());
    drop((patient, hasty));
    nothing_is_left();
}

#[test]
fn every_stage() {
    system!().run(|| disturb(Detail::Stages));
}

#[test]
#[ignore = "takes minutes: cargo xtask faults"]
fn every_byte() {
    system!().time_limit(LONG).run(|| disturb(Detail::Bytes));
}
