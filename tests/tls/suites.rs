//! What the client offers, as a scanner of servers would look at it.

use xous_api_websocket::{Code, Tls};

use crate::recorder::Recorder;
use crate::support::{refusal, request, system};

/// The fields of a ClientHello that say what is offered (RFC 8446 section 4.1.2).
#[derive(Debug)]
struct Hello {
    suites: Vec<u16>,
    /// Number and content.
    extensions: Vec<(u16, Vec<u8>)>,
}

/// Reads fields of a handshake message.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        taken
    }

    fn number(&mut self, bytes: usize) -> usize {
        self.take(bytes).iter().fold(0, |number, &byte| number << 8 | usize::from(byte))
    }

    /// Content behind a length of so many bytes.
    fn vector(&mut self, bytes: usize) -> Fields<'a> {
        let len = self.number(bytes);
        Fields(self.take(len))
    }
}

fn hello(record: &[u8]) -> Hello {
    let mut fields = Fields(record);
    assert_eq!(fields.number(1), 22, "a handshake record");
    fields.take(4);
    assert_eq!(fields.number(1), 1, "a ClientHello");
    fields.take(3 + 2 + 32);
    fields.vector(1);
    let suites = fields.vector(2).0.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    assert_eq!(fields.vector(1).0, [0], "no compression");
    let mut list = fields.vector(2);
    let mut extensions = Vec::new();
    while !list.0.is_empty() {
        let number = list.number(2) as u16;
        extensions.push((number, list.vector(2).0.to_vec()));
    }
    Hello { suites, extensions }
}

#[test]
fn only_forward_secret_authenticated_encryption_is_offered() {
    system!().run(|| {
        // TLS 1.3 knows nothing else; of TLS 1.2 only ECDHE with AES-GCM or ChaCha20-Poly1305, and the signal that
        // renegotiation is secured (RFC 5746).
        let fine = [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8, 0xcca9, 0x00ff];
        let peer = Recorder::answering(|_| vec![], true);
        let (code, text) = refusal(&request(peer.port(), "/", Tls::default()));
        assert_eq!(code, Code::TlsClosed, "{text}");
        let hello = hello(&peer.seen().sent[0]);
        assert!(hello.suites.iter().all(|suite| fine.contains(suite)), "{:04x?}", hello.suites);
        assert!(hello.suites.contains(&0x1303) && hello.suites.contains(&0xc02b), "{:04x?}", hello.suites);

        let extension = |wanted| {
            hello.extensions.iter().find(|(number, _)| *number == wanted).map(|(_, content)| &content[..])
        };
        assert_eq!(extension(43), Some(&[4, 3, 4, 3, 3][..]), "TLS 1.3 and 1.2");
        assert_eq!(extension(16), Some(&b"\x00\x09\x08http/1.1"[..]), "ALPN");
        assert_eq!(extension(0), Some(&b"\x00\x0c\x00\x00\x09localhost"[..]), "the name of the server");
        assert_eq!(extension(42), None, "no early data");
        let groups = extension(10).unwrap()[2..].chunks(2);
        let groups: Vec<_> = groups.map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        assert!(groups.iter().all(|group| [0x1d, 0x17, 0x18].contains(group)), "{groups:04x?}");
        let signatures = extension(13).unwrap()[2..].chunks(2);
        let hashes: Vec<_> = signatures.map(|pair| (pair[0], pair[1])).collect();
        assert!(
            hashes.iter().all(|&(hash, _)| hash >= 4),
            "MD5, SHA-1 and SHA-224 are not taken: {hashes:02x?}"
        );
    });
}
