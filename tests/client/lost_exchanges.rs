//! A message out and the next one in, on a connection that is lost and opened again.

use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use hosted::peer::Peer;
use xous_api_websocket::error::{ExchangeError, ReceiveError, SendError};
use xous_api_websocket::{Code, Event, Reconnect, Websocket};

use crate::common::raw::{TEXT, frame};
use crate::common::{peers, reconnecting, reopened, request, seen, system};
use crate::exchanges::{ask, expect, is_answered, is_open_again, queued_when};

/// A peer with its connections, and one that is opened again as soon as it is lost.
fn opened_again_soon() -> (Peer, Receiver<TcpStream>, Websocket) {
    let (peer, streams) = peers::silent();
    let again = Reconnect::new().first(Duration::from_millis(10)).jitter(0);
    let ws = Websocket::open(&request(&peer).reconnect(again)).unwrap();
    (peer, streams, ws)
}

/// What was sent is lost with the connection, and is not sent again: who asked learns it, and how it ended.
#[test]
fn an_exchange_does_not_outlast_its_connection() {
    system!().run(|| {
        let (_peer, streams, ws) = opened_again_soon();
        let mut stream = seen(&streams);
        let lost = Err(ExchangeError::NotReceived(ReceiveError::Reconnecting));
        for hears in [true, false] {
            let asking = ask(&ws, "?");
            expect(&mut stream, TEXT, b"?");
            drop(stream);
            assert_eq!(asking.join().unwrap(), lost);
            stream = seen(&streams);
            if hears {
                assert!(matches!(ws.receive_event(), Ok(Event::Reconnecting { why: Code::Closed, .. })));
                reopened(&ws);
            }
            // With nothing left of the loss, or with all of it.
            is_open_again(&ws, &mut stream);
            is_answered(&ws, &mut stream, "and now?", "here");
        }
    });
}

/// A loss that was over before something is asked takes no answer with it.
#[test]
fn an_exchange_passes_over_an_earlier_loss() {
    system!().run(|| {
        let (_peer, streams, ws) = opened_again_soon();
        let mut stream = seen(&streams);
        for _ in 0..3 {
            drop(stream);
            stream = seen(&streams);
            is_open_again(&ws, &mut stream);
            is_answered(&ws, &mut stream, "?", "!");
        }
    });
}

/// While it is lost nothing is sent; or it waits for the connection, if that was asked for.
#[test]
fn an_exchange_on_a_lost_connection_says_so() {
    system!().run(|| {
        let hour = Duration::from_secs(3600);
        for queues in [false, true] {
            let (peer, streams) = peers::silent();
            let again = Reconnect::new().first(hour).largest(hour).queues(queues);
            let ws = Websocket::open(&request(&peer).reconnect(again)).unwrap();
            drop(seen(&streams));
            reconnecting(&ws);
            let asking = ask(&ws, "?");
            if queues {
                queued_when(&ws, 1);
                ws.reconnect_now().unwrap();
                let mut stream = seen(&streams);
                expect(&mut stream, TEXT, b"?");
                stream.write_all(&frame(TEXT, b"!")).unwrap();
                assert_eq!(asking.join().unwrap().as_deref(), Ok("!"));
            } else {
                let refused = SendError::Refused(Code::Reconnecting);
                assert_eq!(asking.join().unwrap(), Err(ExchangeError::NotSent(refused)));
            }
        }
    });
}
