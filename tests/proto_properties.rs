//! Properties of the codec over inputs that nobody thought of.

#[path = "proto/endpoint.rs"]
mod endpoint;
#[path = "proto/frames.rs"]
mod frames;
#[path = "support/records.rs"]
mod records;
#[path = "proto/trace.rs"]
mod trace;

use endpoint::{Echo, Endpoint};
use frames::{Form, append, header};
use proptest::collection::vec;
use proptest::prelude::*;
use trace::{Seen, Trace};
use websocket::proto::handshake::{Caps, HeadBuffer, Key, Request, check_reply, check_request, parse_reply};
use websocket::proto::{CloseStep, Encoder, Event, FrameKind, Kind, Limits, MAX_HEADER, Role, Utf8};

/// A frame as a peer might send it, most often rightly.
#[derive(Clone, Debug)]
struct RawFrame {
    first: u8,
    form: Form,
    right_mask: bool,
    payload: Vec<u8>,
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Client), Just(Role::Server)]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[a-z]{0,200}".prop_map(String::into_bytes),
        vec(any::<char>(), 0..40).prop_map(|text| text.into_iter().collect::<String>().into_bytes()),
    ]
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![8 => text(), 4 => vec(any::<u8>(), 0..300), 1 => vec(any::<u8>(), 65530..65540)]
}

fn close() -> impl Strategy<Value = Vec<u8>> {
    (990u16..5010, "[a-zé]{0,20}")
        .prop_map(|(code, text)| [&code.to_be_bytes()[..], text.as_bytes()].concat())
}

fn raw_frame() -> impl Strategy<Value = RawFrame> {
    let valid = |first, payload| RawFrame { first, form: Form::Shortest, right_mask: true, payload };
    let form = prop_oneof![Just(Form::Shortest), Just(Form::Bits16), Just(Form::Bits64)];
    let firsts = prop_oneof![Just(0x01u8), Just(0x02), Just(0x00), Just(0x80), Just(0x81), Just(0x82)];
    prop_oneof![
        20 => (firsts, payload()).prop_map(move |(first, payload)| valid(first, payload)),
        5 => (0x89u8..=0x8a, vec(any::<u8>(), 0..=125)).prop_map(move |(first, payload)| valid(first, payload)),
        1 => close().prop_map(move |payload| valid(0x88, payload)),
        1 => (any::<u8>(), form, any::<bool>(), vec(any::<u8>(), 0..200))
            .prop_map(|(first, form, right_mask, payload)| RawFrame { first, form, right_mask, payload }),
    ]
}

fn bytes_of(sender: Role, frames: &[RawFrame]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        let sender = if frame.right_mask { sender } else { sender.peer() };
        bytes.extend(header(sender, frame.first, frame.payload.len() as u64, frame.form));
        append(&mut bytes, sender, &frame.payload);
    }
    bytes
}

/// Makes a message of each run of data frames, so that most inputs get past their first frames.
fn ordered(mut frames: Vec<RawFrame>) -> Vec<RawFrame> {
    let mut open = false;
    for frame in frames.iter_mut().filter(|frame| frame.right_mask && frame.first & 0x78 == 0) {
        frame.first =
            if open { frame.first & 0x80 } else { frame.first & 0x80 | (frame.first & 0x0f).clamp(1, 2) };
        open = frame.first & 0x80 == 0;
    }
    frames
}

fn limits() -> impl Strategy<Value = Limits> {
    prop_oneof![
        3 => Just(Limits::NONE),
        1 => (0u64..300, 0u64..600, 1u32..5).prop_map(|(max_frame, max_message, max_fragments)| {
            Limits { max_frame, max_message, max_fragments }
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// The cutting of the input changes nothing: not the events, not the payload bytes, not the fault.
    #[test]
    fn any_cutting_gives_the_same(
        role in role(),
        limits in limits(),
        frames in vec(raw_frame(), 0..8).prop_map(ordered),
        cuts in vec(prop_oneof![0usize..20, 0usize..5000], 0..60),
    ) {
        let input = bytes_of(role.peer(), &frames);
        let expected = Trace::of(role, limits, &input, []);
        prop_assert_eq!(&Trace::of(role, limits, &input, cuts), &expected);
        prop_assert_eq!(&Trace::by_byte(role, limits, &input), &expected);
    }

    /// Nor what is sent back.
    #[test]
    fn any_cutting_gives_the_same_output(
        role in role(),
        frames in vec(raw_frame(), 0..8).prop_map(ordered),
        cut in 1usize..200,
    ) {
        let mut input = bytes_of(role.peer(), &frames);
        let mut whole = Endpoint::new(role, Limits::NONE, Echo::Whole);
        let mut in_pieces = Endpoint::new(role, Limits::NONE, Echo::Whole);
        input.clone().chunks_mut(cut).for_each(|piece| in_pieces.receive(piece, |_| ()));
        whole.receive(&mut input, |_| ());
        prop_assert_eq!(whole.out, in_pieces.out);
    }

    /// What one end encodes the other decodes, in fragments and pieces of any size.
    #[test]
    fn round_trip(
        role in role(),
        messages in vec((any::<bool>(), vec(text(), 1..5)), 1..5),
        out_size in 1usize..100,
        cut in 1usize..300,
    ) {
        let mut encoder = Encoder::new(role);
        let (mut wire, mut expected) = (Vec::new(), Vec::new());
        for (is_text, parts) in &messages {
            let kind = if *is_text { Kind::Text } else { Kind::Binary };
            for (at, part) in parts.iter().enumerate() {
                let frame = match (at == 0, at + 1 == parts.len()) {
                    (true, true) => FrameKind::Whole(kind),
                    (true, false) => FrameKind::First(kind),
                    (false, false) => FrameKind::Middle,
                    (false, true) => FrameKind::Last,
                };
                let key = (wire.len() as u32).wrapping_mul(0x9e37_79b9).to_be_bytes();
                let mut writer = encoder.begin_checked(frame, part, key).expect("in order, and text");
                let (mut rest, mut out) = (&part[..], vec![0; out_size]);
                while !writer.is_done() {
                    let (taken, written) = writer.write(rest, &mut out);
                    rest = &rest[taken..];
                    wire.extend_from_slice(&out[..written]);
                }
            }
            expected.push(Seen::Message { kind, payload: parts.concat(), whole: true });
        }
        let cuts = std::iter::repeat_n(cut, wire.len() / cut);
        let trace = Trace::of(role.peer(), Limits::NONE, &wire, cuts);
        prop_assert_eq!((trace.seen, trace.fault), (expected, None));
    }

    /// Text is what std takes for text; the first bad byte is where it says, too.
    #[test]
    fn utf8_is_that_of_std(
        parts in vec(prop_oneof![3 => text(), 1 => vec(any::<u8>(), 0..4), 1 => vec(0x80u8..=0xf5, 0..4)], 0..8),
        cut in 1usize..80,
    ) {
        let bytes = parts.concat();
        let mut state = Utf8::new();
        let mut good = 0;
        let failed = bytes.chunks(cut).any(|piece| match state.push(piece) {
            Ok(()) => {
                good += piece.len();
                false
            }
            Err(index) => {
                good += index;
                true
            }
        });
        match std::str::from_utf8(&bytes) {
            Ok(_) => prop_assert!(!failed && state.is_complete()),
            Err(error) if error.error_len().is_none() => prop_assert!(!failed && !state.is_complete()),
            Err(error) => {
                prop_assert!(failed);
                // std names the start of the character, this check the byte in it.
                prop_assert!((error.valid_up_to()..error.valid_up_to() + 4).contains(&good));
                let still_possible = std::str::from_utf8(&bytes[..good]);
                prop_assert!(still_possible.is_ok_and(|_| true)
                    || still_possible.is_err_and(|error| error.error_len().is_none()));
                prop_assert!(std::str::from_utf8(&bytes[..=good]).is_err_and(|error| error.error_len().is_some()));
            }
        }
    }

    /// A frame's header and a masked copy are right at every alignment; the decoder undoes them in place.
    #[test]
    fn masks_at_any_alignment(
        source in vec(any::<u8>(), 0..400),
        key in any::<[u8; 4]>(),
        offset in 0usize..32,
        first_write in 0usize..400,
    ) {
        let mut encoder = Encoder::new(Role::Client);
        let mut writer = encoder.begin(FrameKind::Whole(Kind::Binary), source.len() as u64, key).expect("first");
        let mut buffer = vec![0; offset + MAX_HEADER + source.len()];
        let header = writer.header().len();
        let (taken, written) = writer.write(&source[..first_write.min(source.len())], &mut buffer[offset..]);
        writer.write(&source[taken..], &mut buffer[offset + written..]);
        prop_assert!(writer.is_done());
        let frame = &buffer[offset..offset + header + source.len()];
        let by_formula = source.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]);
        prop_assert!(frame[header..].iter().copied().eq(by_formula));
        let trace = Trace::at_once(Role::Server, frame);
        prop_assert_eq!(trace.seen, [Seen::Message { kind: Kind::Binary, payload: source, whole: true }]);
    }

    /// Two ends that talk to each other: all messages arrive, both close cleanly.
    #[test]
    fn a_pair_closes_cleanly(
        messages in vec((any::<bool>(), any::<bool>(), text()), 0..10),
        client_closes in any::<bool>(),
        cut in 1usize..100,
    ) {
        let mut client = Endpoint::new(Role::Client, Limits::NONE, Echo::Nothing);
        let mut server = Endpoint::new(Role::Server, Limits::NONE, Echo::Stream);
        let mut echoed = Vec::new();
        for (is_text, with_ping, text) in &messages {
            let kind = if *is_text { Kind::Text } else { Kind::Binary };
            prop_assert!(client.send(kind, text));
            prop_assert!(!with_ping || client.ping(b"?"));
        }
        exchange(&mut client, &mut server, cut, &mut echoed);
        let sent: Vec<u8> = messages.iter().flat_map(|(_, _, text)| text.clone()).collect();
        prop_assert_eq!(echoed, sent);
        if client_closes { client.close() } else { server.close() }
        exchange(&mut client, &mut server, cut, &mut Vec::new());
        prop_assert!(client.closing().is_clean() && server.closing().is_clean());
        prop_assert_eq!((client.next(), server.next()), (CloseStep::AwaitEnd, CloseStep::ShutDown));
    }

    /// The request line is read as httparse reads it, but for later versions of HTTP/1, and fragments, which it takes.
    #[test]
    fn request_lines_as_httparse_has_them(
        line in "[ -~]{0,20}|[A-Z!a@]{1,5} {1,2}/[!-~\u{e4}\t]{0,9} {1,2}HTTP/[12]\\.[0-3]{1,2} ?",
    ) {
        let head = format!("{line}\r\nHost: h\r\n\r\n");
        let mut lines = [httparse::EMPTY_HEADER; 1];
        let mut theirs = httparse::Request::new(&mut lines);
        let complete = theirs.parse(head.as_bytes()).is_ok_and(|status| status.is_complete());
        match check_request(head.as_bytes()) {
            Ok(Request::Plain(ours)) if complete => {
                prop_assert_eq!(Some(ours.method), theirs.method);
                prop_assert_eq!(Some(ours.target), theirs.path);
                prop_assert_eq!(Some(ours.version), theirs.version);
            }
            Ok(_) => prop_assert!(line.ends_with(['2', '3']), "{}", line),
            Err(_) => {
                let is_path = |path: &str| path.starts_with('/') && !path.contains('#');
                prop_assert!(!complete || !theirs.path.is_some_and(is_path), "{}", line);
            }
        }
    }

    /// And status lines, but for them.
    #[test]
    fn status_lines_as_httparse_has_them(line in "[ -~]{0,20}|HTTP/1\\.[0-3] {1,2}[0-9a]{2,4}[ -~\u{e4}]{0,9}") {
        let head = format!("{line}\r\nX: y\r\n\r\n");
        let mut lines = [httparse::EMPTY_HEADER; 1];
        let mut theirs = httparse::Response::new(&mut lines);
        let complete = theirs.parse(head.as_bytes()).is_ok_and(|status| status.is_complete());
        match parse_reply(head.as_bytes()) {
            Ok(ours) if complete => prop_assert_eq!(Some(ours.status), theirs.code),
            Ok(_) => prop_assert!(line.starts_with("HTTP/1.2") || line.starts_with("HTTP/1.3"), "{}", line),
            Err(_) => prop_assert!(!complete || theirs.code == Some(101), "{}", line),
        }
    }

    /// Heads of any bytes: the same outcome however they are cut, and nothing beyond the caps.
    #[test]
    fn heads_of_any_bytes(
        lines in vec(prop_oneof!["[ -~]{0,40}", "(?i)(upgrade|connection|host|sec-websocket-[a-z]+): ?[ -~]{0,20}"], 0..8),
        junk in vec(any::<u8>(), 0..10),
        end in prop_oneof![Just("\r\n"), Just("\n"), Just("\r")],
        cut in 1usize..50,
        kind in prop_oneof![
            Just(std::convert::identity as fn(HeadBuffer) -> HeadBuffer),
            Just(HeadBuffer::skips_empty_lines as fn(HeadBuffer) -> HeadBuffer),
            Just(HeadBuffer::unfolds as fn(HeadBuffer) -> HeadBuffer),
        ],
    ) {
        let head = [lines.join("\r\n").as_bytes(), end.as_bytes(), b"\r\n", &junk, b"\r\n\r\n"].concat();
        let caps = Caps { bytes: 200, lines: 5 };
        let mut whole = kind(HeadBuffer::new(caps));
        let expected = whole.push(&head);
        let mut in_pieces = kind(HeadBuffer::new(caps));
        let mut consumed = 0;
        let mut outcome = Ok(false);
        for piece in head.chunks(cut) {
            outcome = in_pieces.push(piece).map(|progress| {
                consumed += progress.consumed;
                progress.complete
            });
            prop_assert!(in_pieces.head().len() <= caps.bytes);
            if outcome != Ok(false) {
                break;
            }
        }
        match expected {
            Ok(progress) => {
                prop_assert_eq!((outcome, consumed), (Ok(progress.complete), progress.consumed));
                prop_assert_eq!(in_pieces.head(), whole.head());
                let key = Key::new([7; 16]);
                prop_assert!(check_reply(whole.head(), &key, &[]).is_err(), "no such value by chance");
                let _ = check_request(whole.head());
            }
            Err(error) => prop_assert_eq!(outcome, Err(error)),
        }
    }
}

/// A recording, most often whole.
fn recording() -> impl Strategy<Value = Vec<u8>> {
    let bytes = || prop_oneof![vec(any::<u8>(), 0..40), "[ -~]{0,40}".prop_map(String::into_bytes)];
    let entry = (0u8..9, any::<u32>(), bytes(), prop_oneof![9 => Just(0u32), 1 => any::<u32>()]);
    (vec(entry, 0..12), bytes(), any::<bool>()).prop_map(|(entries, rest, has_rest)| {
        let mut file = websocket::proto::record::MAGIC.to_vec();
        for (kind, ms, bytes, wrong) in entries {
            file.push(kind);
            file.extend(ms.to_le_bytes());
            file.extend((bytes.len() as u32 ^ wrong).to_le_bytes());
            file.extend(bytes);
        }
        file.extend(rest.iter().take(if has_rest { 40 } else { 0 }));
        file
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_recording_is_read_as_it_was_written_or_refused_where_it_is_wrong(
        file in prop_oneof![9 => recording(), 1 => vec(any::<u8>(), 0..300)],
    ) {
        records::check(&file);
    }
}

/// Carries bytes to and fro until both ends are silent.
fn exchange(client: &mut Endpoint, server: &mut Endpoint, cut: usize, echoed: &mut Vec<u8>) {
    while !(client.out.is_empty() && server.out.is_empty()) {
        let mut to_server = std::mem::take(&mut client.out);
        to_server.chunks_mut(cut).for_each(|piece| server.receive(piece, |_| ()));
        let mut to_client = std::mem::take(&mut server.out);
        to_client.chunks_mut(cut).for_each(|piece| {
            client.receive(piece, |event| {
                if let Event::Data(chunk) = event {
                    echoed.extend_from_slice(chunk.payload);
                }
            });
        });
    }
}
