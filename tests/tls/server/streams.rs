//! Much data over TLS, to and from clients.

use std::time::Instant;

use xous_api_websocket::Websocket;

use crate::authority::Authority;
use crate::client::Settings;
use crate::streams::{DIGEST, LIMIT, MUCH, receive, send};
use crate::support::system;

use super::{listen, listener, tls};

fn stream(version: &str) {
    let ca = Authority::new("root");
    let leaf = ca.server(&["localhost"]);
    let listener = listener(&listen(tls(&leaf)));
    let timed = |mode: &str, work: &dyn Fn(&Websocket)| {
        let client = Settings::new(mode, listener.port(), &ca.pem).only(version).size(MUCH).start();
        let ws = listener.accept().unwrap().websocket;
        let start = Instant::now();
        work(&ws);
        println!("{version}, client is {mode}: {:.0} MiB/s", 100.0 / start.elapsed().as_secs_f64());
        ws.close(1000, "").unwrap();
        assert_eq!(client.report(), "{\"code\": 1000}");
    };
    let counted = |ws: &Websocket| assert_eq!(ws.receive_text(100).unwrap(), format!("{MUCH} {DIGEST}"));

    timed("source", &receive);
    timed("sink", &|ws| {
        send(ws);
        counted(ws);
    });
    timed("duplex", &|ws| {
        std::thread::scope(|scope| {
            scope.spawn(|| send(ws));
            receive(ws);
        });
        counted(ws);
    });
}

#[test]
fn a_hundred_mebibytes_each_way_for_a_client_of_tls_1_2() {
    system!().time_limit(LIMIT).run(|| stream("TLSv1_2"));
}

#[test]
fn a_hundred_mebibytes_each_way_for_a_client_of_tls_1_3() {
    system!().time_limit(LIMIT).run(|| stream("TLSv1_3"));
}
