//! What is chosen for each message.

use xous::CID;

/// How a message is sent: [`Websocket::send_with`](crate::Websocket::send_with).
///
/// ```no_run
/// use xous_api_websocket::{Kind, SendOptions, Websocket};
///
/// const SENT: usize = 7;
///
/// fn send(ws: &Websocket, own_server: xous::CID, photo: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
///     // Goes on at once. The server hears with the opcode SENT when the photo is with the socket.
///     ws.send_with(Kind::Binary, photo, SendOptions::new().report_to(own_server, SENT).tag(1))?;
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
#[must_use]
pub struct SendOptions {
    /// Frames of at most this many payload bytes, each an own message to the service; 0 leaves it to the connection
    /// ([`ConnectionOptions::fragment_size`](crate::ConnectionOptions)).
    pub frame_size: u32,
    /// A server of this process that is told when the message has been sent, and the opcode. Without one, sending is
    /// waited for.
    pub report_to: Option<(CID, usize)>,
    /// What the report says besides, to tell messages apart.
    pub tag: usize,
}

impl SendOptions {
    /// Sends and waits until the socket has the message.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends frames of at most this many payload bytes.
    pub fn frame_size(mut self, bytes: u32) -> Self {
        self.frame_size = bytes;
        self
    }

    /// Does not wait. When the socket has the message, or it could not be sent, the server behind `cid` gets a scalar with
    /// `opcode`: the tag, 0 or the number of a [`Code`](crate::Code), bytes of the message, and the connection's
    /// [`Handle`](crate::wire::Handle).
    pub fn report_to(mut self, cid: CID, opcode: usize) -> Self {
        self.report_to = Some((cid, opcode));
        self
    }

    /// With this number in the report.
    pub fn tag(mut self, tag: usize) -> Self {
        self.tag = tag;
        self
    }
}
