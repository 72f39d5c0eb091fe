//! What the examples that serve have in common.

use std::process::ExitCode;

use xous_api_websocket::{Identity, Listen, ServerTls};

/// Of the page that refers to them.
const STYLE: (&str, &str) =
    ("<link rel=\"stylesheet\" href=\"shared/style.css\">", include_str!("style.css"));
const SCRIPT: (&str, &str) = ("shared/link.js", include_str!("link.js"));

/// Runs `serve` as the command line asks for.
pub(crate) fn run(
    name: &str,
    serve: impl FnOnce(&Arguments) -> Result<(), Box<dyn std::error::Error>>,
) -> ExitCode {
    xous_api_log::init_wait().ok();
    let arguments = Arguments::parse(name, std::env::args().skip(1));
    match arguments.map_err(Into::into).and_then(|arguments| serve(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Where to serve, and how.
pub(crate) struct Arguments {
    port: u16,
    /// Certificate and key.
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Arguments {
    /// The port that is wanted, on this machine only; on the device, whose network drops the address, open to all.
    pub(crate) fn listen(&self) -> Listen<'_> {
        let listen = Listen::new("127.0.0.1", self.port).exposed();
        match &self.identity {
            Some((certificate, key)) => listen.tls(ServerTls::new(Identity::new(certificate, key))),
            None => listen,
        }
    }

    /// The address for a browser.
    pub(crate) fn url(&self, port: u16) -> String {
        let host = if self.identity.is_some() { "https://localhost" } else { "http://127.0.0.1" };
        format!("{host}:{port}/")
    }

    fn parse(name: &str, mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut port, mut certificate, mut key) = (8080, None, None);
        while let Some(option) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{option} needs a value"))?;
            let read = || std::fs::read(&value).map_err(|error| format!("{option} {value}: {error}"));
            match option.as_str() {
                "--port" => port = value.parse().map_err(|_| format!("--port {value}: not a port"))?,
                "--certificate" => certificate = Some(read()?),
                "--key" => key = Some(read()?),
                _ => return Err(format!("usage: {name} [--port N] [--certificate FILE --key FILE]")),
            }
        }
        match (certificate, key) {
            (None, None) => Ok(Arguments { port, identity: None }),
            (Some(certificate), Some(key)) => Ok(Arguments { port, identity: Some((certificate, key)) }),
            _ => Err("--certificate and --key go together".into()),
        }
    }
}

/// The page with style and script in it, so that it is got with one request. `scripts` are those that it has besides:
/// how it refers to each, and the script itself.
pub(crate) fn page(html: &str, scripts: &[(&str, &str)]) -> String {
    let page = html.replace(STYLE.0, &format!("<style>\n{}</style>", STYLE.1));
    std::iter::once(&SCRIPT).chain(scripts).fold(page, |page, (name, script)| {
        page.replace(&format!("<script src=\"{name}\"></script>"), &format!("<script>\n{script}</script>"))
    })
}
