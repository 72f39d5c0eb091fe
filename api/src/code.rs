//! Why the service refused.

/// The result code of a request, and what to do about it.
#[derive(num_derive::FromPrimitive, num_derive::ToPrimitive, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// The handle is no open connection of the caller: open a new one.
    Closed = 1,
    /// The message is not as its opcode says (kind, length, flags): a fault of the caller.
    Malformed = 2,
    /// No such opcode.
    UnknownOpcode = 3,
    /// The calling process has too many unanswered messages with the service or too many bytes of
    /// pages in them: wait for one.
    BusyMessages = 4,
    /// All processes together have too many: try again later.
    BusyService = 5,
    /// The connection's send queue is full: wait for a lend to return.
    BusyQueue = 6,
    /// Too many pages wait on the connection: wait for one.
    BusyReceives = 7,
    /// All connections that the service has threads for are in use or, those that are left, kept
    /// for processes without one: close one or wait. Also for work that needs a worker.
    NoWorker = 8,
    /// A fragmented message is open and something else than its next part was sent, or a next part without
    /// one: send parts in order.
    MessageOpen = 9,
    /// A ping of more than 125 bytes or a close reason of more than 123 (RFC 6455 section 5.5).
    TooLong = 10,
    /// Not for this caller.
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
    /// All ports that the service has threads for are in use, or all that this process may open, or there
    /// are too many listeners.
    NoListener = 25,
    /// The path has a route already, or is a part of another program's prefix.
    RouteExists = 26,
    /// There is no such route, or there are too many, or no room is left for another page.
    NoRoute = 27,
    /// There are too many channels.
    NoChannel = 28,
    /// The random number generator does not answer, or not with random numbers.
    Entropy = 23,
    /// TLS was asked for, and the clock says a day before this service was written: set it, as certificates can
    /// be checked against no other.
    ClockNotSet = 32,
    /// Nobody who is trusted has issued the server's certificate: it is signed by itself or by somebody unknown,
    /// or the server left out a link of the chain. Trust its CA with [`Tls::roots`](crate::Tls::roots), or go no
    /// further.
    UnknownIssuer = 33,
    /// The server's certificate names other hosts; the text says which.
    WrongHost = 34,
    /// The server's certificate, or one that it rests on, has expired.
    Expired = 35,
    /// The server's certificate, or one that it rests on, is not valid yet.
    NotYetValid = 36,
    /// The server's certificate is unacceptable for another reason, such as a signature with SHA-1.
    BadCertificate = 37,
    /// What answers does not speak TLS: perhaps a server for `ws`.
    NotTls = 38,
    /// The server speaks TLS but not as is wanted: no version or cipher suite in common, a fatal alert, a fault.
    TlsFailed = 39,
    /// The server closed the connection during the TLS handshake.
    TlsClosed = 40,
    /// A certificate or key is in the PDDB, and there is no PDDB or it is not mounted: have the user unlock it and try
    /// again. Nothing takes the place of what is in it.
    NoPddb = 48,
    /// The PDDB has no such dict or key; the text names it. Store it there, or name another.
    NoPddbKey = 49,
    /// What is in a key of the PDDB is not what it was named for (a CA certificate, a chain, the private key that
    /// belongs to it), or is longer than [`Source::MAX_STORED`](crate::Source::MAX_STORED); the text names it. Store
    /// it anew.
    BadPddbKey = 50,
    /// The PDDB does not answer in time, or answers with a fault: try again later.
    PddbFailed = 51,
    /// The connection was reset or ended during the opening handshake, behind that of TLS if there is one.
    Lost = 52,
    /// The service asks whether the process is still there: lend the page anew. Only to processes that have said in
    /// their [`Lease`](crate::Lease) that they understand it; the client crate does it by itself.
    Again = 53,
}

impl Code {
    /// The same request may succeed later though its sender changes nothing, so that waiting and asking again is
    /// worth it:
    ///
    /// | code | for what |
    /// |---|---|
    /// | `BusyMessages`, `BusyService`, `BusyQueue`, `BusyReceives` | an answer to what is under way |
    /// | `NoWorker`, `NoListener`, `NoChannel` | the end of what uses them |
    /// | `Resolve`, `Connect`, `Timeout`, `Lost`, `TlsClosed` | the network, or the server |
    /// | `ClockNotSet`, `NoPddb`, `PddbFailed` | the clock, the user, the database |
    ///
    /// Everything else stays as it is until somebody changes the request or what it is about. Of `Refused`, the HTTP
    /// status tells: 408, 429 and 503 are transient (RFC 9110 section 15, RFC 6585 section 4).
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
            | Code::NoPddbKey
            | Code::BadPddbKey => false,
        }
    }

    /// The code in an answer's `offset`; one that this crate does not know is taken for `Malformed`.
    pub fn from_word(word: usize) -> Code {
        num_traits::FromPrimitive::from_usize(word).unwrap_or(Code::Malformed)
    }
}
