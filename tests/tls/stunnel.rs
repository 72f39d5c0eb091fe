//! stunnel between the service and programs that know nothing of TLS, as it stands in front of many a server: it passes
//! bytes on as they come, in pieces that neither side has made.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};

use hosted::tools::command;
use tungstenite::{Message, WebSocket};
use xous_api_websocket::{Payload, Tls, Websocket};

use crate::authority::Authority;
use crate::server::{echo, listen, listener, tls};
use crate::streams::{LIMIT, MUCH};
use crate::support::{Scratch, request, system};

/// Bytes of a long message.
const LONG: usize = 1 << 20;
const SIZES: [usize; 8] = [0, 1, 125, 126, 4096, 16_384, 65_536, LONG];
const VERSIONS: [&str; 2] = ["TLSv1.2", "TLSv1.3"];

/// A running stunnel; it ends when it is dropped.
struct Stunnel {
    port: u16,
    process: Child,
    _files: Scratch,
}

impl Stunnel {
    /// Takes connections and passes them on to a port of this machine, over TLS on the side that `side` says.
    fn start(files: Scratch, version: &str, connect: u16, side: &str) -> Self {
        // It takes a port and does not report one. Somebody else may have it by then.
        for _ in 0..5 {
            let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
            let settings = format!(
                "foreground = yes\npid =\ndebug = notice\nsyslog = no\n[test]\nsslVersion = {version}\n\
                 accept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{connect}\n{side}"
            );
            let mut process = command("stunnel")
                .arg(files.write("stunnel.conf", &settings))
                .stdin(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut log = BufReader::new(process.stderr.take().unwrap());
            let mut said = String::new();
            while log.read_line(&mut said).unwrap() > 0 && !said.contains("Configuration successful") {}
            if said.contains("Configuration successful") {
                // Else it would wait for somebody to read its log.
                std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
                return Stunnel { port, process, _files: files };
            }
            process.wait().unwrap();
            assert!(said.contains("Address already in use"), "{said}");
        }
        panic!("no port is free");
    }
}

impl Drop for Stunnel {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at ^ (at >> 8)) as u8).collect()
}

/// In front of a server without TLS, which echoes.
fn in_front_of_an_echo(version: &str, check: impl FnOnce(&Websocket)) {
    let ca = Authority::new("root");
    let leaf = ca.server(&["localhost"]);
    let echo = hosted::peer::Peer::echo().unwrap();
    let files = Scratch::new();
    let (chain, key) = (files.write("chain.pem", &leaf.chain), files.write("key.pem", &leaf.key));
    let side = format!("cert = {chain}\nkey = {key}\n");
    let stunnel = Stunnel::start(files, version, echo.address().port(), &side);
    let ws = Websocket::open(&request(stunnel.port, "/", Tls::only(&ca.der))).unwrap();
    check(&ws);
    assert_eq!(ws.close(1000, "done").unwrap(), 1000);
}

/// In front of a client without TLS, of a port of ours that echoes.
fn in_front_of_a_client(version: &str, check: impl FnOnce(&mut WebSocket<TcpStream>)) {
    let ca = Authority::new("root");
    let leaf = ca.server(&["localhost"]);
    let listener = listener(&listen(tls(&leaf)));
    let files = Scratch::new();
    let ca = files.write("ca.pem", &ca.pem);
    let side =
        format!("client = yes\nverifyChain = yes\ncheckHost = localhost\nsni = localhost\nCAfile = {ca}\n");
    let stunnel = Stunnel::start(files, version, listener.port(), &side);
    std::thread::scope(|scope| {
        scope.spawn(|| echo(&listener.accept().unwrap().websocket));
        let stream = TcpStream::connect(("127.0.0.1", stunnel.port)).unwrap();
        stream.set_nodelay(true).unwrap();
        let url = format!("ws://localhost:{}/ws", listener.port());
        let (mut client, _) = tungstenite::client(url, stream).unwrap();
        check(&mut client);
        client.close(None).unwrap();
        while client.read().is_ok() {}
    });
}

#[test]
fn messages_of_all_sizes_pass_through_it_to_a_plain_server() {
    system!().run(|| {
        for version in VERSIONS {
            in_front_of_an_echo(version, |ws| {
                for size in SIZES {
                    ws.send_binary(&pattern(size)).unwrap();
                    assert_eq!(ws.receive_whole(size).unwrap(), Payload::Binary(pattern(size)), "{size}");
                }
            });
        }
    });
}

#[test]
fn messages_of_all_sizes_pass_through_it_from_a_plain_client() {
    system!().run(|| {
        for version in VERSIONS {
            in_front_of_a_client(version, |client| {
                for size in SIZES {
                    let message = Message::binary(pattern(size));
                    client.send(message.clone()).unwrap();
                    assert_eq!(client.read().unwrap(), message, "{size}");
                }
            });
        }
    });
}

#[test]
fn a_hundred_mebibytes_each_way_at_once_through_it() {
    system!().time_limit(LIMIT).run(|| {
        in_front_of_an_echo("TLSv1.3", |ws| {
            let expected = pattern(LONG);
            std::thread::scope(|scope| {
                scope.spawn(|| (0..MUCH / LONG).for_each(|_| ws.send_binary(&expected).unwrap()));
                let mut came = Vec::new();
                for number in 0..MUCH / LONG {
                    came.clear();
                    ws.receive().unwrap().read_to_end(&mut came).unwrap();
                    assert!(came == expected, "message {number}");
                }
            });
        });
        in_front_of_a_client("TLSv1.3", |client| {
            let message = Message::binary(pattern(LONG));
            for number in 0..MUCH / LONG {
                client.send(message.clone()).unwrap();
                assert!(client.read().unwrap() == message, "message {number}");
            }
        });
    });
}
