//! The registers as the `net` server uses them, without a processor.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use super::*;
use crate::Peer;
use crate::{
    cpu::Space,
    machine::{PER_MILLISECOND, RAM_START},
};

mod strict;

/// Pages of messages, as offsets in RAM.
const ONE: u32 = 0x1000;
const TWO: u32 = 0x2000;
const THREE: u32 = 0x3000;
/// Of a scalar.
const NOWHERE: u32 = 0u32.wrapping_sub(RAM_START);

/// The processes that send.
const FIRST: u8 = 7;
const SECOND: u8 = 8;

struct Server {
    net: Net,
    ram: Ram,
    now: u64,
    /// The process that sends.
    pid: u8,
}

impl Server {
    fn new(network: Network) -> Self {
        Server { net: Net::new(network, false), ram: Ram::new(), now: 0, pid: FIRST }
    }

    fn strict(network: Network) -> Self {
        Server { net: Net::new(network, true), ram: Ram::new(), now: 0, pid: FIRST }
    }

    fn register(&mut self, register: u32, value: u32) {
        // Without translation, virtual addresses are physical.
        let view = View::new(&mut self.ram, Space { translation: 0, status: 0, user: false });
        self.net.write(register, value, self.now, view);
    }

    /// Passes a message on; its answer, if it came at once.
    fn send(&mut self, id: u32, page: u32, first: u32, second: u32, tag: u32) -> Option<(u32, u32)> {
        for (register, value) in [
            (0x00, id),
            (0x04, RAM_START.wrapping_add(page)),
            (0x08, first),
            (0x0c, second),
            (0x10, u32::from(self.pid) << 24 | tag),
            (0x14, 1),
        ] {
            self.register(register, value);
        }
        (self.net.read(0x18) == 1).then(|| (self.net.read(0x1c), self.net.read(0x20)))
    }

    /// Like the PC passing time, until something is done.
    fn wait(&mut self) -> (u32, (u32, u32)) {
        for _ in 0..500 {
            self.net.poll(self.now, &mut self.ram);
            if let Some(done) = self.done() {
                return done;
            }
            self.net.sleep(Duration::from_millis(10));
        }
        panic!("nothing was done");
    }

    /// A parked message that is done: its tag and answer.
    fn done(&mut self) -> Option<(u32, (u32, u32))> {
        let sender = self.net.read(0x24);
        (sender != 0).then(|| (sender & 0xff_ffff, (self.net.read(0x28), self.net.read(0x2c))))
    }

    fn page(&mut self, page: u32) -> &mut [u8] {
        self.ram.page(page)
    }

    fn listen(&mut self, port: u16) -> (u16, u16) {
        self.page(ONE)[..2].copy_from_slice(&port.to_le_bytes());
        self.page(ONE)[2..7].copy_from_slice(&[4, 0, 0, 0, 0]);
        self.send(44, ONE, 0, 4096, 1).unwrap();
        let page = self.page(ONE);
        assert_eq!(page[0], 0);
        (page[1].into(), u16::from_le_bytes([page[2], page[3]]))
    }

    fn connect(&mut self, page: u32, address: [u8; 4], port: u16, tag: u32) -> Option<(u32, u32)> {
        let bytes = self.page(page);
        bytes[..12].fill(0);
        bytes[..2].copy_from_slice(&port.to_le_bytes());
        bytes[10] = 4;
        bytes[11..15].copy_from_slice(&address);
        self.send(30, page, 0, 4096, tag)
    }

    /// Whether the PC's socket of a number sends small segments at once.
    fn pcs_nodelay(&self, number: u16) -> bool {
        self.net.sockets.host_nodelay(SocketId { pid: self.pid, number })
    }

    fn number_at(&mut self, page: u32, offset: usize) -> u32 {
        let page = self.page(page);
        u16::from_le_bytes([page[offset], page[offset + 1]]).into()
    }
}

const HERE: [u8; 4] = [127, 0, 0, 1];

#[test]
fn connections_inside_carry_bytes_both_ways_and_end() {
    let mut server = Server::new(Network::Inside);
    let (listener, port) = server.listen(0);
    // A blocking accept waits.
    server.page(TWO)[0] = 1;
    assert_eq!(server.send(45 | u32::from(listener) << 16, TWO, 0, 0, 2), None);
    assert_eq!(server.connect(ONE, HERE, port, 3), Some((0, 4096)));
    assert!(server.net.line_is_up());
    assert_eq!(server.done(), Some((2, (0, 22))));
    server.register(0x30, 1);
    assert!(!server.net.line_is_up());
    let (client, accepted) = (server.number_at(ONE, 2), server.number_at(TWO, 1));
    assert_eq!(accepted, u32::from(listener));
    // A read waits until there is something.
    assert_eq!(server.send(33 | accepted << 16, TWO, 0, 100, 4), None);
    server.page(ONE)[..5].copy_from_slice(b"hello");
    assert_eq!(server.send(31 | client << 16, ONE, 0, 5, 5), Some((0, 8)));
    assert_eq!(server.done(), Some((4, (1, 5))));
    assert_eq!(server.page(TWO)[..5], *b"hello");
    // The end comes behind the bytes.
    server.send(31 | client << 16, ONE, 0, 5, 6);
    server.send(34 | client << 16, 0, 0, 0, 7);
    assert_eq!(server.send(32 | accepted << 16, TWO, 0, 100, 8), Some((1, 5)));
    assert_eq!(server.send(33 | accepted << 16, TWO, 0, 100, 9), Some((1, 5)));
    assert_eq!(server.send(33 | accepted << 16, TWO, 0, 100, 10), Some((1, 0)));
    server.send(31 | accepted << 16, TWO, 0, 5, 11);
    assert_eq!(server.page(TWO)[..5], [1, 1, 1, 1, 8]);
}

#[test]
fn reads_time_out_in_machine_time_and_do_not_wait_if_told_so() {
    let mut server = Server::new(Network::Inside);
    let (_, port) = server.listen(80);
    assert_eq!(port, 80);
    server.connect(ONE, HERE, 80, 1);
    let client = server.number_at(ONE, 2);
    assert_eq!(server.send(33 | 0x8000 | client << 16, ONE, 0, 10, 2), Some((0, 0)));
    assert_eq!(server.page(ONE)[..2], [1, 9]);
    assert_eq!(server.send(33 | client << 16, ONE, 30, 10, 3), None);
    assert_eq!(server.net.deadline(), Some(30 * PER_MILLISECOND));
    server.net.poll(30 * PER_MILLISECOND - 1, &mut server.ram);
    assert_eq!(server.done(), None);
    server.net.poll(30 * PER_MILLISECOND, &mut server.ram);
    assert_eq!(server.done(), Some((3, (0, 0))));
    assert_eq!(server.page(ONE)[..2], [1, 8]);
}

#[test]
fn a_full_connection_makes_its_writer_wait() {
    let mut server = Server::new(Network::Inside);
    let (listener, port) = server.listen(0);
    server.connect(ONE, HERE, port, 1);
    let client = server.number_at(ONE, 2);
    while server.send(31 | client << 16, ONE, 0, 4096, 2).is_some() {}
    server.page(TWO)[0] = 1;
    assert_eq!(server.send(45 | u32::from(listener) << 16, TWO, 0, 0, 3), Some((0, 22)));
    assert_eq!(server.send(33 | u32::from(listener) << 16, TWO, 0, 4096, 4), Some((1, 4096)));
    assert_eq!(server.done(), Some((2, (0, 8))));
}

#[test]
fn nobody_listens_and_nothing_but_loopback_is_reached() {
    for network in [Network::Inside, Network::Loopback] {
        let mut server = Server::new(network);
        assert_eq!(server.connect(ONE, [192, 0, 2, 1], 80, 1), Some((0, 0)));
        assert_eq!(server.page(ONE)[..5], [1, 1, 1, 1, 1]);
    }
    let mut server = Server::new(Network::Inside);
    server.connect(ONE, HERE, 80, 1);
    assert_eq!(server.page(ONE)[..5], [1, 1, 1, 1, 8]);
    // Nor does anybody on the PC: this port is given to nobody who asks for any.
    let mut server = Server::new(Network::Loopback);
    if server.connect(ONE, HERE, 1, 1).is_none() {
        assert_eq!(server.wait().0, 1);
    }
    assert_eq!(server.page(ONE)[..5], [1, 1, 1, 1, 8]);
}

#[test]
fn the_pcs_sockets_are_reached_both_ways() {
    let mut server = Server::new(Network::Loopback);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    if server.connect(ONE, HERE, listener.local_addr().unwrap().port(), 1).is_none() {
        assert_eq!(server.wait(), (1, (0, 4096)));
    }
    let (mut peer, _) = listener.accept().unwrap();
    let client = server.number_at(ONE, 2);
    assert_eq!(server.send(33 | client << 16, TWO, 0, 10, 2), None);
    peer.write_all(b"abc").unwrap();
    assert_eq!(server.wait(), (2, (1, 3)));
    assert_eq!(server.page(TWO)[..3], *b"abc");

    let (number, port) = server.listen(0);
    server.page(TWO)[0] = 1;
    assert_eq!(server.send(45 | u32::from(number) << 16, TWO, 0, 0, 3), None);
    let mut peer = TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert_eq!(server.wait(), (3, (0, 22)));
    server.page(ONE)[..2].copy_from_slice(b"ok");
    assert_eq!(server.send(31 | u32::from(number) << 16, ONE, 0, 2, 4), Some((0, 8)));
    server.send(46 | u32::from(number) << 16, 0, 2, 0, 5);
    let mut text = String::new();
    peer.read_to_string(&mut text).unwrap();
    assert_eq!(text, "ok");
}

#[test]
fn sockets_belong_to_a_process_that_counts_them_from_0() {
    for network in [Server::new, Server::strict] {
        let mut server = network(Network::Inside);
        let (listener, port) = server.listen(0);
        assert_eq!(server.connect(ONE, HERE, port, 1), Some((0, 4096)));
        assert_eq!((listener, server.number_at(ONE, 2)), (0, 1));
        server.pid = SECOND;
        for opcode in [31, 32, 33, 35] {
            assert_eq!(server.send(opcode, ONE, 0, 10, 2), Some((0, 0)));
            assert_eq!((server.page(ONE)[0], server.page(ONE)[4]), (1, 4), "{opcode}");
        }
        server.page(ONE)[0] = 1;
        assert_eq!(server.send(45, ONE, 0, 0, 3), Some((0, 0)));
        assert_eq!(server.page(ONE)[..2], [1, 4]);
        for opcode in [34, 36, 37, 38, 39] {
            assert_eq!(server.send(opcode, NOWHERE, 1, 0, 4), Some((4, 0)), "{opcode}");
        }
        assert_eq!(server.listen(0).0, 0, "its first");
        server.pid = FIRST;
        server.page(TWO)[0] = 1;
        assert_eq!(server.send(45, TWO, 0, 0, 5), Some((0, 22)), "it was not closed");
    }
}

#[test]
fn options_are_kept_and_told() {
    for network in [Server::new, Server::strict] {
        let mut server = network(Network::Loopback);
        let (listener, port) = server.listen(0);
        let mut ask = |opcode, value| {
            let id = opcode | u32::from(listener) << 16;
            server.send(id, NOWHERE, value, 0, 1).unwrap().0
        };
        assert_eq!((ask(38, 0), ask(36, 0)), (0, 64));
        assert_eq!((ask(39, 1), ask(38, 0)), (0, 1));
        for (set, told) in [(3, 3), (0, 64), (255, 255), (256, 64)] {
            assert_eq!((ask(37, set), ask(36, 0)), (0, told));
        }
        assert_eq!((ask(37, 9), ask(36, 0)), (0, 9));
        // A listener's are the connection's.
        let _peer = TcpStream::connect(("127.0.0.1", port)).unwrap();
        server.page(TWO)[0] = 1;
        if server.send(45 | u32::from(listener) << 16, TWO, 0, 0, 2).is_none() {
            assert_eq!(server.wait(), (2, (0, 22)));
        }
        assert!(server.pcs_nodelay(listener));
        let mut ask = |opcode, value| {
            let id = opcode | u32::from(listener) << 16;
            server.send(id, NOWHERE, value, 0, 3).unwrap().0
        };
        assert_eq!((ask(38, 0), ask(36, 0)), (1, 9));
        assert_eq!((ask(39, 0), ask(38, 0)), (0, 0));
        assert!(!server.pcs_nodelay(listener));
        // The next socket of this number begins anew.
        server.send(39 | u32::from(listener) << 16, NOWHERE, 1, 0, 4);
        server.send(34 | u32::from(listener) << 16, NOWHERE, 0, 0, 5);
        assert_eq!(server.listen(0).0, listener);
        assert_eq!(server.send(38 | u32::from(listener) << 16, NOWHERE, 0, 0, 6), Some((0, 0)));
    }
}

#[test]
fn a_message_without_a_page_is_answered() {
    let mut server = Server::new(Network::Inside);
    for opcode in [30, 31, 32, 33, 35, 44, 45] {
        assert_eq!(server.send(opcode, NOWHERE, 0, 4096, 1), Some((0, 0)));
    }
}

/// Says something once, when somebody has listened.
struct Caller(Vec<u8>);

impl Peer for Caller {
    fn answer(&mut self, bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }

    fn unasked(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

#[test]
fn every_socket_has_a_port_of_its_own() {
    for network in [Server::new, Server::strict] {
        let mut server = network(Network::Inside);
        let (_, first) = server.listen(49_152);
        assert_eq!(first, 49_152);
        let (mut listener, port) = server.listen(0);
        assert_ne!(port, first);
        let mut ports = vec![first, port];
        for (page, tag) in [(ONE, 1), (TWO, 2)] {
            assert_eq!(server.connect(page, HERE, port, tag), Some((0, 4096)));
            let told = server.number_at(page, 4) as u16;
            assert!(!ports.contains(&told), "{told} in {ports:?}");
            ports.push(told);
            server.page(page)[0] = 1;
            assert_eq!(server.send(45 | u32::from(listener) << 16, page, 0, 0, 3), Some((0, 22)));
            assert_eq!(server.number_at(page, 20) as u16, told, "both sides are told the same port");
            // The listener's number is the connection's now.
            listener = server.listen(port).0;
        }
    }
}

#[test]
fn a_port_that_was_given_out_last_comes_round_again() {
    let mut sockets = Sockets::new(Network::Inside, false);
    let (held, first) = sockets.listen(FIRST, 0).unwrap();
    for _ in first..u16::MAX {
        let (number, _) = sockets.listen(FIRST, 0).unwrap();
        sockets.close(number);
    }
    let (next, port) = sockets.listen(FIRST, 0).unwrap();
    assert_eq!(port, first + 1, "the first one is taken still");
    sockets.close(next);
    sockets.close(held);
}

#[test]
fn a_caller_is_there_when_its_port_is_opened() {
    let mut sockets = Sockets::new(Network::Inside, false);
    sockets.add_caller(80, Box::new(|| Box::new(Caller(b"hello".to_vec()))));
    let (number, _) = sockets.listen(FIRST, 80).unwrap();
    sockets.accept(number).unwrap();
    let mut bytes = [0; 8];
    assert_eq!((sockets.read(number, &mut bytes, false).unwrap(), &bytes[..5]), (5, &b"hello"[..]));
    let (again, _) = sockets.listen(FIRST, 80).unwrap();
    assert_eq!(sockets.accept(again).unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "it comes once");
}
