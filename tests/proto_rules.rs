//! Each rule of RFC 6455 for frames, in both roles, cut in every way that matters.
//!
//! Several are here because conformance suites were seen to let them pass: a mask on a server's frame, a
//! length in a longer form than needed, a fragmented pong, a close payload of one byte, a close of more
//! than 125 bytes.

#[path = "proto/frames.rs"]
mod frames;
#[path = "proto/trace.rs"]
mod trace;

use frames::{
    BINARY, CLOSE, FIRST_BINARY, FIRST_TEXT, Form, LAST, MIDDLE, PING, PONG, TEXT, append, frame, header,
};
use trace::{Seen, Trace};
use websocket::proto::{CloseCode, Kind, Limits, Role, Violation};

const ROLES: [Role; 2] = [Role::Client, Role::Server];

/// Decodes what `input` builds for the role's peer, at once and byte by byte, and compares.
fn traced(role: Role, input: &[u8]) -> Trace {
    let trace = Trace::at_once(role, input);
    assert_eq!(trace, Trace::by_byte(role, Limits::NONE, input));
    trace
}

/// Checks for both roles that the last byte of `input` is the one that fails, with `violation` and `code`.
fn fails_at_the_end(input: impl Fn(Role) -> Vec<u8>, violation: Violation, code: CloseCode) {
    for role in ROLES {
        let input = input(role.peer());
        let trace = traced(role, &input);
        assert_eq!(trace.fault, Some(violation), "{role:?} {input:x?}");
        assert_eq!(violation.close_code(), code);
        assert_eq!(traced(role, &input[..input.len() - 1]).fault, None, "{role:?} failed too early");
    }
}

fn message(kind: Kind, payload: &[u8]) -> Seen {
    Seen::Message { kind, payload: payload.to_vec(), whole: true }
}

#[test]
fn whole_messages_of_every_form_of_length() {
    for role in ROLES {
        for len in [0, 1, 2, 125, 126, 127, 255, 256, 65535, 65536, 65537, 100_000] {
            let payload: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let input = frame(role.peer(), BINARY, &payload);
            let trace = traced(role, &input);
            assert_eq!(trace.seen, [message(Kind::Binary, &payload)]);
            assert_eq!((trace.fault, trace.mid_message), (None, false));
        }
    }
}

#[test]
fn fragments_with_control_frames_between() {
    for role in ROLES {
        let peer = role.peer();
        let input = [
            frame(peer, FIRST_TEXT, b"on"),
            frame(peer, PING, b"1"),
            frame(peer, MIDDLE, b""),
            frame(peer, PONG, &[7; 125]),
            frame(peer, MIDDLE, b"e "),
            frame(peer, PING, b""),
            frame(peer, LAST, b"two"),
            frame(peer, FIRST_BINARY, b""),
            frame(peer, LAST, b""),
        ]
        .concat();
        let expected = [
            message(Kind::Text, b"one two"),
            Seen::Ping(b"1".to_vec()),
            Seen::Pong(vec![7; 125]),
            Seen::Ping(vec![]),
            message(Kind::Binary, b""),
        ];
        assert_eq!(traced(role, &input).seen, expected);
    }
}

#[test]
fn reserved_bits() {
    for bit in [0x40, 0x20, 0x10, 0x70] {
        fails_at_the_end(|_| vec![TEXT | bit], Violation::ReservedBits, CloseCode::PROTOCOL);
        fails_at_the_end(|_| vec![PING | bit], Violation::ReservedBits, CloseCode::PROTOCOL);
    }
}

#[test]
fn reserved_opcodes() {
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        for fin in [0, 0x80] {
            let violation = Violation::ReservedOpcode(opcode);
            fails_at_the_end(|_| vec![fin | opcode], violation, CloseCode::PROTOCOL);
        }
    }
}

#[test]
fn masked_server_frame() {
    let (role, input) = (Role::Client, frame(Role::Client, TEXT, b"Hello"));
    assert_eq!(traced(role, &input).fault, Some(Violation::Masked));
    assert_eq!(traced(role, &frame(Role::Client, PING, b"")).fault, Some(Violation::Masked));
    assert_eq!(traced(role, &frame(Role::Client, CLOSE, b"")).fault, Some(Violation::Masked));
}

#[test]
fn unmasked_client_frame() {
    let (role, input) = (Role::Server, frame(Role::Server, TEXT, b"Hello"));
    assert_eq!(traced(role, &input).fault, Some(Violation::NotMasked));
    assert_eq!(traced(role, &frame(Role::Server, PING, b"")).fault, Some(Violation::NotMasked));
    assert_eq!(traced(role, &frame(Role::Server, CLOSE, b"")).fault, Some(Violation::NotMasked));
}

#[test]
fn length_not_in_its_shortest_form() {
    for role in ROLES {
        for (len, form) in [
            (0, Form::Bits16),
            (125, Form::Bits16),
            (0, Form::Bits64),
            (125, Form::Bits64),
            (126, Form::Bits64),
            (65535, Form::Bits64),
        ] {
            let mut input = header(role.peer(), BINARY, len, form);
            append(&mut input, role.peer(), &vec![1; len as usize]);
            let trace = traced(role, &input);
            assert_eq!(trace.fault, Some(Violation::LengthNotMinimal), "{len} as {form:?}");
            assert!(trace.seen.is_empty());
        }
    }
}

#[test]
fn control_frames_are_whole_and_short() {
    for first in [CLOSE, PING, PONG] {
        fails_at_the_end(|_| vec![first & 0x0f], Violation::ControlFragmented, CloseCode::PROTOCOL);
        for form in [126, 127] {
            let input = |peer| vec![first, form | if peer == Role::Client { 0x80 } else { 0 }];
            fails_at_the_end(input, Violation::ControlTooLong, CloseCode::PROTOCOL);
        }
    }
}

#[test]
fn order_of_fragments() {
    for first in [LAST, MIDDLE] {
        fails_at_the_end(|_| vec![first], Violation::NothingToContinue, CloseCode::PROTOCOL);
        let after_whole = |peer| [frame(peer, TEXT, b"x"), vec![first]].concat();
        fails_at_the_end(after_whole, Violation::NothingToContinue, CloseCode::PROTOCOL);
    }
    for first in [TEXT, BINARY, FIRST_TEXT, FIRST_BINARY] {
        let inside = |peer| [frame(peer, FIRST_TEXT, b"x"), vec![first]].concat();
        fails_at_the_end(inside, Violation::MessageInterrupted, CloseCode::PROTOCOL);
        let deeper = |peer| [frame(peer, FIRST_BINARY, b""), frame(peer, MIDDLE, b"x"), vec![first]].concat();
        fails_at_the_end(deeper, Violation::MessageInterrupted, CloseCode::PROTOCOL);
    }
}

#[test]
fn close_codes() {
    let may_travel = |code| matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
    for role in ROLES {
        for code in (0..=5100).chain([9999, 32768, 65535]) {
            let payload = [&u16::to_be_bytes(code)[..], b"why"].concat();
            let trace = Trace::at_once(role, &frame(role.peer(), CLOSE, &payload));
            if may_travel(code) {
                assert_eq!(trace.seen, [Seen::Close(Some((code, "why".into())))]);
            } else {
                assert_eq!(trace.fault, Some(Violation::CloseCode(code)));
                assert_eq!(Violation::CloseCode(code).close_code(), CloseCode::PROTOCOL);
            }
        }
    }
}

#[test]
fn close_payloads() {
    for role in ROLES {
        let close = |payload: &[u8]| traced(role, &frame(role.peer(), CLOSE, payload));
        assert_eq!(close(b"").seen, [Seen::Close(None)]);
        assert_eq!(close(&[3, 232]).seen, [Seen::Close(Some((1000, String::new())))]);
        let longest = [&[3, 232][..], &[b'x'; 123]].concat();
        assert_eq!(close(&longest).seen, [Seen::Close(Some((1000, "x".repeat(123))))]);
        assert_eq!(close(&[3, 232, 0xff]).fault, Some(Violation::InvalidUtf8));
        assert_eq!(close(&[3, 232, 0xe2, 0x82]).fault, Some(Violation::InvalidUtf8));
        let too_long = header(role.peer(), CLOSE, 126, Form::Bits16);
        assert_eq!(traced(role, &too_long).fault, Some(Violation::ControlTooLong));
    }
    let one_byte = |peer| header(peer, CLOSE, 1, Form::Shortest)[..2].to_vec();
    fails_at_the_end(one_byte, Violation::ClosePayloadLength, CloseCode::PROTOCOL);
}

#[test]
fn nothing_is_delivered_after_close() {
    for role in ROLES {
        let peer = role.peer();
        let behind = [frame(peer, TEXT, b"late"), frame(peer, PING, b""), vec![0xff; 300]].concat();
        let input = [frame(peer, CLOSE, &[3, 233]), behind].concat();
        let trace = traced(role, &input);
        assert_eq!((trace.seen, trace.fault), (vec![Seen::Close(Some((1001, String::new())))], None));
    }
}

#[test]
fn close_inside_a_message() {
    for role in ROLES {
        let input = [frame(role.peer(), FIRST_TEXT, b"cut"), frame(role.peer(), CLOSE, b"")].concat();
        let trace = traced(role, &input);
        assert_eq!(trace.seen.last(), Some(&Seen::Close(None)));
        assert!(trace.mid_message);
    }
}

/// Text that is invalid from its last byte on.
const BAD_TEXT: [&[u8]; 13] = [
    &[0x80],
    &[b'a', 0xbf],
    &[0xc0],
    &[0xc1],
    &[0xc3, 0x28],
    &[0xe0, 0x9f],
    &[0xe2, 0x28],
    &[0xe2, 0x82, 0x28],
    &[0xed, 0xa0],
    &[0xf0, 0x8f],
    &[0xf4, 0x90],
    &[0xf5],
    &[0xff],
];

/// The bad byte fails as soon as it is there, though frame and message go on behind it.
#[test]
fn bad_text_fails_at_its_first_bad_byte() {
    for bad in BAD_TEXT {
        let start = |peer| {
            let mut input = frame(peer, FIRST_TEXT, "good é".as_bytes());
            let mut second = header(peer, MIDDLE, 1000, Form::Shortest);
            append(&mut second, peer, bad);
            input.extend(second);
            input
        };
        fails_at_the_end(start, Violation::InvalidUtf8, CloseCode::INVALID_DATA);
        for role in ROLES {
            let Seen::Message { payload, whole: false, .. } = &traced(role, &start(role.peer())).seen[0]
            else {
                panic!("the good part is delivered")
            };
            assert_eq!(payload, &["good é".as_bytes(), &bad[..bad.len() - 1]].concat());
        }
    }
}

/// The same where the message is one frame that is there as a whole.
#[test]
fn bad_text_in_a_whole_message() {
    for role in ROLES {
        for bad in BAD_TEXT {
            for before in [0, 1, 15, 16, 17, 63, 64, 65, 200] {
                let text = [&vec![b'a'; before], bad, &[b'z'; 40]].concat();
                let trace = traced(role, &frame(role.peer(), TEXT, &text));
                assert_eq!(trace.fault, Some(Violation::InvalidUtf8), "{bad:x?}");
            }
        }
    }
}

#[test]
fn text_may_not_end_inside_a_character() {
    for cut in ["é", "€", "𝄞"] {
        for len in 1..cut.len() {
            let part = &cut.as_bytes()[..len];
            let whole = |peer| frame(peer, TEXT, part);
            fails_at_the_end(whole, Violation::InvalidUtf8, CloseCode::INVALID_DATA);
            let longer = |peer| frame(peer, TEXT, &[&[b'x'; 300][..], part].concat());
            fails_at_the_end(longer, Violation::InvalidUtf8, CloseCode::INVALID_DATA);
            let in_two = |peer| [frame(peer, FIRST_TEXT, b"a"), frame(peer, LAST, part)].concat();
            fails_at_the_end(in_two, Violation::InvalidUtf8, CloseCode::INVALID_DATA);
            let empty_end = |peer| [frame(peer, FIRST_TEXT, part), frame(peer, LAST, b"")].concat();
            fails_at_the_end(empty_end, Violation::InvalidUtf8, CloseCode::INVALID_DATA);
        }
    }
}

#[test]
fn characters_may_be_cut_by_fragments() {
    for role in ROLES {
        let text = "a é € 𝄞 \u{10ffff}\u{d7ff}\u{e000}";
        for at in 1..=text.len() {
            let (one, two) = text.as_bytes().split_at(at);
            let input = [
                frame(role.peer(), FIRST_TEXT, one),
                frame(role.peer(), PING, b"\xff"),
                frame(role.peer(), LAST, two),
            ]
            .concat();
            let trace = traced(role, &input);
            assert_eq!(trace.seen, [message(Kind::Text, text.as_bytes()), Seen::Ping(vec![0xff])]);
        }
    }
}

/// One bad message does not colour the state of the next connection's, nor a good one the next message's.
#[test]
fn text_after_text() {
    for role in ROLES {
        let parts = [frame(role.peer(), TEXT, "é".as_bytes()), frame(role.peer(), FIRST_TEXT, b"\xc3")];
        let input =
            [parts.concat(), frame(role.peer(), LAST, b"\xa9"), frame(role.peer(), TEXT, b"b")].concat();
        let expected = ["é", "é", "b"].map(|text| message(Kind::Text, text.as_bytes()));
        assert_eq!(traced(role, &input).seen, expected);
    }
}

#[test]
fn limits_fire_on_the_declared_length() {
    let limits = Limits { max_frame: 1000, max_message: 1500, max_fragments: 3 };
    for role in ROLES {
        let peer = role.peer();
        let ends = |input: Vec<u8>| {
            let trace = Trace::of(role, limits, &input, []);
            assert_eq!(trace, Trace::by_byte(role, limits, &input));
            trace.fault
        };
        let start = |first, len| header(peer, first, len, Form::Shortest);
        assert_eq!(ends(frame(peer, BINARY, &[0; 1000])), None);
        assert_eq!(ends(start(BINARY, 1001)), Some(Violation::FrameTooBig));
        let first = frame(peer, FIRST_BINARY, &[0; 1000]);
        assert_eq!(ends([first.clone(), frame(peer, LAST, &[0; 500])].concat()), None);
        assert_eq!(ends([first.clone(), start(LAST, 501)].concat()), Some(Violation::MessageTooBig));
        let empty = frame(peer, MIDDLE, b"");
        let full = [first, empty.clone(), empty.clone()].concat();
        assert_eq!(ends(full.clone()), None);
        assert_eq!(ends([full, empty].concat()), Some(Violation::TooManyFragments));
        assert_eq!(ends(frame(peer, TEXT, b"x").repeat(10)), None, "messages are counted apart");
        assert_eq!(ends(frame(peer, PING, b"x").repeat(10)), None, "control frames are not counted");
    }
    assert_eq!(Violation::FrameTooBig.close_code(), CloseCode::TOO_BIG);
    assert_eq!(Violation::MessageTooBig.close_code(), CloseCode::TOO_BIG);
    assert_eq!(Violation::TooManyFragments.close_code(), CloseCode::POLICY);
}
