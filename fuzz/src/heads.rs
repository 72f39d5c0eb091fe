//! Any bytes as a head, or as what a caller puts into one.

use websocket::proto::handshake::{
    Authorization, Caps, ClientRequest, HeadBuffer, HeadError, Key, Request, check_reply, check_request,
    parse_reply,
};

/// The key of all requests here: the example of RFC 6455.
fn key() -> Key {
    Key::parse(b"dGhlIHNhbXBsZSBub25jZQ==").expect("24 characters of base64")
}

/// What is sent before the 101 to a client that expects it.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A request head. The first byte says how it is cut.
pub fn check_server(data: &[u8]) {
    let Some((&cut, input)) = data.split_first() else { return };
    let mut out = Vec::new();
    let Some(head) = head_of(cut, input, HeadBuffer::skips_empty_lines) else { return };
    match check_request(&head) {
        Ok(Request::Upgrade(upgrade)) => {
            assert!(upgrade.path().starts_with('/'));
            let protocols: Vec<&str> = upgrade.protocols().collect();
            let chosen = protocols.first().copied();
            upgrade.compose_accept(chosen, &[("X", "y")], &mut out).expect("what was offered");
            let out = out.strip_prefix(CONTINUE).unwrap_or(&out);
            let reply = check_reply(out, &upgrade.key, &protocols).expect("our own reply");
            assert_eq!(reply.protocol, chosen);
        }
        Ok(Request::Plain(plain)) => {
            assert!(plain.path().starts_with('/') || plain.target == "*");
            assert!(plain.host.is_some() || plain.version == 0);
            assert!(plain.version <= 1);
            assert!(plain.headers.iter().all(|(name, _)| !name.is_empty()));
        }
        Err(refusal) => {
            refusal.compose(&mut out);
            assert_eq!(parse_reply(&out).expect("our own reply").status, refusal.status());
        }
    }
}

/// A reply head. The first byte says how it is cut; then, the same bytes as a caller's wishes.
pub fn check_client(data: &[u8]) {
    let Some((&cut, input)) = data.split_first() else { return };
    if let Some(head) = head_of(cut, input, HeadBuffer::unfolds)
        && let Ok(reply) = check_reply(&head, &key(), &["chat", "x"])
    {
        let accept = reply.headers.only("sec-websocket-accept");
        assert_eq!(accept, Some(&b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="[..]));
        assert!(reply.protocol.is_none_or(|protocol| ["chat", "x"].contains(&protocol)));
        assert_eq!(reply.headers.first("Sec-WebSocket-Extensions"), None);
    }
    compose(cut, input);
}

/// Whatever a caller puts in, a request that is composed is one request that says just that.
fn compose(choice: u8, input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut fields = text.split('|');
    let mut field = || fields.next().unwrap_or_default();
    let (host, path, origin, user, password) = (field(), field(), field(), field(), field());
    let (protocol, name, value) = (field(), field(), field());
    let authorization = match choice & 3 {
        0 => Authorization::Basic { user, password },
        1 => Authorization::Query { user, password },
        _ => Authorization::None,
    };
    let request = ClientRequest {
        host,
        port: 80,
        secure: choice & 8 != 0,
        path,
        origin: (choice & 4 != 0).then_some(origin),
        authorization,
        sub_protocols: if choice & 16 != 0 { &[protocol] } else { &[] },
        headers: if choice & 32 != 0 { &[(name, value)] } else { &[] },
    };
    let mut out = Vec::new();
    if request.compose(&key(), &mut out).is_err() {
        assert!(out.is_empty());
        return;
    }
    let mut buffer = HeadBuffer::new(Caps { bytes: 16 * 1024, ..Caps::default() });
    let progress = buffer.push(&out).expect("a well-formed head");
    assert!(progress.complete && progress.consumed == out.len());
    let Ok(Request::Upgrade(upgrade)) = check_request(buffer.head()) else {
        panic!("our own request is refused: {}", out.escape_ascii())
    };
    let bare = upgrade.target.strip_prefix(if path.is_empty() { "/" } else { path });
    assert!(bare.is_some_and(|query| choice & 3 == 1 || query.is_empty()));
    assert_eq!(upgrade.protocols().collect::<Vec<_>>(), request.sub_protocols);
    let optional = [choice & 4 != 0, choice & 3 == 0, choice & 16 != 0, choice & 32 != 0];
    let optional = optional.iter().filter(|is_there| **is_there).count();
    assert_eq!(upgrade.headers.iter().count(), 5 + optional);
    if choice & 32 != 0 {
        assert_eq!(upgrade.headers.iter().last(), Some((name, value.trim_ascii().as_bytes())));
    }
}

/// The head at the front of `input`, if there is one; the same in pieces of `cut` bytes and within the caps.
fn head_of(cut: u8, input: &[u8], kind: fn(HeadBuffer) -> HeadBuffer) -> Option<Vec<u8>> {
    let caps = Caps { bytes: 2048, lines: 20 };
    let mut whole = kind(HeadBuffer::new(caps));
    let expected = whole.push(input);
    let mut in_pieces = kind(HeadBuffer::new(caps));
    let mut outcome: Result<bool, HeadError> = Ok(false);
    let mut consumed = 0;
    for piece in input.chunks(usize::from(cut).max(1)) {
        outcome = in_pieces.push(piece).map(|progress| {
            consumed += progress.consumed;
            progress.complete
        });
        if outcome != Ok(false) {
            break;
        }
    }
    assert_eq!(outcome, expected.map(|progress| progress.complete));
    assert!(whole.head().len() <= caps.bytes && in_pieces.head().len() <= caps.bytes);
    let progress = expected.ok()?;
    assert_eq!((consumed, in_pieces.head()), (progress.consumed, whole.head()));
    progress.complete.then(|| whole.head().to_vec())
}
