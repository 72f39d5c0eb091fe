//! Full duplex under saturation: neither direction waits for the other.

use std::io::Read;
use std::time::Duration;

use hosted::peer::Peer;
use tungstenite::Message as PeerMessage;
use xous_api_websocket::Kind;

use crate::common::{nothing_is_left, open, pattern_at, peers, seen, system};

const ALL: usize = 64 << 20;

/// The peer echoes with blocking calls and never reads ahead: while it writes it does not read. A client that
/// stopped receiving while it sends, or sending while it receives, would wait for it for ever, as it for the client.
#[test]
fn sixty_four_mebibytes_go_out_while_they_come_back() {
    const MESSAGE: usize = 256 << 10;
    system!().time_limit(Duration::from_secs(120)).run(|| {
        let peer = Peer::echo().unwrap();
        let ws = open(&peer);
        let receiving = ws.clone();
        let receiver = std::thread::spawn(move || {
            for number in 0..ALL / MESSAGE {
                let mut message = receiving.receive().unwrap();
                let (mut at, mut piece) = (0, [0; 16 << 10]);
                loop {
                    let len = message.read(&mut piece).unwrap();
                    if len == 0 {
                        break;
                    }
                    assert!(
                        piece[..len].iter().enumerate().all(|(i, byte)| *byte == pattern_at(number + at + i))
                    );
                    at += len;
                }
                assert_eq!((number, at), (number, MESSAGE));
            }
        });
        let mut data = vec![0; MESSAGE];
        for number in 0..ALL / MESSAGE {
            data.iter_mut().enumerate().for_each(|(i, byte)| *byte = pattern_at(number + i));
            ws.send_binary(&data).unwrap();
        }
        receiver.join().unwrap();
        ws.close(1000, "").unwrap();
        nothing_is_left();
    });
}

/// Even while nobody receives, a sender gets as far as the socket takes it, and control frames pass.
#[test]
fn a_receiver_that_pauses_does_not_hold_up_a_sender() {
    system!().run(|| {
        let (peer, all_read) = peers::tungstenite(|mut socket, all_read| {
            // More than reader, page and sockets hold: the client has to receive before this returns.
            let mut writing = tungstenite::WebSocket::from_raw_socket(
                socket.get_ref().try_clone().unwrap(),
                tungstenite::protocol::Role::Server,
                None,
            );
            let writer =
                std::thread::spawn(move || writing.send(PeerMessage::binary(vec![1; 32 << 20])).unwrap());
            let mut received = 0;
            while received < 8 << 20 {
                received += socket.read().unwrap().len();
            }
            all_read.send(received).unwrap();
            writer.join().unwrap();
            while socket.read().is_ok() {}
        });
        let ws = open(&peer);
        for _ in 0..8 {
            ws.send_binary(&[2; 1 << 20]).unwrap();
        }
        assert_eq!(seen(&all_read), 8 << 20, "with nothing received");
        let message = ws.receive_whole(32 << 20).unwrap();
        assert_eq!(message.kind(), Kind::Binary);
        let data = message.as_bytes();
        assert_eq!(data.len(), 32 << 20);
        assert!(data.iter().all(|byte| *byte == 1));
    });
}
