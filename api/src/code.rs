//! Why the service refused.

use std::fmt;

/// The result code of a request, and what to do about it.
#[derive(num_derive::FromPrimitive, num_derive::ToPrimitive, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// The handle does not belong to an open connection of the caller: open a new one.
    Closed = 1,
    /// The message is not as its opcode requires (kind, length, flags): correct the caller.
    Malformed = 2,
    /// There is no such opcode.
    UnknownOpcode = 3,
    /// The calling process has too many unanswered messages with the service (`open_messages_per_process`), or too many
    /// bytes of pages (`open_bytes_per_process`): wait for one.
    BusyMessages = 4,
    /// All processes together have too many (`open_messages`, `open_bytes`): try again later.
    BusyService = 5,
    /// The connection's send queue is full: wait for a lend to return.
    BusyQueue = 6,
    /// Too many pages wait on the connection: wait for one.
    BusyReceives = 7,
    /// All connections that the service has threads for are in use (`connections`), or those that are left are kept for
    /// processes without one: close one or wait. Also for work that needs a worker.
    NoWorker = 8,
    /// Parts came out of order: something else was sent while a message was open, or a next part while none was. Send
    /// parts in order.
    MessageOpen = 9,
    /// A ping of more than 125 bytes or a close reason of more than 123 (RFC 6455 section 5.5).
    TooLong = 10,
    /// This caller may not do that.
    NotPermitted = 11,
    /// Text that is not UTF-8 (RFC 6455 section 8.1): send it as binary.
    InvalidText = 12,
    /// Host, port, path, header or sub-protocol cannot be sent as they are; the text says which.
    BadRequest = 16,
    /// TLS was asked for and is not built in.
    NoTls = 17,
    /// The host name does not resolve.
    Resolve = 18,
    /// No address of the host accepts the connection.
    Connect = 19,
    /// The connection was not open within the open deadline.
    Timeout = 20,
    /// The server answered with another status than 101; the reply carries it.
    Refused = 21,
    /// The server's answer is not a WebSocket handshake (RFC 6455 section 4.1).
    BadReply = 22,
    /// Another program of this machine listens on the port.
    PortInUse = 24,
    /// All ports that the service has threads for are in use (`ports`), or all that this process may open
    /// (`ports_per_process`), or there are too many listeners.
    NoListener = 25,
    /// The path has a route already, or is a part of another program's prefix.
    RouteExists = 26,
    /// There is no such route, or there are too many, or no room is left for another page.
    NoRoute = 27,
    /// There are too many channels.
    NoChannel = 28,
    /// The random number generator does not answer, or not with random numbers.
    Entropy = 23,
    /// TLS was asked for, and the clock shows a day before this service was written. Set the clock, as certificates
    /// are checked by it.
    ClockNotSet = 32,
    /// No trusted CA has issued the server's certificate: it is signed by itself or by an unknown CA, or the server
    /// left out a link of the chain. Trust its CA with [`Tls::roots`](crate::Tls::roots), show a person what the server
    /// has ([`Websocket::open_or_show`](crate::Websocket::open_or_show)), or go no further.
    UnknownIssuer = 33,
    /// The server's certificate names other hosts; the text says which.
    WrongHost = 34,
    /// The server's certificate, or one that it rests on, has expired.
    Expired = 35,
    /// The server's certificate, or one that it rests on, is not valid yet.
    NotYetValid = 36,
    /// The server's certificate is unacceptable for another reason, such as a signature with SHA-1.
    BadCertificate = 37,
    /// The server does not speak TLS. Perhaps it is one for `ws`.
    NotTls = 38,
    /// The server speaks TLS, but the handshake failed: no common version or cipher suite, a fatal alert, or a fault.
    TlsFailed = 39,
    /// The server closed the connection during the TLS handshake.
    TlsClosed = 40,
    /// The server's certificate is none of those that are pinned ([`Tls::pins`](crate::Tls::pins)). The server has a new
    /// certificate, or another one answers in its place: have a person find out which before a new pin is set.
    WrongPin = 41,
    /// A certificate or key is to come from the PDDB, and there is no PDDB or it is not mounted. Have the user unlock
    /// it and try again. Nothing else is used instead.
    NoPddb = 48,
    /// The PDDB has no such dict or key; the text names it. Store it there, or name another.
    NoPddbKey = 49,
    /// A key of the PDDB does not hold what is needed (a CA certificate, a chain, the private key that belongs to
    /// it), or it is longer than [`Source::MAX_STORED`](crate::Source::MAX_STORED). The text names it. Store it anew.
    BadPddbKey = 50,
    /// The PDDB does not answer in time, or answers with a fault: try again later.
    PddbFailed = 51,
    /// The connection was reset or ended during the opening handshake, after the TLS handshake if there was one.
    Lost = 52,
    /// The service asks whether the process is still there: lend the page anew. Only to processes that have said in
    /// their [`Lease`](crate::Lease) that they understand it; the client crate does it by itself.
    Again = 53,
    /// Nothing came within the time that a `Receive` named.
    NothingCame = 54,
    /// The peer did not answer a ping in time: the connection was given up. Open a new one.
    NoPong = 63,
}

impl Code {
    /// Whether the same request may succeed later, so that it is worth waiting and asking again:
    ///
    /// | code | for what |
    /// |---|---|
    /// | `BusyMessages`, `BusyService`, `BusyQueue`, `BusyReceives` | an answer to what is under way |
    /// | `NoWorker`, `NoListener`, `NoChannel` | the end of what uses them |
    /// | `NothingCame`, `NoPong` | the peer |
    /// | `Resolve`, `Connect`, `Timeout`, `Lost`, `TlsClosed` | the network, or the server |
    /// | `ClockNotSet`, `NoPddb`, `PddbFailed` | the clock, the user, the database |
    ///
    /// Everything else fails again until somebody changes the request or what it is about. For `Refused` the HTTP
    /// status decides: 408, 429 and 503 are transient (RFC 9110 section 15, RFC 6585 section 4).
    pub fn is_transient(self) -> bool {
        match self {
            Code::BusyMessages
            | Code::BusyService
            | Code::BusyQueue
            | Code::BusyReceives
            | Code::NoWorker
            | Code::NoListener
            | Code::NoChannel
            | Code::Resolve
            | Code::Connect
            | Code::Timeout
            | Code::Lost
            | Code::Again
            | Code::NothingCame
            | Code::NoPong
            | Code::TlsClosed
            | Code::ClockNotSet
            | Code::NoPddb
            | Code::PddbFailed => true,
            Code::Closed
            | Code::Malformed
            | Code::UnknownOpcode
            | Code::MessageOpen
            | Code::TooLong
            | Code::NotPermitted
            | Code::InvalidText
            | Code::BadRequest
            | Code::NoTls
            | Code::Refused
            | Code::BadReply
            | Code::PortInUse
            | Code::RouteExists
            | Code::NoRoute
            | Code::Entropy
            | Code::UnknownIssuer
            | Code::WrongHost
            | Code::Expired
            | Code::NotYetValid
            | Code::BadCertificate
            | Code::NotTls
            | Code::TlsFailed
            | Code::WrongPin
            | Code::NoPddbKey
            | Code::BadPddbKey => false,
        }
    }

    /// The code in an answer's `offset`. A number that this crate does not know becomes `Malformed`.
    pub fn from_word(word: usize) -> Code {
        num_traits::FromPrimitive::from_usize(word).unwrap_or(Code::Malformed)
    }
}

impl fmt::Display for Code {
    /// What a person is told where nothing more is known. `docs/codes.md` has all of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Code::Closed => "the connection is closed",
            Code::Malformed => "the program's request is not as the service expects it",
            Code::UnknownOpcode => "the service does not know this request",
            Code::BusyMessages => "this program has too many requests waiting",
            Code::BusyService => "the service has too many requests waiting",
            Code::BusyQueue => "too many messages wait to be sent on the connection",
            Code::BusyReceives => "too many requests wait for what comes on the connection",
            Code::NoWorker => "all connections of the service are in use",
            Code::MessageOpen => "the parts of a message came out of order",
            Code::TooLong => "a ping, a close reason, a name or a page is too long",
            Code::NotPermitted => "this program may not do that",
            Code::InvalidText => "the text is not UTF-8",
            Code::BadRequest => "the request cannot be sent as it is",
            Code::NoTls => "TLS is not built into the service",
            Code::Resolve => "the host name is not known",
            Code::Connect => "the host does not accept the connection",
            Code::Timeout => "the connection was not open in time",
            Code::Refused => "the server has refused the connection",
            Code::BadReply => "the server does not speak WebSocket",
            Code::Entropy => "there are no random numbers",
            Code::PortInUse => "another program listens on the port",
            Code::NoListener => "no more ports can be listened on",
            Code::RouteExists => "the path is in use",
            Code::NoRoute => "there is no such path, or there are too many",
            Code::NoChannel => "there are too many channels",
            Code::ClockNotSet => "the clock is not set, and certificates are checked by it",
            Code::UnknownIssuer => "nobody who is trusted vouches for the server's certificate",
            Code::WrongHost => "the server's certificate is for another host",
            Code::Expired => "the server's certificate has expired",
            Code::NotYetValid => "the server's certificate is not valid yet",
            Code::BadCertificate => "the server's certificate is not acceptable",
            Code::NotTls => "the server does not speak TLS",
            Code::TlsFailed => "no secure connection could be agreed on",
            Code::TlsClosed => "the server ended the connection while it was being secured",
            Code::WrongPin => "the server's certificate is not the one that was pinned",
            Code::NoPddb => "the database is locked or missing",
            Code::NoPddbKey => "the database does not have the certificate or key",
            Code::BadPddbKey => "the certificate or key in the database cannot be used",
            Code::PddbFailed => "the database does not answer",
            Code::Lost => "the connection was lost while it was being opened",
            Code::Again => "the service asks whether the program is there",
            Code::NothingCame => "nothing came in time",
            Code::NoPong => "the other side does not answer",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_every_code_with_its_text() {
        let documented = include_str!("../../docs/codes.md").lines();
        let documented: Vec<_> = documented.filter(|line| line.starts_with("| `")).collect();
        let codes = (0..=255).filter_map(num_traits::FromPrimitive::from_u8);
        let rows: Vec<_> = codes
            .map(|code: Code| {
                let again = if code.is_transient() { "yes" } else { "no" };
                format!("| `{code:?}` | {} | {code} | {again} |", code as u8)
            })
            .collect();
        assert_eq!(documented, rows);
    }
}
