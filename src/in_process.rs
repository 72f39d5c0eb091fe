//! A WebSocket inside the caller's own process, without the service.

use rand_core::RngCore;
use xous::{CID, SID};
use xous_api_websocket::{Deadlines, Request, Tls, open::CredentialsForm};

use crate::service::{Plan, serve_one};

/// One connection to be opened and served by [`server`], on a thread of the caller's.
///
/// The caller sends a message by lending pages to the server's connection ([`crate::send`] does it for text). What
/// comes in is lent to a `cid` and `opcode` of the caller, with the data in the first `valid` bytes and a
/// [`ReceiveWord`](xous_api_websocket::wire::ReceiveWord) in `offset`. The last such message says that the connection has
/// ended. The connection reads on when a page is given back, that is, when its message is dropped.
pub struct Websocket<'a, R> {
    request: Request<'a>,
    cid: CID,
    opcode: usize,
    rng: R,
}

impl<'a, R: RngCore> Websocket<'a, R> {
    /// A connection to `host`, by default on port 80 (443 with `tls`) and path `/`. User name and password go into
    /// the `Authorization` header. Nothing happens until [`server`] runs.
    #[allow(clippy::too_many_arguments)] // The signature of the library that this takes the place of.
    pub fn new(
        host: &'a str,
        port: Option<u16>,
        path: Option<&'a str>,
        username: Option<&'a str>,
        password: Option<&'a str>,
        tls: bool,
        sub_protocol: Option<&'a str>,
        cid: CID,
        opcode: usize,
        rng: R,
    ) -> Self {
        let port = port.unwrap_or(if tls { 443 } else { 80 });
        let mut request = Request::new(host, port).path(path.unwrap_or("/"));
        if tls {
            request = request.tls(Tls::default());
        }
        if username.is_some() || password.is_some() {
            let (username, password) = (username.unwrap_or_default(), password.unwrap_or_default());
            request = request.credentials(username, password, CredentialsForm::Basic);
        }
        if let Some(sub_protocol) = sub_protocol {
            request = request.sub_protocol(sub_protocol);
        }
        Websocket { request, cid, opcode, rng }
    }

    /// With these deadlines instead of the usual ones.
    pub fn deadlines(mut self, deadlines: Deadlines) -> Self {
        self.request.options.deadlines = deadlines;
        self
    }
}

/// Opens the connection and serves `sid` until [`Opcode::Close`](crate::Opcode::Close) or
/// [`Opcode::Quit`](crate::Opcode::Quit) comes. Sends that arrive before the connection is open wait for it. If the
/// connection cannot be opened, or ends, the last message to `cid` says so, and sends are answered with `Closed`.
///
/// # Errors
/// The request does not fit a page's layout, or the kernel refuses threads or messages.
pub fn server<R: RngCore>(sid: SID, websocket: &mut Websocket<'_, R>) -> Result<(), xous::Error> {
    let mut request = vec![0; websocket.request.encoded_len()].into_boxed_slice();
    websocket.request.write(&mut request).map_err(|_| xous::Error::InvalidArgument)?;
    let mut random = [0; 48];
    websocket.rng.try_fill_bytes(&mut random).map_err(|_| xous::Error::InternalError)?;
    let Websocket { cid, opcode, .. } = *websocket;
    serve_one(sid, Plan { request, deadlines: websocket.request.options.deadlines, cid, opcode, random })
}
