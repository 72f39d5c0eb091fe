//! A network as strict as that of xous-core.

use rustix::net::sockopt::set_socket_linger;

use super::*;

impl Server {
    /// A connection inside: the client's number and the accepted one.
    fn pair(&mut self, port: u16) -> (u32, u32) {
        let (listener, port) = self.listen(port);
        assert_eq!(self.connect(ONE, HERE, port, 90), Some((0, 4096)));
        let client = self.number_at(ONE, 2);
        self.page(TWO)[0] = 1;
        assert_eq!(self.send(45 | u32::from(listener) << 16, TWO, 0, 0, 91), Some((0, 22)));
        (client, listener.into())
    }

    /// A connection that the PC has opened: the accepted number and the PC's side.
    fn accept_from_pc(&mut self) -> (u32, TcpStream) {
        let (listener, port) = self.listen(0);
        self.page(TWO)[0] = 1;
        assert_eq!(self.send(45 | u32::from(listener) << 16, TWO, 0, 0, 1), None);
        let peer = TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert_eq!(self.wait(), (1, (0, 22)));
        (listener.into(), peer)
    }

    fn shut_down(&mut self, number: u32, how: u32) {
        assert_eq!(self.send(46 | number << 16, NOWHERE, how, 0, 92), Some((1, 0)));
    }

    fn close(&mut self, number: u32) -> Option<(u32, u32)> {
        self.send(34 | number << 16, NOWHERE, 0, 0, 93)
    }

    fn written(&mut self, page: u32) -> u32 {
        let page = self.page(page);
        assert_eq!(page[0], 0);
        u32::from_le_bytes([page[4], page[5], page[6], page[7]])
    }
}

#[test]
fn buffers_hold_1530_bytes_each() {
    let mut server = Server::strict(Network::Inside);
    let (client, accepted) = server.pair(0);
    for _ in 0..2 {
        assert_eq!(server.send(31 | client << 16, ONE, 0, 4096, 1), Some((0, 8)));
        assert_eq!(server.written(ONE), 1530);
    }
    assert_eq!(server.send(31 | client << 16, ONE, 0, 4096, 2), None);
    assert_eq!(server.send(33 | accepted << 16, TWO, 0, 4096, 3), Some((1, 1530)));
    assert_eq!(server.done(), Some((2, (0, 8))));
    assert_eq!(server.written(ONE), 1530);
    // What is written is out before the connection is closed.
    assert_eq!(server.close(client), None);
    assert_eq!(server.send(33 | accepted << 16, TWO, 0, 4096, 4), Some((1, 1530)));
    assert_eq!(server.done(), Some((93, (0, 0))));
    assert_eq!(server.send(33 | accepted << 16, TWO, 0, 4096, 5), Some((1, 1530)));
}

#[test]
fn a_listener_is_one_socket() {
    let mut server = Server::strict(Network::Inside);
    let (listener, port) = server.listen(0);
    assert_eq!(server.connect(ONE, HERE, port, 1), Some((0, 4096)));
    assert_eq!(server.page(ONE)[0], 0);
    server.connect(TWO, HERE, port, 2);
    assert_ne!(server.page(TWO)[0], 0, "it is connected already");
    server.page(TWO)[0] = 1;
    assert_eq!(server.send(45 | u32::from(listener) << 16, TWO, 0, 0, 3), Some((0, 22)));
    server.connect(TWO, HERE, port, 4);
    assert_ne!(server.page(TWO)[0], 0, "nobody listens before std listens anew");
    let (again, _) = server.listen(port);
    assert_ne!(again, listener);
    server.connect(TWO, HERE, port, 5);
    assert_eq!(server.page(TWO)[0], 0);
}

#[test]
fn a_shutdown_ends_calls_that_wait_and_sends_nothing() {
    let mut server = Server::strict(Network::Inside);
    let (client, accepted) = server.pair(0);
    assert_eq!(server.send(33 | client << 16, ONE, 0, 10, 1), None);
    assert_eq!(server.send(33 | accepted << 16, TWO, 0, 10, 2), None);
    server.shut_down(client, 2);
    assert_eq!(server.done(), None, "neither waits to write");
    server.shut_down(client, 3);
    assert_eq!(server.done(), Some((1, (0, u32::MAX))));
    assert_eq!(server.done(), None, "the peer has seen nothing");
    // It is not sticky.
    assert_eq!(server.send(33 | client << 16, ONE, 0, 10, 3), None);
    assert_eq!(server.close(client), None);
    assert_eq!(server.done(), Some((2, (1, 0))));

    let mut server = Server::strict(Network::Inside);
    let (client, _) = server.pair(0);
    while server.send(31 | client << 16, ONE, 0, 4096, 4).is_some() {}
    server.page(ONE)[..8].fill(7);
    server.shut_down(client, 2);
    assert_eq!(server.done(), Some((4, (0, u32::MAX))));
    assert_eq!(server.written(ONE), 0);
}

#[test]
fn on_a_quiet_network_nobody_is_looked_at() {
    let mut server = Server::strict(Network::Inside);
    let (client, accepted) = server.pair(0);
    let (other, reader) = server.pair(0);
    assert_eq!(server.send(33 | client << 16, TWO, 30, 10, 1), None);
    assert_eq!(server.net.deadline(), None);
    server.now = 50 * PER_MILLISECOND;
    server.net.poll(server.now, &mut server.ram);
    assert_eq!(server.done(), None);
    // Anything at all is an event.
    server.send(31 | other << 16, ONE, 0, 5, 2);
    assert_eq!(server.done(), Some((1, (0, 0))));
    assert_eq!(server.page(TWO)[..8], [1, 1, 1, 1, 8, 0, 0, 0]);
    // An end that was there before its reader is not seen.
    server.close(client);
    assert_eq!(server.done(), Some((93, (0, 0))));
    assert_eq!(server.send(33 | accepted << 16, TWO, 0, 10, 3), None);
    server.net.poll(server.now, &mut server.ram);
    assert_eq!(server.done(), None);
    assert_eq!(server.send(33 | reader << 16, ONE, 0, 10, 4), Some((1, 5)));
    assert_eq!(server.done(), Some((3, (1, 0))));
}

#[test]
fn a_listener_has_the_machines_addresses_or_none() {
    let mut server = Server::strict(Network::Inside);
    for (address, answer) in
        [([0, 0, 0, 0], 0), ([127, 0, 0, 1], 0), ([127, 0, 0, 2], 1), ([192, 0, 2, 1], 1)]
    {
        server.page(ONE)[..7].copy_from_slice(&[0, 0, 4, address[0], address[1], address[2], address[3]]);
        server.send(44, ONE, 0, 4096, 1).unwrap();
        assert_eq!(server.page(ONE)[0], answer, "{address:?}");
    }
}

#[test]
fn a_read_with_a_deadline_does_not_see_the_end_before() {
    let mut server = Server::strict(Network::Inside);
    let (client, accepted) = server.pair(0);
    let (other, _) = server.pair(0);
    assert_eq!(server.send(33 | accepted << 16, TWO, 30, 10, 1), None);
    server.close(client);
    assert_eq!(server.done(), Some((93, (0, 0))));
    assert_eq!(server.done(), None);
    server.now = 30 * PER_MILLISECOND;
    server.send(31 | other << 16, ONE, 0, 5, 2);
    assert_eq!(server.done(), Some((1, (1, 0))));
}

#[test]
fn an_accepted_connection_ends_with_its_peer() {
    let mut server = Server::strict(Network::Loopback);
    let (number, mut peer) = server.accept_from_pc();
    peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(server.send(33 | number << 16, TWO, 0, 9, 2), None);
    assert_eq!(server.wait(), (2, (1, 0)));
    assert_eq!(peer.read(&mut [0]).unwrap(), 0, "net has closed it without being asked");
    assert_eq!(server.send(31 | number << 16, THREE, 0, 5, 3), None, "it is looked at after an event");
    server.net.poll(server.now, &mut server.ram);
    assert_eq!(server.done(), None);
    server.pair(0);
    assert_eq!(server.wait(), (3, (0, 0)));
    assert_eq!(server.page(THREE)[..8], [1, 1, 1, 1, 8, 0, 0, 0]);
}

#[test]
fn a_reset_is_an_end_like_others() {
    let mut server = Server::strict(Network::Loopback);
    let (number, peer) = server.accept_from_pc();
    assert_eq!(server.send(33 | number << 16, TWO, 0, 9, 2), None);
    set_socket_linger(&peer, Some(Duration::ZERO)).unwrap();
    drop(peer);
    assert_eq!(server.wait(), (2, (1, 0)));
}

#[test]
fn the_pcs_peers_see_no_backlog_and_no_end_before_the_close() {
    let mut server = Server::strict(Network::Loopback);
    let (number, mut peer) = server.accept_from_pc();
    let mut second = TcpStream::connect(("127.0.0.1", peer.peer_addr().unwrap().port())).unwrap();
    server.net.poll(0, &mut server.ram);
    assert!(second.read(&mut [0]).is_err(), "reset");

    server.page(ONE)[..2].copy_from_slice(b"ok");
    assert_eq!(server.send(31 | number << 16, ONE, 0, 2, 2), Some((0, 8)));
    assert_eq!(server.send(33 | number << 16, TWO, 0, 9, 3), None);
    server.shut_down(number, 3);
    assert_eq!(server.done(), Some((3, (0, u32::MAX))));
    peer.set_nonblocking(true).unwrap();
    assert_eq!(peer.read(&mut [0; 9]).unwrap(), 2);
    assert_eq!(peer.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "no FIN");
    peer.set_nonblocking(false).unwrap();
    assert_eq!(server.close(number), None);
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    drop(peer);
    assert_eq!(server.wait(), (93, (0, 0)));
}

#[test]
fn a_read_fails_where_std_does_not_look_for_the_reason() {
    let mut server = Server::strict(Network::Inside);
    let (client, _) = server.pair(0);
    for opcode in [32, 33] {
        server.page(ONE)[..10].fill(0);
        assert_eq!(server.send(opcode | 0x8000 | client << 16, ONE, 0, 10, 1), Some((0, 0)));
        assert_eq!(server.page(ONE)[..8], [1, 1, 1, 1, 9, 0, 0, 0]);
    }
    let (listener, _) = server.listen(0);
    server.page(ONE)[..5].fill(0);
    assert_eq!(server.send(45 | u32::from(listener) << 16, ONE, 0, 0, 2), Some((0, 0)));
    assert_eq!(server.page(ONE)[..5], [1, 9, 0, 0, 0]);
}

#[test]
fn a_write_to_a_connection_that_is_gone_waits_for_an_event() {
    let mut server = Server::strict(Network::Inside);
    let (client, accepted) = server.pair(0);
    server.close(client);
    assert_eq!(server.done(), Some((93, (0, 0))));
    assert_eq!(server.send(31 | accepted << 16, THREE, 0, 5, 1), None);
    server.net.poll(server.now, &mut server.ram);
    assert_eq!(server.done(), None);
    server.pair(0);
    assert_eq!(server.done(), Some((1, (0, 0))));
    assert_eq!(server.page(THREE)[..8], [1, 1, 1, 1, 8, 0, 0, 0]);
}

/// The connecting side does not end with its peer.
#[test]
fn a_close_waits_for_the_peer_or_for_17_events() {
    let mut server = Server::strict(Network::Inside);
    let (client, accepted) = server.pair(0);
    assert_eq!(server.close(accepted), None);
    assert_eq!(server.done(), None);
    // Its own number is free at once; the other side may still write.
    assert_eq!(u32::from(server.listen(0).0), accepted);
    assert_eq!(server.send(31 | client << 16, ONE, 0, 5, 2), Some((0, 8)));
    assert_eq!(server.done(), None);
    assert_eq!(server.close(client), None);
    let done = [server.done(), server.done(), server.done()];
    assert_eq!(done, [Some((93, (0, 0))), Some((93, (0, 0))), None]);

    let (_, accepted) = server.pair(0);
    let (other, reader) = server.pair(0);
    server.close(accepted);
    let mut events = 1;
    while server.done().is_none() {
        server.send(31 | other << 16, ONE, 0, 1, 1).unwrap();
        server.send(33 | reader << 16, TWO, 0, 1, 1).unwrap();
        events += 2;
        assert!(events < 50);
    }
    assert!((17..=19).contains(&events), "{events}");
}

#[test]
fn a_close_without_a_fin_to_send_waits_for_an_event() {
    let mut server = Server::strict(Network::Inside);
    let (listener, port) = server.listen(0);
    let (client, ended) = server.pair(0);
    server.close(client);
    assert_eq!(server.done(), Some((93, (0, 0))));
    for number in [u32::from(listener), ended] {
        assert_eq!(server.close(number), None);
        server.net.poll(server.now, &mut server.ram);
        assert_eq!(server.done(), None);
        server.pair(0);
        assert_eq!(server.done(), Some((93, (0, 0))));
    }
    server.connect(ONE, HERE, port, 1);
    assert_eq!(server.page(ONE)[0], 1, "nobody listens");
}

#[test]
fn a_close_of_the_pcs_connection_waits_for_its_end() {
    let mut server = Server::strict(Network::Loopback);
    let (number, mut peer) = server.accept_from_pc();
    peer.write_all(b"unread").unwrap();
    assert_eq!(server.close(number), None);
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    for _ in 0..50 {
        server.net.poll(server.now, &mut server.ram);
        assert_eq!(server.done(), None);
    }
    drop(peer);
    assert_eq!(server.wait(), (93, (0, 0)));
}
