//! Failures of other implementations, each under the name that it is known by.
//!
//! The ones that take sockets or TLS are tested with the service.

#[path = "proto/deadline.rs"]
mod deadline;
#[path = "proto/frames.rs"]
mod frames;
#[path = "proto/trace.rs"]
mod trace;

use deadline::within_a_minute;
use frames::{BINARY, FIRST_TEXT, Form, LAST, MIDDLE, PING, append, frame, header};
use trace::Trace;
use websocket::proto::handshake::{
    Authorization, Caps, ClientRequest, HeadBuffer, HeadError, Key, Refusal, ReplyError, Request,
    RequestError, ResponseError, check_reply, check_request,
};
use websocket::proto::{CloseCode, Decoder, Event, Limits, Role, Violation};

const ROLES: [Role; 2] = [Role::Client, Role::Server];
const KEY: &[u8] = b"dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

fn key() -> Key {
    Key::parse(KEY).expect("the key of the RFC")
}

/// A valid request with `name` set to `value`, or with one more line of that name.
fn request_with(name: &str, value: &[u8]) -> Vec<u8> {
    let lines: [(&str, &[u8]); 6] = [
        ("Host", b"device"),
        ("Upgrade", b"websocket"),
        ("Connection", b"Upgrade"),
        ("Sec-WebSocket-Key", KEY),
        ("Sec-WebSocket-Version", b"13"),
        ("Sec-WebSocket-Protocol", b"chat"),
    ];
    head(b"GET / HTTP/1.1", &lines, name, value)
}

/// A valid reply with `name` set to `value`, or with one more line of that name.
fn reply_with(name: &str, value: &[u8]) -> Vec<u8> {
    let lines: [(&str, &[u8]); 4] = [
        ("Upgrade", b"websocket"),
        ("Connection", b"Upgrade"),
        ("Sec-WebSocket-Accept", ACCEPT),
        ("Sec-WebSocket-Protocol", b"chat"),
    ];
    head(b"HTTP/1.1 101 Switching Protocols", &lines, name, value)
}

fn head(first: &[u8], lines: &[(&str, &[u8])], name: &str, value: &[u8]) -> Vec<u8> {
    let others = lines.iter().filter(|(other, _)| *other != name).copied();
    let mut head = [first, b"\r\n"].concat();
    for (name, value) in others.chain([(name, value)]) {
        head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    head.extend(b"\r\n");
    head
}

/// tungstenite parsed the head again with every packet: a long one that drips in took quadratic time.
#[test]
fn cve_2023_43669_dripped_head() {
    within_a_minute(|| {
        const LEN: usize = 1 << 20;
        let junk = |i: usize| [b'a', b'b', b'c', b':', b' ', b'd', b'\r', b'\n'][i % 8];
        for caps in [Caps::default(), Caps { bytes: 100_000, lines: usize::MAX }] {
            for start in [&b"GET / HTTP/1.1\r\n"[..], b"HTTP/1.1 101 Switching Protocols\r\n"] {
                let mut buffer = HeadBuffer::new(caps);
                buffer.push(start).expect("the first line");
                let refused = (0..LEN).find_map(|i| buffer.push(&[junk(i)]).err().map(|error| (i, error)));
                let (at, error) = refused.expect("refused before the end");
                assert!(at < caps.bytes && buffer.head().len() <= caps.bytes);
                let by_lines = caps.lines < caps.bytes;
                assert_eq!(error, if by_lines { HeadError::TooManyLines } else { HeadError::TooLong });
                assert_eq!(Refusal::from(error), Refusal::TooLarge);
            }
        }
        // One long line, and a cap that takes it all: a megabyte byte by byte is a megabyte of work.
        let mut buffer = HeadBuffer::new(Caps { bytes: LEN + 100, lines: 8 });
        buffer.push(b"GET / HTTP/1.1\r\nx: ").expect("the start");
        for _ in 0..LEN {
            assert_eq!(buffer.push(b"y").map(|progress| progress.consumed), Ok(1));
        }
        assert!(
            buffer.push(b"\r\n\r\nframes").is_ok_and(|progress| progress.complete && progress.consumed == 4)
        );
    });
}

/// ESP-IDF's httpd read beyond a malformed `Sec-WebSocket-Protocol`.
#[test]
fn cve_2026_45541_malformed_sub_protocol() {
    let long: Vec<Vec<u8>> = [25, 100, 1000, 8000].map(|len| vec![b'x'; len]).into();
    let mut values: Vec<&[u8]> =
        vec![b"", b",", b", ,", b" ", b"\t", b"a b", b"a,b c", b"\"chat\"", b"\xff", b"a;b"];
    for value in &values {
        assert_eq!(check_request(&request_with("Sec-WebSocket-Protocol", value)), Err(Refusal::BadRequest));
        let reply = reply_with("Sec-WebSocket-Protocol", value);
        assert_eq!(check_reply(&reply, &key(), &["chat"]), Err(ReplyError::SubProtocol), "{value:?}");
    }
    values.extend(long.iter().map(Vec::as_slice));
    for value in &values {
        for name in ["Sec-WebSocket-Key", "Sec-WebSocket-Version"] {
            let refusal = check_request(&request_with(name, value)).expect_err("a malformed value");
            assert!(matches!(refusal, Refusal::BadRequest | Refusal::UpgradeRequired), "{name}: {value:?}");
        }
        let reply = reply_with("Sec-WebSocket-Accept", value);
        assert_eq!(check_reply(&reply, &key(), &["chat"]), Err(ReplyError::Accept));
    }
    for value in &long {
        let text = std::str::from_utf8(value).expect("ASCII");
        let request = request_with("Sec-WebSocket-Protocol", value);
        assert!(check_request(&request).is_ok(), "a long token is still a token");
        let reply = reply_with("Sec-WebSocket-Protocol", value);
        assert_eq!(check_reply(&reply, &key(), &["chat"]), Err(ReplyError::SubProtocol));
        assert!(check_reply(&reply, &key(), &["chat", text]).is_ok());
    }
    let lists = request_with("Sec-WebSocket-Protocol", b", a ,,\tb,");
    let Ok(Request::Upgrade(upgrade)) = check_request(&lists) else {
        panic!("empty elements between others are ignored")
    };
    assert_eq!(upgrade.protocols().collect::<Vec<_>>(), ["a", "b"]);
}

/// ws crashed on more header lines than it counted with.
#[test]
fn cve_2024_37890_many_headers() {
    let line = b"X-Header: 1\r\n";
    let mut request = request_with("X", b"");
    request.truncate(request.len() - 2);
    request.extend(line.repeat(10_000));
    request.extend(b"\r\n");
    let mut buffer = HeadBuffer::new(Caps { bytes: 1 << 20, lines: 100 });
    assert_eq!(buffer.push(&request), Err(HeadError::TooManyLines));
    // Without the buffer's cap the checks have their own.
    assert_eq!(check_request(&request), Err(Refusal::TooLarge));
    let mut reply = reply_with("X", b"");
    reply.truncate(reply.len() - 2);
    reply.extend(line.repeat(10_000));
    reply.extend(b"\r\n");
    assert_eq!(check_reply(&reply, &key(), &["chat"]), Err(ReplyError::Malformed));
}

/// ws took quadratic time for spaces in `Sec-WebSocket-Protocol`.
#[test]
fn cve_2021_32640_spaces() {
    within_a_minute(|| {
        // Where 64 KiB were enough to show it, a megabyte shows it beyond doubt.
        let (few, many) = ("  ", " ".repeat(1 << 20));
        for form in ["~", "a~b", "~,~x", "websocket~", "~upgrade,~"] {
            let (few, many) = (form.replace('~', few), form.replace('~', &many));
            let names = ["Sec-WebSocket-Protocol", "Upgrade", "Connection", "Sec-WebSocket-Key", "X"];
            for name in names {
                let (request, reply) =
                    (request_with(name, many.as_bytes()), reply_with(name, many.as_bytes()));
                let mut buffer = HeadBuffer::new(Caps::default());
                assert_eq!(buffer.push(&request), Err(HeadError::TooLong));
                // Without that cap the checks take linear time, and find what they find with few spaces.
                let outcome = |head: &[u8]| check_request(head).map(|_| ());
                assert_eq!(outcome(&request), outcome(&request_with(name, few.as_bytes())));
                let outcome = |head: &[u8]| check_reply(head, &key(), &["chat"]).map(|_| ());
                assert_eq!(outcome(&reply), outcome(&reply_with(name, few.as_bytes())));
            }
        }
    });
}

/// gorilla, undici and NATS let 64-bit lengths overflow.
#[test]
fn cve_2020_27813_length_overflow() {
    let limits = Limits { max_frame: 1 << 20, ..Limits::NONE };
    for role in ROLES {
        for len in [1u64 << 31, (1 << 32) - 1, 1 << 32, (1 << 63) - 1] {
            let start = header(role.peer(), BINARY, len, Form::Bits64);
            assert_eq!(Trace::of(role, limits, &start, []).fault, Some(Violation::FrameTooBig));
            assert_eq!(Trace::by_byte(role, limits, &start).fault, Some(Violation::FrameTooBig));
            // Without limits it is a long message: its first bytes are delivered, no more and no less.
            let mut input = start;
            append(&mut input, role.peer(), &[7; 5000]);
            let trace = Trace::at_once(role, &input);
            assert_eq!((trace.fault, trace.mid_message), (None, true));
            assert!(
                matches!(&trace.seen[..], [trace::Seen::Message { payload, whole: false, .. }] if payload.len() == 5000)
            );
        }
        for len in [1 << 63, (1 << 63) + 5, u64::MAX] {
            for limits in [limits, Limits::NONE] {
                let start = header(role.peer(), BINARY, len, Form::Bits64);
                let trace = Trace::of(role, limits, &start, []);
                assert_eq!(trace.fault, Some(Violation::LengthTopBit));
                assert_eq!(trace.fault.map(|fault| fault.close_code()), Some(CloseCode::PROTOCOL));
            }
        }
        // The sum over fragments.
        let (first, more) = (header(role.peer(), 0x02, 10, Form::Shortest), (1 << 63) - 1);
        let mut input = first;
        append(&mut input, role.peer(), &[1; 10]);
        input.extend(header(role.peer(), LAST, more, Form::Bits64));
        let limits = Limits { max_message: more, ..Limits::NONE };
        assert_eq!(Trace::of(role, limits, &input, []).fault, Some(Violation::MessageTooBig));
        assert_eq!(Trace::at_once(role, &input).fault, None);
    }
}

/// tungstenite's master and ESP-IDF's example reserved memory for what a header declared. The decoder has
/// nowhere to reserve it; this checks that it stays so.
#[test]
fn memory_reserved_for_a_declared_length() {
    fn is_plain_data<T: Copy>(_: &T) {}
    is_plain_data(&Limits::NONE);
    assert!(size_of::<Decoder>() <= 224);
    for role in ROLES {
        let mut decoder = Decoder::new(role, Limits::NONE);
        let mut start = header(role.peer(), BINARY, 15 << 20, Form::Bits64);
        let len = start.len();
        let step = allocation_counter::measure(|| {
            let step = decoder.decode(&mut start).expect("a valid header");
            assert_eq!((step.consumed, step.event), (len, None));
        });
        assert_eq!(step.count_total, 0);
        assert_eq!(decoder.frame_remaining(), 15 << 20);
    }
}

/// ws took memory and time for every tiny fragment of a message.
#[test]
fn cve_2026_48779_tiny_fragments() {
    within_a_minute(|| {
        const FRAGMENTS: usize = 1_000_000;
        for role in ROLES {
            let peer = role.peer();
            let unit =
                [frame(peer, MIDDLE, b"x"), frame(peer, MIDDLE, b""), frame(peer, PING, b"p")].concat();
            let mut block = unit.repeat(100);
            let mut decoder = Decoder::new(role, Limits::NONE);
            let (mut bytes, mut pings) = (0, 0);
            let usage = allocation_counter::measure(|| {
                run(&mut decoder, &mut frame(peer, FIRST_TEXT, b"x"), &mut bytes, &mut pings).expect("valid");
                let clean = block.clone();
                for _ in 0..FRAGMENTS / 200 {
                    block.copy_from_slice(&clean);
                    run(&mut decoder, &mut block, &mut bytes, &mut pings).expect("valid");
                }
                run(&mut decoder, &mut frame(peer, LAST, b""), &mut bytes, &mut pings).expect("valid");
            });
            assert_eq!((bytes, pings), (1 + FRAGMENTS / 2, FRAGMENTS / 2));
            assert!(usage.count_total < 20, "only this test's own vectors: {}", usage.count_total);

            let limits = Limits { max_fragments: 1000, ..Limits::NONE };
            let input = [frame(peer, FIRST_TEXT, b""), unit.repeat(1000)].concat();
            let trace = Trace::of(role, limits, &input, []);
            assert_eq!(trace.fault, Some(Violation::TooManyFragments));
            assert_eq!(trace.fault.map(|fault| fault.close_code()), Some(CloseCode::POLICY));
        }
    });
}

fn run(
    decoder: &mut Decoder,
    input: &mut [u8],
    bytes: &mut usize,
    pings: &mut usize,
) -> Result<(), Violation> {
    let mut rest = input;
    while !rest.is_empty() {
        let step = decoder.decode(rest)?;
        match step.event {
            Some(Event::Data(chunk)) => *bytes += chunk.payload.len(),
            Some(Event::Ping(_)) => *pings += 1,
            _ => {}
        }
        let consumed = step.consumed;
        rest = &mut rest[consumed..];
    }
    Ok(())
}

/// undici let CR and LF through into the request, which then said something else.
#[test]
fn cve_2026_1527_cr_lf_injection() {
    let bad = ["\r", "\n", "\r\nX: y", "\0", "\u{7f}", "é", "\u{1}"];
    let plain = ClientRequest {
        host: "device",
        port: 80,
        secure: false,
        path: "/",
        origin: None,
        authorization: Authorization::None,
        sub_protocols: &[],
        headers: &[],
    };
    let refused = |request: ClientRequest<'_>, error| {
        let mut out = b"before".to_vec();
        assert_eq!(request.compose(&key(), &mut out), Err(error), "{request:?}");
        assert_eq!(out, b"before");
    };
    for bad in bad {
        let (host, path, text) = (format!("dev{bad}ice"), format!("/a{bad}b"), format!("a{bad}b"));
        let text = text.as_str();
        refused(ClientRequest { host: &host, ..plain }, RequestError::Host);
        refused(ClientRequest { path: &path, ..plain }, RequestError::Path);
        refused(ClientRequest { origin: Some(text), ..plain }, RequestError::Origin);
        refused(ClientRequest { sub_protocols: &["chat", text], ..plain }, RequestError::SubProtocol);
        refused(ClientRequest { headers: &[(text, "value")], ..plain }, RequestError::HeaderName);
        refused(ClientRequest { headers: &[("Name", text)], ..plain }, RequestError::HeaderValue);
        // Credentials are in UTF-8, encoded.
        let named = (bad != "é").then_some([(text, "secret"), ("me", text)]);
        for (user, password) in named.into_iter().flatten() {
            for authorization in
                [Authorization::Basic { user, password }, Authorization::Query { user, password }]
            {
                refused(ClientRequest { authorization, ..plain }, RequestError::Credentials);
            }
        }
        // And the server's response.
        let request = request_with("X", b"");
        let Ok(Request::Upgrade(upgrade)) = check_request(&request) else { panic!("a valid request") };
        let mut out = Vec::new();
        assert_eq!(upgrade.compose_accept(Some(text), &[], &mut out), Err(ResponseError::SubProtocol));
        assert_eq!(upgrade.compose_accept(None, &[(text, "v")], &mut out), Err(ResponseError::HeaderName));
        assert_eq!(upgrade.compose_accept(None, &[("N", text)], &mut out), Err(ResponseError::HeaderValue));
        assert!(out.is_empty());
    }
    // What comes in is no better: such a head is refused before anything is read from it.
    for bad in ["\r", "\n", "\0", "\u{1}", "\u{7f}"] {
        let mut buffer = HeadBuffer::new(Caps::default());
        let outcome = buffer.push(&request_with("X", format!("a{bad}b").as_bytes()));
        assert_eq!(outcome, Err(HeadError::Malformed), "{bad:?}");
    }
}
