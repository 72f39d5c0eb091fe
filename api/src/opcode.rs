//! What the service can be asked for.

/// The name under which the service is registered with xous-names.
pub const SERVER_NAME: &str = "_Websocket Service_";

/// The low 8 bits of a message id; the upper 24 are the [`Handle`](crate::Handle) of the connection that is
/// meant (0 where none is: `Open`, `Stats`, and every opcode of an in-process server).
///
/// Every answer to a memory message carries a [`Code`](crate::Code) or a word in `offset`; a scalar that is
/// refused is answered with `Scalar2(usize::MAX, code)`. A message of the wrong kind, with an unknown opcode or
/// with a page shorter than its `valid`, is answered with a code too, if it waits for an answer.
///
/// `Close`, `Send`, `State` and `Quit` have the numbers of the in-process library that came first.
#[derive(num_derive::FromPrimitive, num_derive::ToPrimitive, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// Closes a connection: what was queued is sent, then a Close frame, then the peer's is awaited up to the
    /// close deadline (RFC 6455 section 7.1.2).
    ///
    /// | | |
    /// |---|---|
    /// | scalar | `arg1` = close code, 0 for 1000; nothing is awaited |
    /// | blocking scalar | the same; `Scalar2(code, phase)` when the connection has ended: the code that the peer sent, 1005 if it sent none, 1006 if it vanished |
    /// | lend | `offset` = close code, 0 for 1000; `valid` bytes of UTF-8 reason (at most 123); the answer's `offset` is a [`ReceiveWord`](crate::ReceiveWord) with status `Closed` and the peer's code |
    ///
    /// Errors: `Closed` (not a connection of the caller), `TooLong` (reason), `Malformed` (code or reason).
    Close = 1,
    /// Sends a message or a part of one.
    ///
    /// | | |
    /// |---|---|
    /// | lend | data in the first `valid` bytes, [`SendWord`](crate::SendWord) in `offset` (none: one whole text message); answered with `offset` = none when the frame is with the socket, or with a code |
    /// | move | the same, queued; a failure is reported by the next `Receive` and counted in `State` |
    ///
    /// Errors: `Closed`, `Malformed`, `MessageOpen`, `InvalidText`, `TooLong` (ping), `BusyQueue`,
    /// `BusyMessages`, `BusyService`.
    Send = 3,
    /// Reports on a connection: blocking scalar, `Scalar2(phase, failed)` with the
    /// [`Phase`](crate::Phase) and the number of queued sends that failed. A handle that is not the caller's
    /// gets phase `Closed`.
    State = 4,
    /// Ends an in-process server (blocking or plain scalar; `Scalar1(0)`). The service process refuses it
    /// (`NotPermitted`): it serves every other process.
    Quit = 6,
    /// Opens a connection: lend mut of a [`Request`](crate::Request), answered by a [`Reply`](crate::Reply)
    /// with `offset` = none, or by a code in `offset` and a text in the page that says what failed and where.
    ///
    /// Errors: `Malformed`, `BadRequest`, `NoTls`, `Resolve`, `Connect`, `Timeout`, `Refused`, `BadReply`,
    /// `Entropy`, `NoWorker`, `BusyMessages`, `BusyService`.
    Open = 8,
    /// Takes the next chunk: lend mut of one or more pages, which the service keeps until there is one.
    /// The answer has the chunk in the first `valid` bytes and a [`ReceiveWord`](crate::ReceiveWord) in
    /// `offset`. Several pages may wait on one connection; they are filled in order.
    ///
    /// Errors (in the word's status): `Closed`, `Malformed`, `BusyReceives`, `BusyMessages`, `BusyService`.
    Receive = 9,
    /// Hands a connection over to another process: blocking scalar, `arg1` = its PID; `Scalar1(0)`. Pages of
    /// the former owner that wait are answered with `Closed`.
    ///
    /// Errors: `Closed`, `Malformed` (not a PID).
    Grant = 10,
    /// Reports on the service: lend mut of one page, filled with [`Stats`](crate::Stats).
    Stats = 11,
}
