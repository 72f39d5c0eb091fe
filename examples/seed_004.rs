//! The example of the library that this one takes the place of, word for word but for host and port: `seed_004 HOST PORT`,
//! of a server that echoes and knows the sub-protocol `test`. [`in_process.rs`](in_process.rs) does the same with the types
//! of the client crate. `Buffer` shows as many bytes as `offset` says: 13 of a whole text, a word of flags. A program that
//! receives more reads the pages, as `in_process.rs` does.
#![allow(unsafe_code, unused_must_use, clippy::single_component_path_imports)] // as they stand there

use std::thread;

use websocket;
use websocket::{Opcode, SystemRandom as OsRng, Websocket};
use xous::{CID, MemoryMessage, MemoryRange, MemorySize, Message, send_message};
use xous_ipc::Buffer;

#[repr(C, align(4096))]
struct LendData([u8; 4096]);

fn main() {
    xous_api_log::init_wait().ok();
    let mut arguments = std::env::args().skip(1);
    let host = arguments.next().expect("usage: seed_004 HOST PORT").leak();
    let port = arguments.next().and_then(|port| port.parse().ok()).expect("usage: seed_004 HOST PORT");
    // Where inbound frames come to.
    let sid = xous::create_server().expect("failed");
    let cid = xous::connect(sid).expect("failed");

    // configure websocket
    let mut websocket = Websocket::new(
        host,          // host
        Some(port),    // port
        Some("/test"), // path
        None,          // username
        None,          // password
        false,         // tls connection
        Some("test"),  // sub-protocol request
        cid,           // cid callback for inbound ws frames
        0,             // opcode callback for inboud ws frames
        OsRng,         // random number gen
    );

    // start websocket server
    let ws_sid = xous::create_server().unwrap();
    let ws_cid: CID = xous::connect(ws_sid).expect("failed");
    let server = thread::spawn({
        move || {
            crate::websocket::server(ws_sid, &mut websocket);
        }
    });

    // send bytes via websocket
    let outbound = String::from("test message");
    let test_msg = &outbound;
    let mut bytes = LendData([0u8; 4096]);
    for (dest, src) in bytes.0.iter_mut().zip(outbound.bytes()) {
        *dest = src;
    }
    let msg = MemoryMessage {
        id: Opcode::Send as usize,
        // SAFETY: a page of this program, which it does not touch until the call returns.
        buf: unsafe { MemoryRange::new(bytes.0.as_ptr() as _, 4096).unwrap() },
        offset: None,
        valid: MemorySize::new(test_msg.len()),
    };
    send_message(ws_cid, Message::Borrow(msg)).expect("failed");

    // receive bytes via websocket
    let msg = xous::receive_message(sid).unwrap();
    let len = msg.body.to_usize()[5];
    // SAFETY: the pages are this program's until `msg` is dropped.
    let buf = unsafe { Buffer::from_memory_message(msg.body.memory_message().unwrap()) };
    let inbound = std::str::from_utf8(&buf[..len]).unwrap().to_string();
    drop(buf);
    drop(msg); // The pages go back: the connection waits for them before it reads on.
    println!("{inbound}");

    // close websocket server
    send_message(ws_cid, Message::new_blocking_scalar(Opcode::Close.into(), 0, 0, 0, 0));
    // A program that ends while a call of one of its threads is unanswered takes hosted mode's kernel with it.
    server.join().expect("failed");
}
