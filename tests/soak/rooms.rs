//! The server role: broadcasts to a room, and a client that reads slowly.

use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use xous_api_websocket::{Kind, Listener, Websocket};

use crate::by_hand::{Client, upgrade_request};
use crate::common::raw::{BINARY, TEXT};
use crate::common::seen;
use crate::meter::{Numbered, Soak};
use crate::route;

const MEMBERS: usize = 3;
/// The longest broadcast.
const LONGEST: usize = 4000;
/// Broadcasts that a member may be behind; its queue holds sixteen.
const BEHIND: u64 = 8;
/// The longest message to the slow reader, which is one frame, and how long it takes over each.
const LONGEST_SLOW: usize = 12_000;
const SLOWLY: Duration = Duration::from_millis(100);
/// What its socket takes, so that the service feels it.
const SMALL_BUFFER: usize = 4096;

/// A client on a path, and the program's end of it.
fn pair(listener: &Listener, path: &str, mut client: Client) -> (Client, Websocket) {
    client.send(upgrade_request(path, ""));
    let incoming = listener.accept_from(route(path)).unwrap();
    client.opened();
    (client, incoming.websocket)
}

/// Each member gets every message, once and in order.
pub(crate) fn broadcasts(soak: &Soak, listener: &Listener) {
    std::thread::scope(|scope| {
        let members: Vec<(Websocket, Receiver<()>)> = (0..MEMBERS)
            .map(|_| {
                let (mut client, ws) = pair(listener, "/room", Client::connect(listener.port()));
                listener.join(&ws, "room").unwrap();
                let (checked, came) = channel();
                scope.spawn(soak.same_part(move || {
                    let mut expected = Numbered::new(4, LONGEST);
                    loop {
                        let frame = client.frame();
                        if frame.first != BINARY {
                            assert_eq!(frame.close().0, 1000);
                            return;
                        }
                        expected.expect(&frame.payload);
                        checked.send(()).ok();
                    }
                }));
                (ws, came)
            })
            .collect();
        let mut messages = Numbered::new(4, LONGEST);
        let mut sent = 0;
        while soak.goes_on() {
            let reached = listener.broadcast("room", Kind::Binary, &messages.next());
            assert_eq!(reached, Ok(MEMBERS), "number {sent}");
            sent += 1;
            if sent > BEHIND {
                members.iter().for_each(|(_, came)| seen(came));
            }
            soak.checked();
        }
        for (_, came) in &members {
            (0..sent.min(BEHIND)).for_each(|_| seen(came));
        }
        // Which ends the members.
        members.into_iter().for_each(|(ws, _)| drop(ws));
    });
}

/// A connection to this machine whose socket takes little.
fn connect_with_small_buffer(port: u16) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(SMALL_BUFFER).unwrap();
    let address: std::net::SocketAddr = ([127, 0, 0, 1], port).into();
    socket.connect(&address.into()).unwrap();
    Client::over(TcpStream::from(socket))
}

/// A program that sends as fast as it may, and a client that reads as slowly as it can.
pub(crate) fn slow_reader(soak: &Soak, listener: &Listener) {
    let (mut client, ws) = pair(listener, "/slow", connect_with_small_buffer(listener.port()));
    std::thread::scope(|scope| {
        scope.spawn(soak.same_part(move || {
            let mut expected = Numbered::new(5, LONGEST_SLOW);
            loop {
                let frame = client.frame();
                if frame.first != TEXT {
                    assert_eq!(frame.close().0, 1000);
                    return;
                }
                expected.expect(&frame.payload);
                soak.checked();
                if !soak.is_over() {
                    std::thread::sleep(SLOWLY);
                }
            }
        }));
        let mut messages = Numbered::new(5, LONGEST_SLOW);
        while soak.goes_on() {
            ws.send_text(std::str::from_utf8(&messages.next()).unwrap()).unwrap();
        }
        // Behind all that is still on its way.
        drop(ws);
    });
}
