//! What is sent to open a connection. A request that cannot be sent is found out here, before anybody is asked.

use std::fmt::Display;

use xous_api_websocket::open::CredentialsForm;
use xous_api_websocket::{Code, Request};

use super::super::failure::Failure;
use super::destination::Destination;
use super::wording::{HostFault, Wording};
use crate::net::without_zone;
use crate::proto::handshake::{Authorization, ClientRequest, Key, TunnelRequest, is_host};

/// The longest host name, as text (RFC 1035 section 2.3.4). A resolver may take long over a longer one.
const MAX_HOST: usize = 253;

/// The heads of the requests of an opening.
pub(super) struct Heads {
    /// For the proxy; empty if there is none.
    pub(super) tunnel: Vec<u8>,
    pub(super) server: Vec<u8>,
}

/// Whether a request can be sent. Asks nobody, and takes no longer than its 8 KiB do.
pub(crate) fn is_sendable(request: &Request<'_>) -> bool {
    compose(request, &Destination::new(request), &Key::new([0; 16])).is_ok()
}

/// The heads with which `to` is asked for what the request wants.
///
/// # Errors
/// `BadRequest`: it cannot be sent.
pub(super) fn compose(request: &Request<'_>, to: &Destination<'_>, key: &Key) -> Result<Heads, Failure> {
    if let Some(fault) = request.heartbeat.and_then(|heartbeat| heartbeat.fault()) {
        return Err(bad(&fault));
    }
    let meant = to.meant(request);
    let places =
        [("", (&*to.host, to.port)), (" to connect to", meant), (" of the proxy", to.dialled(request))];
    for (whose, (host, port)) in places {
        if port == 0 {
            return Err(bad(&format_args!("invalid port 0{whose}")));
        }
        if host.len() > MAX_HOST {
            return Err(bad(&format_args!("invalid host{whose} of more than {MAX_HOST} characters")));
        }
        if !is_host(without_zone(host)) {
            return Err(bad(&format_args!("invalid host{whose}: {}", HostFault(without_zone(host)))));
        }
    }
    let authorization = match &request.credentials {
        None => Authorization::None,
        Some(c) => match c.form {
            CredentialsForm::Basic => Authorization::Basic { user: &c.username, password: &c.password },
            CredentialsForm::Query => Authorization::Query { user: &c.username, password: &c.password },
            _ => return Err(bad(&"an unknown form of credentials")),
        },
    };
    let handshake = ClientRequest {
        host: without_zone(&to.host),
        port: to.port,
        secure: to.secure,
        path: &to.path,
        origin: request.origin,
        authorization: to.authorization(authorization),
        sub_protocols: &request.sub_protocols,
        headers: &to.headers(request),
    };
    // A name that is shown may be a secret: there are sub-protocols that are tokens.
    let worded = |error, request: &ClientRequest<'_>, whose| {
        bad(&Wording { error, request, whose })
            .told_as(format_args!("the request cannot be sent: {error}{whose}"))
    };
    let mut heads = Heads { tunnel: Vec::new(), server: Vec::new() };
    handshake.compose(key, &mut heads.server).map_err(|error| worded(error, &handshake, ""))?;
    if let Some(proxy) = &request.proxy {
        let credentials = proxy.credentials;
        let tunnel = TunnelRequest { host: without_zone(meant.0), port: meant.1, credentials };
        tunnel.compose(&mut heads.tunnel).map_err(|error| {
            let (user, password) = credentials.unwrap_or_default();
            let authorization = Authorization::Basic { user, password };
            worded(error, &ClientRequest { authorization, ..handshake }, " of the proxy")
        })?;
    }
    Ok(heads)
}

/// The request cannot be sent, for this reason.
pub(super) fn bad(text: &dyn Display) -> Failure {
    Failure::new(Code::BadRequest, format_args!("the request cannot be sent: {text}"))
}
