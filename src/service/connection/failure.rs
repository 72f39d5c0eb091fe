//! Why an opening has failed.

use std::fmt;

use xous_api_websocket::Code;
use xous_api_websocket::certificate::Shown;
use xous_api_websocket::wire::Refusal;

use super::tls_code;

/// Why there is no connection.
pub(crate) struct Failure {
    pub(crate) code: Code,
    /// Of the server's answer; 0 without one.
    pub(crate) status: u16,
    /// What failed, and where.
    pub(crate) text: String,
    /// The same without what the server or the program has written, which may be a secret, if the text has such.
    pub(crate) without_secrets: Option<String>,
    /// The server's answer, if it is a refusal.
    pub(crate) head: Vec<u8>,
    /// The beginning of its body.
    pub(crate) body: Vec<u8>,
    /// What the server showed, if its certificate was not accepted.
    pub(crate) shown: Option<Box<Shown>>,
}

impl Failure {
    /// Not inlined, as there are many, each at the end of a rare path.
    #[cold]
    #[inline(never)]
    pub(crate) fn new(code: Code, text: fmt::Arguments<'_>) -> Self {
        Failure {
            code,
            status: 0,
            text: text.to_string(),
            without_secrets: None,
            head: Vec::new(),
            body: Vec::new(),
            shown: None,
        }
    }

    /// Others than the caller are told this.
    pub(crate) fn told_as(self, text: fmt::Arguments<'_>) -> Self {
        Failure { without_secrets: Some(text.to_string()), ..self }
    }

    /// What is logged and recorded.
    pub(crate) fn for_others(&self) -> &str {
        self.without_secrets.as_deref().unwrap_or(&self.text)
    }

    /// A failure with the code for TLS, if it is TLS that failed.
    pub(crate) fn io(otherwise: Code, task: fmt::Arguments<'_>, error: &std::io::Error) -> Self {
        Self::new(tls_code::code_of_io(error).unwrap_or(otherwise), format_args!("{task}: {error}"))
    }

    /// How a caller is told.
    pub(crate) fn told(&self) -> (Code, Refusal<'_>) {
        (self.code, Refusal::new(self.status, &self.text).answer(&self.head, &self.body))
    }
}
