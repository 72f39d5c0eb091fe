//! Handles in the hands of a process that they do not belong to.

use xous_api_websocket::wire::{Handle, Opcode, SendWord, message_id};
use xous_api_websocket::{Code, Kind, Listener, Route};

use crate::by_hand::Client;
use crate::common::pages::RawPages;
use crate::common::{nothing_is_left, service_cid, system};
use crate::serve::{FIRST, listen, listener, pair};

fn ask(opcode: Opcode, handle: Handle, argument: usize) -> xous::Result {
    let message = xous::Message::new_blocking_scalar(message_id(opcode, handle), argument, 0, 0, 0);
    xous::send_message(service_cid(), message).unwrap()
}

fn lend(opcode: Opcode, handle: Handle, offset: usize, data: &[u8]) -> usize {
    RawPages::with(data).lend(service_cid(), message_id(opcode, handle), offset, data.len()).0
}

fn lend_mut(opcode: Opcode, handle: Handle) -> usize {
    RawPages::new(1).lend_mut(service_cid(), message_id(opcode, handle), 0, 0).0
}

fn route(path: &str) -> Vec<u8> {
    let route = Route::receiver(path);
    let mut page = vec![0; route.encoded_len()];
    route.write(&mut page).unwrap();
    page
}

/// What the client crate does not write: it is kept as long as the port is open.
fn long_listen() -> Vec<u8> {
    let origin = format!("https://{}", "x".repeat(60_000));
    let listen = listen().origin(&origin);
    let mut page = vec![0; listen.encoded_len()];
    listen.write(&mut page).unwrap();
    // The number of origins; they come last.
    page[7] = 4;
    let last = page[page.len() - 2 - origin.len()..].to_vec();
    for _ in 1..4 {
        page.extend_from_slice(&last);
    }
    page
}

/// Everything that a listener's handle is good for.
fn use_listener(listener: Handle, connection: Handle) -> Vec<usize> {
    let connection = connection.to_raw() as usize;
    let whole = SendWord::Data(Kind::Text, xous_api_websocket::Part::Whole).to_word();
    vec![
        lend(Opcode::AddRoute, listener, 0, &route("/raw")),
        lend(Opcode::Join, listener, connection, b"room"),
        lend(Opcode::Broadcast, listener, whole, b"\x04\0roomhello"),
        lend(Opcode::Leave, listener, connection, b"room"),
    ]
}

#[test]
fn another_process_s_handles_are_worth_nothing() {
    const CLOSED: usize = Code::Closed as usize;
    const REFUSED: xous::Result = xous::Result::Scalar2(usize::MAX, CLOSED);
    system!()
        .role("owner", || {
            let listener = listener(&listen());
            let (mut client, incoming) = pair(&listener);
            let connection = incoming.websocket.handle();
            listener.join(&incoming.websocket, "room").unwrap();
            hosted::tell("stranger", &connection.to_raw().to_string());
            hosted::tell("stranger", &listener.port().to_string());
            assert_eq!(hosted::hear(), "done");
            // Nothing of it has arrived, and everything is as it was.
            listener.broadcast("room", Kind::Text, b"the first").unwrap();
            assert_eq!(client.text(), "the first");
            incoming.websocket.send_text("the second").unwrap();
            assert_eq!(client.text(), "the second");
            // The same with the owner's own hands, to see that the messages are good.
            assert_eq!(use_listener(FIRST, connection)[1..], [0, 0, 0]);
            assert_eq!(client.text(), "hello");
            client.close();
            hosted::tell("stranger", "over");
        })
        .role("stranger", || {
            let connection = Handle::from_raw(hosted::hear().parse().unwrap()).unwrap();
            let port = hosted::hear().parse().unwrap();
            assert_eq!(use_listener(FIRST, connection), [CLOSED; 4]);
            assert_eq!(lend_mut(Opcode::Accept, FIRST), CLOSED);
            assert_eq!(ask(Opcode::RemoveRoute, FIRST, 2), REFUSED);
            assert_eq!(ask(Opcode::Unlisten, FIRST, 0), REFUSED);
            assert_eq!(ask(Opcode::ListenerState, FIRST, 0), xous::Result::Scalar2(0, 0));
            assert_eq!(lend(Opcode::Send, connection, 0, b"not mine"), CLOSED);
            assert_eq!(ask(Opcode::State, connection, 0), xous::Result::Scalar2(0, 0));
            assert_eq!(ask(Opcode::Close, connection, 0), REFUSED);
            // Not even with a listener of one's own on the same port.
            let own = Listener::listen(&xous_api_websocket::Listen::new("127.0.0.1", port)).unwrap();
            let own_handle = Handle::new(1, 1);
            assert_eq!(use_listener(own_handle, connection), [0, CLOSED, 0, CLOSED]);
            let mut client = Client::asks(port, "/raw");
            let incoming = own.accept().unwrap();
            client.opened();
            assert_eq!(use_listener(FIRST, incoming.websocket.handle()), [CLOSED; 4]);
            client.close();
            hosted::tell("owner", "done");
            assert_eq!(hosted::hear(), "over");
            drop((incoming, own));
        })
        .run_roles();
}

#[test]
fn messages_that_are_none_are_refused_and_change_nothing() {
    const MALFORMED: usize = Code::Malformed as usize;
    system!().run(|| {
        let listener = listener(&listen());
        let (client, incoming) = pair(&listener);
        let connection = incoming.websocket.handle().to_raw() as usize;
        assert_eq!(lend_mut(Opcode::Listen, Handle::SOLE), MALFORMED);
        assert_eq!(lend(Opcode::Listen, Handle::SOLE, 0, &[0xff; 4096]), MALFORMED);
        let long = long_listen();
        let listens = RawPages::with(&long).lend_mut(
            service_cid(),
            message_id(Opcode::Listen, Handle::SOLE),
            0,
            long.len(),
        );
        assert_eq!(listens.0, MALFORMED);
        assert_eq!(lend(Opcode::AddRoute, FIRST, 0, b"WSR1"), MALFORMED);
        assert_eq!(lend(Opcode::AddRoute, FIRST, 0, &[0xff; 8192]), MALFORMED);
        assert_eq!(lend(Opcode::Accept, FIRST, 0, b""), MALFORMED, "a page that cannot be written");
        assert_eq!(lend(Opcode::Join, FIRST, connection, b"\xff"), MALFORMED);
        assert_eq!(lend(Opcode::Join, FIRST, usize::MAX, b"room"), Code::Closed as usize);
        assert_eq!(lend(Opcode::Broadcast, FIRST, 0, b"\x05"), MALFORMED);
        assert_eq!(lend(Opcode::Broadcast, FIRST, 0, b"\x05\0room"), MALFORMED);
        assert_eq!(lend(Opcode::Broadcast, FIRST, 0, b"\x01\0\xff"), MALFORMED);
        let ping = SendWord::Ping.to_word();
        assert_eq!(lend(Opcode::Broadcast, FIRST, ping, b"\x04\0roomx"), MALFORMED);
        let first = SendWord::Data(Kind::Text, xous_api_websocket::Part::First).to_word();
        assert_eq!(lend(Opcode::Broadcast, FIRST, first, b"\x04\0roomx"), MALFORMED);
        for opcode in [Opcode::Listen, Opcode::AddRoute, Opcode::Accept, Opcode::Join, Opcode::Broadcast] {
            assert_eq!(ask(opcode, FIRST, 0), xous::Result::Scalar2(usize::MAX, MALFORMED), "{opcode:?}");
        }
        for opcode in [Opcode::Unlisten, Opcode::RemoveRoute, Opcode::ListenerState] {
            assert_eq!(lend(opcode, FIRST, 0, b""), MALFORMED, "{opcode:?}");
        }
        // Whole pages of every length around the fields of a route.
        for len in 0..=24 {
            let mut page = route("/some/path");
            page.truncate(len);
            assert!([0, MALFORMED].contains(&lend(Opcode::AddRoute, FIRST, 0, &page)), "{len}");
        }
        client.close();
        drop(incoming);
        nothing_is_left();
    });
}
