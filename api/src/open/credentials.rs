//! Who opens a connection, and through which proxy.

use std::borrow::Cow;
use std::fmt;

/// How a user name and password reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialsForm {
    /// `Authorization: Basic` (RFC 7617).
    Basic,
    /// `?login=…&password=…` behind the path. The password then appears in logs along the way. Only for servers that
    /// ask for it.
    Query,
}

/// Who opens the connection.
///
/// ```
/// use xous_api_websocket::{Request, open::CredentialsForm};
///
/// let request = Request::new("example.com", 80).credentials("me", "secret", CredentialsForm::Basic);
/// assert_eq!(request, Request::from_url("ws://me:secret@example.com/").unwrap());
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials<'a> {
    /// The user name; without a colon if the form is `Basic`.
    pub username: Cow<'a, str>,
    /// The password: any text without control characters.
    pub password: Cow<'a, str>,
    /// Whether they travel in a header or in the query.
    pub form: CredentialsForm,
}

/// An HTTP proxy that is asked for a tunnel.
///
/// ```
/// use xous_api_websocket::Request;
///
/// let request = Request::new("example.com", 80).proxy("192.0.2.9", 3128).proxy_credentials("me", "secret");
/// assert_eq!(request.proxy.map(|proxy| proxy.port), Some(3128));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proxy<'a> {
    /// Name or address (IPv6 without brackets).
    pub host: &'a str,
    /// 1 to 65535.
    pub port: u16,
    /// User name, without a colon, and password, if the proxy asks for them (`Basic`, RFC 7617).
    pub credentials: Option<(&'a str, &'a str)>,
}

/// Without the password.
impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Credentials { username, form, .. } = self;
        f.debug_struct("Credentials").field("username", username).field("form", form).finish_non_exhaustive()
    }
}

/// Without the password.
impl fmt::Debug for Proxy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Proxy { host, port, .. } = self;
        f.debug_struct("Proxy").field("host", host).field("port", port).finish_non_exhaustive()
    }
}
