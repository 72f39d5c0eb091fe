//! The name server stand-in, spoken to by its API crate and by raw pages.

use hosted::{Page, hear, tell};
use xous::{CID, Message, SID};
use xous_api_names::XousNames;

/// Opcodes of the name server.
const REGISTER: usize = 0;
const LOOKUP: usize = 1;
const AUTHENTICATED_LOOKUP: usize = 2;
const DISCONNECT: usize = 4;
const BLOCKING_CONNECT: usize = 6;
const TRY_CONNECT: usize = 7;
/// Error codes of its raw replies.
const INVALID_MEMORY_BUFFER: u32 = 1;
const INVALID_STRING: u32 = 3;
const SERVER_NOT_FOUND: u32 = 5;

fn name_server() -> CID {
    xous::connect(SID::from_bytes(b"xous-name-server").unwrap()).unwrap()
}

fn raw_reply(page: &Page) -> [u32; 2] {
    let word = |at: usize| u32::from_le_bytes(page.bytes[at..at + 4].try_into().unwrap());
    [word(0), word(4)]
}

/// Asks with a raw page for a connection.
fn connect_raw(opcode: usize, name: &[u8], valid: usize) -> [u32; 2] {
    let mut page = Page::new(name);
    page.lend_mut(name_server(), opcode, 0, valid).unwrap();
    raw_reply(&page)
}

fn still_serves(names: &XousNames) {
    let sid = names.register_name("_Still There_", None).unwrap();
    assert_eq!(names.request_connection("_Still There_").unwrap(), xous::connect(sid).unwrap());
    names.unregister_server(sid).unwrap();
}

#[test]
fn a_server_is_found_by_its_name_until_it_unregisters() {
    hosted::test!().run(|| {
        let names = XousNames::new().unwrap();
        let sid = names.register_name("_A Server_", None).unwrap();
        let by_sid = xous::connect(sid).unwrap();
        assert_eq!(names.request_connection("_A Server_").unwrap(), by_sid);
        assert_eq!(names.request_connection_blocking("_A Server_").unwrap(), by_sid);
        assert_eq!(connect_raw(TRY_CONNECT, b"_A Server_", 10), [0, by_sid]);
        names.unregister_server(sid).unwrap();
        assert!(names.unregister_server(sid).is_err());
        assert!(names.request_connection("_A Server_").is_err());
        assert_eq!(connect_raw(TRY_CONNECT, b"_A Server_", 10), [1, SERVER_NOT_FOUND]);
        names.register_name("_A Server_", None).unwrap();
    });
}

#[test]
fn a_name_belongs_to_one() {
    hosted::test!().run(|| {
        let names = XousNames::new().unwrap();
        names.register_name("_A Server_", None).unwrap();
        // The server exists when somebody asks for it.
        names.request_connection("_A Server_").unwrap();
        assert!(names.register_name("_A Server_", None).is_err());
    });
}

#[test]
fn a_blocking_connect_waits_for_the_server() {
    hosted::test!()
        .role("server", || {
            let names = XousNames::new().unwrap();
            assert_eq!(hear(), "about to connect");
            let sid = names.register_name("_Late Server_", None).unwrap();
            let message = xous::receive_message(sid).unwrap();
            assert_eq!(message.body.id(), 17);
            xous::return_scalar(message.sender, 18).unwrap();
        })
        .role("client", || {
            let names = XousNames::new().unwrap();
            assert!(names.request_connection("_Late Server_").is_err());
            tell("server", "about to connect");
            let connection = names.request_connection_blocking("_Late Server_").unwrap();
            let reply = xous::send_message(connection, Message::new_blocking_scalar(17, 0, 0, 0, 0));
            assert_eq!(reply, Ok(xous::Result::Scalar1(18)));
        })
        .run_roles();
}

#[test]
fn names_have_at_most_63_bytes() {
    hosted::test!().run(|| {
        let names = XousNames::new().unwrap();
        let (longest, too_long) = ("n".repeat(63), "n".repeat(64));
        let sid = names.register_name(&longest, None).unwrap();
        let connection = xous::connect(sid).unwrap();
        assert_eq!(names.request_connection(&longest).unwrap(), connection);
        assert_eq!(names.request_connection_blocking(&longest).unwrap(), connection);
        assert!(names.register_name(&too_long, None).is_err());
        assert!(names.register_name("", None).is_err());
        assert!(names.request_connection(&too_long).is_err());
        assert!(names.request_connection_blocking(&too_long).is_err());
        assert!(names.disconnect_with_token(&too_long, [0; 4]).is_err());
        still_serves(&names);
    });
}

#[test]
fn hostile_pages_are_refused() {
    hosted::test!().run(|| {
        let names = XousNames::new().unwrap();
        let server = name_server();
        for opcode in [BLOCKING_CONNECT, TRY_CONNECT] {
            assert_eq!(connect_raw(opcode, &[b'n'; 4096], 0), [1, INVALID_MEMORY_BUFFER]);
            assert_eq!(connect_raw(opcode, &[b'n'; 4096], 4096), [1, INVALID_MEMORY_BUFFER]);
            assert_eq!(connect_raw(opcode, &[b'n'; 4096], 4097), [1, INVALID_MEMORY_BUFFER]);
            assert_eq!(connect_raw(opcode, &[b'n'; 4096], usize::MAX), [1, INVALID_MEMORY_BUFFER]);
            assert_eq!(connect_raw(opcode, &[0xff; 8], 8), [1, INVALID_STRING]);
        }
        // Zeroes, ones, and offsets that point out of the message or the page. Some are names, if odd ones, and a lookup
        // of one that is registered would wait for its server.
        for opcode in [LOOKUP, AUTHENTICATED_LOOKUP, DISCONNECT, 8, usize::MAX, REGISTER] {
            for bytes in [[0; 4096], [0xff; 4096], [0x7f; 4096], std::array::from_fn(|at| at as u8)] {
                for offset in [0, 1, 8, 31, 32, 4095, 4096, 4097, usize::MAX] {
                    Page::new(&bytes).lend_mut(server, opcode, offset, 4096).unwrap();
                }
            }
        }
        still_serves(&names);
    });
}

#[test]
fn messages_of_the_wrong_kind_are_answered_and_change_nothing() {
    hosted::test!().run(|| {
        let names = XousNames::new().unwrap();
        let server = name_server();
        for opcode in (0..10).chain([0x1_0000, 0x1_0001, usize::MAX]) {
            let mut page = Page::new(b"_Nobody_");
            page.lend(server, opcode, 8, 8).unwrap();
            assert!(page.bytes.starts_with(b"_Nobody_"));
            xous::send_message(server, Message::new_scalar(opcode, 1, 2, 3, 4)).unwrap();
            let answered = xous::send_message(server, Message::new_blocking_scalar(opcode, 1, 2, 3, 4));
            assert!(matches!(answered, Ok(xous::Result::Scalar1(_))));
        }
        still_serves(&names);
    });
}

#[test]
fn a_server_that_is_never_created_holds_up_nobody_else() {
    hosted::test!()
        .role("promiser", || {
            let names = XousNames::new().unwrap();
            // Registers as the API crate does, but without creating the server.
            let request = xous_api_names::api::Registration { name: "_Promised_".into(), conn_limit: None };
            let bytes = rkyv::to_bytes::<rkyv::rancor::Error>(&request).unwrap();
            let mut page = Page::new(&bytes);
            page.lend_mut(name_server(), REGISTER, bytes.len(), 4096).unwrap();
            tell("waiter", "promised");
            assert_eq!(hear(), "waiting");
            still_serves(&names);
            tell("waiter", "served");
            assert_eq!(hear(), "given up");
            // A name that was never served is free again.
            names.register_name("_Promised_", None).unwrap();
        })
        .role("waiter", || {
            assert_eq!(hear(), "promised");
            let names = XousNames::new().unwrap();
            let waiting = std::thread::spawn(|| XousNames::new().unwrap().request_connection("_Promised_"));
            tell("promiser", "waiting");
            assert_eq!(hear(), "served");
            still_serves(&names);
            assert!(waiting.join().unwrap().is_err());
            tell("promiser", "given up");
        })
        .run_roles();
}

#[test]
fn a_limit_holds_until_a_token_frees_it() {
    hosted::test!().run(|| {
        let names = XousNames::new().unwrap();
        let sid = names.register_name("_One Client_", Some(1)).unwrap();
        assert!(!names.trusted_init_done().unwrap());
        let (connection, token) = names.request_connection_with_token("_One Client_").unwrap();
        assert_eq!(connection, xous::connect(sid).unwrap());
        assert!(names.trusted_init_done().unwrap());
        assert!(names.request_connection("_One Client_").is_err());
        assert!(names.disconnect_with_token("_One Client_", [0; 4]).is_err());
        names.disconnect_with_token("_One Client_", token.unwrap()).unwrap();
        assert_eq!(names.request_connection("_One Client_").unwrap(), connection);
    });
}

#[test]
fn the_name_of_a_server_that_is_gone_is_free() {
    hosted::test!().run(|| {
        let names = XousNames::new().unwrap();
        let sid = names.register_name("_Heir_", None).unwrap();
        names.request_connection("_Heir_").unwrap();
        // Nobody waits on it.
        xous::rsyscall(xous::SysCall::DestroyServer(sid)).unwrap();
        assert!(names.request_connection("_Heir_").is_err());
        let heir = names.register_name("_Heir_", None).unwrap();
        assert_eq!(names.request_connection("_Heir_").unwrap(), xous::connect(heir).unwrap());
    });
}
