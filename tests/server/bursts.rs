//! A client that says all that it has to say and closes: `seq 200 | websocat URL`.

use std::time::Instant;

use crate::by_hand::{Client, masked};
use crate::common::example::Example;
use crate::common::raw::{CLOSE, TEXT, close_payload};

#[test]
fn a_burst_is_echoed_before_its_close_is_answered() {
    let server = Example::start("echo_server");
    for many in [1, 5, 200] {
        let mut client = Client::asks(server.port, "/echo");
        client.opened();
        let mut bytes: Vec<u8> =
            (1..=many).flat_map(|number| masked(TEXT, format!("{number}").as_bytes())).collect();
        bytes.extend(masked(CLOSE, &close_payload(1000, "")));
        let start = Instant::now();
        client.send(&bytes);
        for number in 1..=many {
            assert_eq!(client.text(), format!("{number}"), "of {many}");
        }
        assert_eq!(client.closed(), (1000, String::new()));
        println!("{many} and the end after {:?}", start.elapsed());
    }
}
