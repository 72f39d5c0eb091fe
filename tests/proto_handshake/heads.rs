//! Where a head ends, how much of one is taken, and what of it is no line.

use websocket::proto::handshake::{
    Caps, HeadBuffer, HeadError, HeadProgress, MAX_EMPTY_LINES, MAX_LINES, Refusal, ReplyError, check_reply,
    check_request,
};

use super::{REPLY, REQUEST, key, with};

/// RFC 9112, section 5.2: older servers fold long lines, and a client reads them as one.
#[test]
fn a_folded_line_of_a_reply_is_one_line() {
    let folded = [
        ("Connection: Upgrade", "X: a\r\n b\r\n\t c\r\nConnection: Upgrade", "a   b  \t c"),
        ("Connection: Upgrade", "Connection:\r\n Upgrade\r\nX: a", "a"),
        ("Accept: ", "Accept:\r\n ", ""),
        ("\r\n\r\n", "\r\nX: a\r\n \r\n\r\n", "a"),
    ];
    for (old, new, x) in folded {
        let head = with(REPLY, old, new);
        for cut in 0..head.len() {
            let mut buffer = HeadBuffer::new(Caps { bytes: head.len(), lines: 10 }).unfolds();
            let (first, second) = head.split_at(cut);
            assert_eq!(buffer.push(first).expect("well-formed").consumed, cut);
            assert!(buffer.push(second).expect("well-formed").complete);
            let reply = check_reply(buffer.head(), &key(), &[]).expect("a good 101");
            assert_eq!(reply.headers.first("X").unwrap_or_default(), x.as_bytes());
            assert_eq!(buffer.head().len(), head.len(), "no larger than what came");
        }
        let mut strict = HeadBuffer::new(Caps::default());
        strict.push(&head).expect("lines");
        assert_eq!(check_reply(strict.head(), &key(), &[]), Err(ReplyError::Malformed));
    }
    // There is no header line to go on with.
    let mut buffer = HeadBuffer::new(Caps::default()).unfolds();
    buffer.push(&with(REPLY, "Upgrade: websocket", " Upgrade: websocket")).expect("lines");
    assert_eq!(check_reply(buffer.head(), &key(), &[]), Err(ReplyError::Malformed));
    let mut buffer = HeadBuffer::new(Caps { bytes: 1000, lines: 10 }).unfolds();
    let endless = format!("{}X: a\r\n{}", &REPLY[..34], " b\r\n".repeat(20));
    assert_eq!(buffer.push(endless.as_bytes()), Err(HeadError::TooManyLines));
}

/// RFC 9112, section 2.2: some clients send an end of line behind a body.
#[test]
fn empty_lines_before_a_request_are_skipped() {
    for count in 0..=MAX_EMPTY_LINES + 1 {
        let stream = format!("{}{REQUEST}", "\r\n".repeat(count));
        for cut in 0..stream.len() {
            let mut buffer = HeadBuffer::new(Caps { bytes: REQUEST.len(), lines: 10 }).skips_empty_lines();
            let (first, second) = stream.as_bytes().split_at(cut);
            let outcome = buffer.push(first).and_then(|_| buffer.push(second));
            if count > MAX_EMPTY_LINES {
                assert_eq!(outcome, Err(HeadError::Malformed), "bounded");
                continue;
            }
            assert!(outcome.is_ok_and(|progress| progress.complete), "{count} in front, cut at {cut}");
            assert_eq!(buffer.head(), REQUEST.as_bytes());
            buffer.clear();
            assert!(buffer.push(stream.as_bytes()).is_ok_and(|progress| progress.complete), "each time");
            assert_eq!(buffer.head(), REQUEST.as_bytes());
        }
    }
    for bad in ["\r\n\n", "\r\n\r\r", "\r\n\rGET", "\nGET"] {
        let outcome = HeadBuffer::new(Caps::default()).skips_empty_lines().push(bad.as_bytes());
        assert_eq!(outcome, Err(HeadError::Malformed), "{bad:?}");
    }
}

/// Frames may stand in the same segment as the head; they are not the head's.
#[test]
fn bytes_behind_the_head_are_left() {
    let stream = [REPLY.as_bytes(), b"\x81\x05Hello\r\n\r\n"].concat();
    for cut in 0..stream.len() {
        let mut buffer = HeadBuffer::new(Caps::default());
        let (first, second) = stream.split_at(cut);
        let one = buffer.push(first).expect("well-formed");
        let two = buffer.push(second).expect("well-formed");
        assert_eq!(one.complete, cut >= REPLY.len());
        assert_eq!(one.consumed + two.consumed, REPLY.len());
        assert!(two.complete && buffer.head() == REPLY.as_bytes());
        assert_eq!(buffer.push(b"more"), Ok(HeadProgress { consumed: 0, complete: true }));
        buffer.clear();
        assert!(buffer.push(REQUEST.as_bytes()).is_ok_and(|progress| progress.complete));
        assert_eq!(buffer.head(), REQUEST.as_bytes());
    }
}

#[test]
fn caps_of_a_head_are_exact() {
    let head = b"GET / HTTP/1.1\r\nA: b\r\n\r\n";
    let outcome =
        |bytes, lines| HeadBuffer::new(Caps { bytes, lines }).push(head).map(|progress| progress.complete);
    assert_eq!(outcome(head.len(), 2), Ok(true));
    assert_eq!(outcome(head.len() - 1, 2), Err(HeadError::TooLong));
    assert_eq!(outcome(head.len(), 1), Err(HeadError::TooManyLines));
    let lines = |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(count));
    assert!(check_request(lines(MAX_LINES - 2).as_bytes()).is_ok());
    assert_eq!(check_request(lines(MAX_LINES - 1).as_bytes()), Err(Refusal::TooLarge));
}

/// What came in front of a fault says what was asked for, and so how to answer it.
#[test]
fn a_head_that_is_refused_is_kept_up_to_the_fault() {
    let caps = Caps { bytes: 21, lines: 2 };
    for (stream, error, kept) in [
        ("HEAD / HTTP/1.1\r\nX: \0", HeadError::Malformed, "HEAD / HTTP/1.1\r\nX: "),
        ("\r\nHEAD / HTTP/1.1\n", HeadError::Malformed, "HEAD / HTTP/1.1"),
        ("HEAD / HTTP/1.1\r\nX: abc", HeadError::TooLong, "HEAD / HTTP/1.1\r\nX: a"),
        ("HEAD /\r\na\r\nb\r\nc", HeadError::TooManyLines, "HEAD /\r\na\r\nb\r"),
    ] {
        for cut in 0..stream.len() {
            let mut buffer = HeadBuffer::new(caps).skips_empty_lines();
            let (first, second) = stream.as_bytes().split_at(cut);
            let outcome = buffer.push(first).and_then(|_| buffer.push(second));
            assert_eq!(outcome, Err(error), "{stream:?} at {cut}");
            assert_eq!(buffer.head().escape_ascii().to_string(), kept.escape_default().to_string());
        }
    }
}

#[test]
fn heads_that_are_not_lines() {
    for bad in [
        "\n",
        "\r",
        "\r\r\n",
        "\r\nGET / HTTP/1.1\r\n\r\n",
        "G\nET",
        "G\rET",
        "GET /\0",
        "\x16\x03\x01",
        "a\x7f",
    ] {
        let mut whole = HeadBuffer::new(Caps::default());
        let mut by_byte = HeadBuffer::new(Caps::default());
        let end = if bad == "\r" { "x" } else { "" };
        let bad = format!("{bad}{end}");
        assert_eq!(whole.push(bad.as_bytes()), Err(HeadError::Malformed), "{bad:?}");
        assert!(bad.bytes().any(|byte| by_byte.push(&[byte]) == Err(HeadError::Malformed)));
    }
}
