//! Who may use a route, and how that travels.

use std::fmt;

use crate::wire::fields::{Reader, Writer};

const BASIC: u8 = 1;
const BEARER: u8 = 2;

/// What a client must show to use a route, in its `Authorization` header. Over a plain port everybody on the way
/// reads it: use TLS.
///
/// ```
/// use xous_api_websocket::{Route, serve::Login};
///
/// let people = Login::basic("me", "Xe4kO9fTq2");
/// let programs = Login::bearer("mF_9.B5f-4.1JqM");
/// let route = Route::receiver("/events").credentials(people).credentials(programs);
/// ```
///
/// In a page: u8 1 and the texts user and password, or u8 2 and the text token.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub enum Login<'a> {
    /// A name and a password, which browsers ask their user for (RFC 7617).
    Basic {
        /// Not empty, without a colon.
        user: &'a str,
        /// Long and random: nobody counts the tries.
        password: &'a str,
    },
    /// A token that a program shows (RFC 6750), of letters, digits and `-._~+/=`.
    Bearer {
        /// Not empty; long and random.
        token: &'a str,
    },
}

impl<'a> Login<'a> {
    /// The longest name, password or token, bytes.
    pub const MAX_BYTES: usize = 255;

    /// A name and a password.
    pub fn basic(user: &'a str, password: &'a str) -> Self {
        Login::Basic { user, password }
    }

    /// A token.
    pub fn bearer(token: &'a str) -> Self {
        Login::Bearer { token }
    }

    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        match self {
            Login::Basic { user, password } => {
                w.u8(BASIC);
                w.text(user);
                w.text(password);
            }
            Login::Bearer { token } => {
                w.u8(BEARER);
                w.text(token);
            }
        }
    }

    pub(crate) fn read(r: &mut Reader<'a>) -> Option<Self> {
        match r.u8()? {
            BASIC => Some(Login::Basic { user: r.text()?, password: r.text()? }),
            BEARER => Some(Login::Bearer { token: r.text()? }),
            _ => None,
        }
    }
}

/// Without the secret.
impl fmt::Debug for Login<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Login::Basic { .. } => "Basic(..)",
            Login::Bearer { .. } => "Bearer(..)",
        })
    }
}
