//! Clients that are pushed to a server of the program.

use xous::SID;
use xous_api_websocket::{Code, Incoming, Route};

use crate::by_hand::{Client, upgrade_request};
use crate::common::pages::received;
use crate::common::{nothing_is_left, system, threads};
use crate::serve::{listen, listener};

/// Takes the next client that is lent to this server, or the code that says that none comes any more.
fn pushed(sid: SID, opcode: usize) -> Result<Incoming, Code> {
    let envelope = xous::receive_message(sid).unwrap();
    assert_eq!(envelope.body.id(), opcode);
    let memory = envelope.body.memory_message().expect("a lend");
    match memory.offset {
        Some(code) => Err(Code::from_word(code.get())),
        None => Ok(Incoming::from_page(&received(memory)[..memory.valid.unwrap().get()]).unwrap()),
    }
}

#[test]
fn clients_are_pushed_until_the_listener_is_given_up() {
    system!().run(|| {
        let sid = xous::create_server().unwrap();
        let cid = xous::connect(sid).unwrap();
        for round in 0..10 {
            let listener = listener(&listen());
            let chat = listener.add_route(&Route::receiver("/chat").sub_protocol("chat")).unwrap();
            listener.forward_to(cid, round).unwrap();
            let mut first = Client::asks(listener.port(), "/ws");
            let of_first = pushed(sid, round).unwrap();
            first.opened();
            let lines = "Sec-WebSocket-Protocol: chat\r\n";
            let mut second = Client::with(listener.port(), upgrade_request("/chat?x", lines));
            let of_second = pushed(sid, round).unwrap();
            second.opened();
            assert_eq!((&*of_first.path, &*of_second.path), ("/ws", "/chat"));
            assert_eq!((of_second.route, of_second.query.as_deref()), (chat, Some("x")));
            assert_eq!(of_second.websocket.sub_protocol(), Some("chat"));
            assert_eq!(of_second.peer, second.address().to_string());
            // Chunks may be pushed as well, to the same server.
            of_second.websocket.forward_to(cid, 1000).unwrap();
            second.send_text("pushed");
            let envelope = xous::receive_message(sid).unwrap();
            assert_eq!(envelope.body.id(), 1000);
            drop(envelope);
            first.close();
            second.close();
            let envelope = xous::receive_message(sid).unwrap();
            assert_eq!(envelope.body.id(), 1000, "the end of the second");
            drop(envelope);
            drop(listener);
            assert_eq!(pushed(sid, round).err(), Some(Code::Closed));
        }
        assert!(threads("ws-forward") < 10, "{} threads", threads("ws-forward"));
        nothing_is_left();
    });
}
