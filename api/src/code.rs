//! Why the service refused.

use std::fmt;

/// The result code of a request, and what to do about it: its `Display` is the first sentence of its documentation.
///
/// ```
/// use xous_api_websocket::Code;
///
/// assert_eq!(Code::BusyService.to_string(), "the service has too many requests waiting: try again later");
/// assert!(Code::BusyService.is_transient());
/// ```
#[derive(num_derive::FromPrimitive, num_derive::ToPrimitive, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum Code {
    /// The connection is closed: open a new one.
    ///
    /// The handle does not belong to an open connection of the caller.
    Closed = 1,
    /// The program and the service do not understand each other: correct the program, or install versions that fit.
    ///
    /// Its kind, length or flags are not those of its opcode.
    Malformed = 2,
    /// The service does not know this request: install a newer one.
    UnknownOpcode = 3,
    /// This program has too many requests waiting: wait for an answer to one.
    ///
    /// The calling process has as many unanswered messages with the service as one may have, or as many bytes of pages
    /// (`OPEN_MESSAGES_PER_PROCESS`, `OPEN_BYTES_PER_PROCESS`), or as many that a worker sees to (`JOBS_PER_PROCESS`).
    BusyMessages = 4,
    /// The service has too many requests waiting: try again later.
    ///
    /// All processes together have as many as there may be (`OPEN_MESSAGES`, `OPEN_BYTES`, `JOBS`).
    BusyService = 5,
    /// Too many messages wait to be sent on the connection: wait until one is sent.
    ///
    /// Lend the message, and its return is the sign that there is room.
    BusyQueue = 6,
    /// Too many calls of this program already wait for the same thing: wait for an answer to one.
    ///
    /// Too many pages are lent to the connection.
    BusyReceives = 7,
    /// The service has no connection or worker free for this program: close a connection, or wait.
    ///
    /// It has threads for no more, or those that are left are kept for processes without a connection. Also for other work
    /// that needs a thread.
    NoWorker = 8,
    /// The program sent the parts of a message out of order: send them in order.
    ///
    /// Something else was sent while a message was open, or a next part while none was.
    MessageOpen = 9,
    /// Something in the request is longer than the service takes: shorten it.
    ///
    /// A ping has at most 125 bytes and a close reason 123 (RFC 6455 section 5.5).
    TooLong = 10,
    /// This program may not do that: leave it to the one that may.
    ///
    /// Only the program that has opened a port may change it, for example.
    NotPermitted = 11,
    /// The text is not UTF-8: send it as binary.
    ///
    /// RFC 6455 section 8.1.
    InvalidText = 12,
    /// Something in the request cannot be used: correct its host, path, headers or other texts.
    ///
    /// The text that comes with it says which.
    BadRequest = 16,
    /// TLS is not built into the service: install one that has it.
    ///
    /// TLS was asked for.
    NoTls = 17,
    /// No address was found for the host name: check the name and the network.
    Resolve = 18,
    /// The host cannot be reached, or takes no connections on this port: check the address, or try again later.
    ///
    /// None of its addresses does.
    Connect = 19,
    /// The connection was not open in time: try again later.
    ///
    /// The open deadline is over.
    Timeout = 20,
    /// The server, or the proxy, answered with an error instead of opening the WebSocket: see its answer.
    ///
    /// Its status is not 101; [`OpenError::Refused`](crate::error::OpenError::Refused) has the answer.
    Refused = 21,
    /// The server's answer does not open a WebSocket: check the address.
    ///
    /// Its answer is not a WebSocket handshake (RFC 6455 section 4.1).
    BadReply = 22,
    /// The head of the server's answer is too long: check the address, or have the server send less.
    ///
    /// It has more than 16 KiB, or more than 100 lines.
    LongReply = 29,
    /// Another program listens on the port: choose another port.
    ///
    /// A program of this machine that does not share it.
    PortInUse = 24,
    /// The service can open no more ports or listeners: give one up, or wait.
    ///
    /// The service has threads for no more, or this process may open no more, or there are too many listeners.
    NoListener = 25,
    /// Another route has this path: choose another path.
    ///
    /// It has a route already, or is a part of another program's prefix.
    RouteExists = 26,
    /// There is no such route, or no room for another route or page: remove one that is not needed.
    ///
    /// Or no room is left for another page.
    NoRoute = 27,
    /// There are too many channels: leave one or wait.
    NoChannel = 28,
    /// The device's random number generator does not work: restart the device.
    ///
    /// The generator does not answer, or not with random numbers.
    Entropy = 23,
    /// The clock is not set, and certificates are checked by it: set the clock.
    ///
    /// It shows a day before this service was written, and TLS was asked for.
    ClockNotSet = 32,
    /// The server's certificate was not issued by anyone this program trusts: trust its CA, or go no further.
    ///
    /// It is signed by itself or by an unknown CA, or the server left out a link of the chain. Trust its CA with
    /// [`Tls::roots`](crate::Tls::roots), or show a person what the server has
    /// ([`Websocket::open_or_show`](crate::Websocket::open_or_show)).
    UnknownIssuer = 33,
    /// The server's certificate is for another host: check the address, or go no further.
    ///
    /// The text that comes with it says which.
    WrongHost = 34,
    /// The server's certificate has expired, or the device's date is wrong: check the clock, or have it renewed.
    ///
    /// Or one that it rests on.
    Expired = 35,
    /// The server's certificate is not valid yet, or the device's date is wrong: check the clock.
    ///
    /// Or one that it rests on.
    NotYetValid = 36,
    /// The server's certificate is not acceptable: have it replaced.
    ///
    /// For another reason than those above, such as a signature with SHA-1.
    BadCertificate = 37,
    /// The server does not speak TLS: check the address, which may be one for ws.
    NotTls = 38,
    /// No secure connection could be agreed on: have the server updated.
    ///
    /// There is no common version or cipher suite, or a fatal alert or a fault came.
    TlsFailed = 39,
    /// The connection was lost while it was being secured: try again later.
    ///
    /// Or the server said that it cannot serve it for a reason of its own, such as want of room (the alert
    /// `internal_error`, RFC 8446 section 6.2).
    TlsClosed = 40,
    /// The server's certificate is not one that was agreed on: have a person find out why it changed.
    ///
    /// It matches no pin of [`Tls::pins`](crate::Tls::pins): the server has a new certificate, or another one answers in its
    /// place. Set no new pin before that is known.
    WrongPin = 41,
    /// The device's database (PDDB) is locked, or not there: have it unlocked, and try again.
    ///
    /// A certificate or key is to come from the PDDB, and nothing else is used instead.
    NoPddb = 48,
    /// The device's database (PDDB) has no such certificate or key: store it there, or name another.
    ///
    /// The text that comes with it names it.
    NoPddbKey = 49,
    /// A certificate or key in the device's database (PDDB) cannot be used: store it anew.
    ///
    /// It is not a CA certificate, a chain, or the private key that belongs to it, or it is longer than
    /// [`Source::MAX_STORED`](crate::tls::Source::MAX_STORED). The text that comes with it names it.
    BadPddbKey = 50,
    /// The device's database (PDDB) did not answer, or failed: try again later.
    ///
    /// Or it answers with a fault.
    PddbFailed = 51,
    /// The connection was lost while it was being opened: try again later.
    ///
    /// By a reset, or by an end within the opening handshake.
    Lost = 52,
    /// The service asks whether the program is there: lend the page anew.
    ///
    /// Only to processes that have said in their [`Lease`](crate::Lease) that they understand it; this crate does it by
    /// itself.
    Again = 53,
    /// Nothing came in time: receive again.
    ///
    /// In the time that a `Receive` named.
    NothingCame = 54,
    /// The other side did not answer a ping in time: open a new connection.
    ///
    /// The service has given the connection up.
    NoPong = 63,
    /// The connection is being opened again: wait until it is open.
    ///
    /// Or it was opened again within the message, which has to be sent anew. See [`Reconnect`](crate::Reconnect).
    Reconnecting = 64,
    /// Another connection is being recorded: wait until it has ended, or do without a recording.
    ///
    /// See [`Record`](crate::open::Record).
    BusyRecorder = 67,
    /// Some of the messages were not sent: see the code of each.
    ///
    /// All others were.
    SomeUnsent = 65,
    /// There is no such file: list the files to see which there are.
    ///
    /// Or it is not complete.
    NoFile = 59,
    /// The file is being received, read or replaced: try again later.
    FileBusy = 60,
}

impl Code {
    /// Whether the same request may succeed later, so that it is worth waiting and asking again:
    ///
    /// | code | for what |
    /// |---|---|
    /// | `BusyMessages`, `BusyService`, `BusyQueue`, `BusyReceives` | an answer to what is under way |
    /// | `NoWorker`, `NoListener`, `NoChannel`, `BusyRecorder` | the end of what uses them |
    /// | `NothingCame`, `NoPong`, `Reconnecting` | the peer |
    /// | `FileBusy` | the end of what uses the file |
    /// | `Resolve`, `Connect`, `Timeout`, `Lost`, `TlsClosed` | the network, or the server |
    /// | `ClockNotSet`, `NoPddb`, `PddbFailed` | the clock, the user, the database |
    /// | `Again` | nothing: lend the page anew at once, or what the process has is lost after two seconds |
    ///
    /// Everything else fails again until somebody changes the request or what it is about. For `Refused` the HTTP
    /// status decides: 408, 429, 502, 503 and 504 are transient (RFC 9110 section 15, RFC 6585 section 4).
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
            | Code::Reconnecting
            | Code::BusyRecorder
            | Code::FileBusy
            | Code::TlsClosed
            | Code::ClockNotSet
            | Code::NoPddb
            | Code::PddbFailed => true,
            Code::Closed
            | Code::Malformed
            | Code::UnknownOpcode
            | Code::SomeUnsent
            | Code::MessageOpen
            | Code::TooLong
            | Code::NotPermitted
            | Code::InvalidText
            | Code::BadRequest
            | Code::NoTls
            | Code::Refused
            | Code::BadReply
            | Code::LongReply
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
            | Code::NoFile
            | Code::BadPddbKey => false,
        }
    }

    /// The code in an answer's `offset`. A number that this crate does not know becomes `Malformed`.
    pub fn from_word(word: usize) -> Code {
        num_traits::FromPrimitive::from_usize(word).unwrap_or(Code::Malformed)
    }
}

/// What a person is told where nothing more is known: what is wrong, and what to do.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Code::Closed => "the connection is closed: open a new one",
            Code::Malformed => {
                "the program and the service do not understand each other: \
                 correct the program, or install versions that fit"
            }
            Code::UnknownOpcode => "the service does not know this request: install a newer one",
            Code::BusyMessages => "this program has too many requests waiting: wait for an answer to one",
            Code::BusyService => "the service has too many requests waiting: try again later",
            Code::BusyQueue => "too many messages wait to be sent on the connection: wait until one is sent",
            Code::BusyReceives => {
                "too many calls of this program already wait for the same thing: wait for an answer to one"
            }
            Code::NoWorker => {
                "the service has no connection or worker free for this program: close a connection, or wait"
            }
            Code::MessageOpen => "the program sent the parts of a message out of order: send them in order",
            Code::TooLong => "something in the request is longer than the service takes: shorten it",
            Code::NotPermitted => "this program may not do that: leave it to the one that may",
            Code::InvalidText => "the text is not UTF-8: send it as binary",
            Code::BadRequest => {
                "something in the request cannot be used: correct its host, path, headers or other texts"
            }
            Code::NoTls => "TLS is not built into the service: install one that has it",
            Code::Resolve => "no address was found for the host name: check the name and the network",
            Code::Connect => {
                "the host cannot be reached, or takes no connections on this port: \
                 check the address, or try again later"
            }
            Code::Timeout => "the connection was not open in time: try again later",
            Code::Refused => {
                "the server, or the proxy, answered with an error instead of opening the WebSocket: \
                 see its answer"
            }
            Code::BadReply => "the server's answer does not open a WebSocket: check the address",
            Code::LongReply => {
                "the head of the server's answer is too long: check the address, or have the server send less"
            }
            Code::PortInUse => "another program listens on the port: choose another port",
            Code::NoListener => "the service can open no more ports or listeners: give one up, or wait",
            Code::RouteExists => "another route has this path: choose another path",
            Code::NoRoute => {
                "there is no such route, or no room for another route or page: remove one that is not needed"
            }
            Code::NoChannel => "there are too many channels: leave one or wait",
            Code::Entropy => "the device's random number generator does not work: restart the device",
            Code::ClockNotSet => "the clock is not set, and certificates are checked by it: set the clock",
            Code::UnknownIssuer => {
                "the server's certificate was not issued by anyone this program trusts: \
                 trust its CA, or go no further"
            }
            Code::WrongHost => {
                "the server's certificate is for another host: check the address, or go no further"
            }
            Code::Expired => {
                "the server's certificate has expired, or the device's date is wrong: \
                 check the clock, or have it renewed"
            }
            Code::NotYetValid => {
                "the server's certificate is not valid yet, or the device's date is wrong: check the clock"
            }
            Code::BadCertificate => "the server's certificate is not acceptable: have it replaced",
            Code::NotTls => "the server does not speak TLS: check the address, which may be one for ws",
            Code::TlsFailed => "no secure connection could be agreed on: have the server updated",
            Code::TlsClosed => "the connection was lost while it was being secured: try again later",
            Code::WrongPin => {
                "the server's certificate is not one that was agreed on: \
                 have a person find out why it changed"
            }
            Code::NoPddb => {
                "the device's database (PDDB) is locked, or not there: have it unlocked, and try again"
            }
            Code::NoPddbKey => {
                "the device's database (PDDB) has no such certificate or key: store it there, or name another"
            }
            Code::BadPddbKey => {
                "a certificate or key in the device's database (PDDB) cannot be used: store it anew"
            }
            Code::PddbFailed => "the device's database (PDDB) did not answer, or failed: try again later",
            Code::Lost => "the connection was lost while it was being opened: try again later",
            Code::Again => "the service asks whether the program is there: lend the page anew",
            Code::NothingCame => "nothing came in time: receive again",
            Code::NoPong => "the other side did not answer a ping in time: open a new connection",
            Code::Reconnecting => "the connection is being opened again: wait until it is open",
            Code::BusyRecorder => {
                "another connection is being recorded: wait until it has ended, or do without a recording"
            }
            Code::SomeUnsent => "some of the messages were not sent: see the code of each",
            Code::NoFile => "there is no such file: list the files to see which there are",
            Code::FileBusy => "the file is being received, read or replaced: try again later",
        })
    }
}

impl std::error::Error for Code {}

#[cfg(test)]
mod tests {
    use super::*;

    /// A variant is found with the first line of its documentation.
    #[test]
    fn what_a_code_says_is_the_first_sentence_of_its_documentation() {
        let lines: Vec<_> = include_str!("code.rs").lines().map(str::trim).collect();
        for code in (0..=255).filter_map(num_traits::FromPrimitive::from_u8) {
            let code: Code = code;
            let variant =
                lines.iter().position(|line| *line == format!("{code:?} = {},", code as u8)).unwrap();
            let documented = lines[..variant].iter().rev().take_while(|line| line.starts_with("///")).last();
            let text = code.to_string();
            let (first, rest) = text.split_at(1);
            assert_eq!(documented, Some(&&*format!("/// {}{rest}.", first.to_uppercase())));
            assert!(text.contains(": "), "{text} does not say what to do");
        }
    }
}
