//! What the examples that serve have in common.

mod pairing;

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::process::ExitCode;
use std::sync::Arc;

use xous_api_websocket::{Listen, Listener, ServerTls, tls::Identity};

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
    /// As it was given; an IP address.
    address: String,
    ip: IpAddr,
    port: u16,
    /// Certificate and key.
    identity: Option<(Vec<u8>, Vec<u8>)>,
    /// From which web pages besides its own are welcome.
    origins: Vec<String>,
}

impl Arguments {
    /// The address and port that are wanted. The device's network drops the address: there the port is open to all.
    /// Where others reach it, they have to show a code.
    pub(crate) fn listen(&self) -> Listen<'_> {
        let listen = Listen::new(&self.address, self.port).exposed();
        let listen = if self.ip.is_loopback() { listen } else { listen.pairing() };
        let listen = self.origins.iter().fold(listen, |listen, origin| listen.origin(origin));
        let listen = if self.origins.is_empty() { listen } else { listen.programs() };
        match &self.identity {
            Some((certificate, key)) => listen.tls(ServerTls::new(Identity::new(certificate, key))),
            None => listen,
        }
    }

    /// The address for a browser on this machine.
    pub(crate) fn url(&self, port: u16) -> String {
        match (&self.identity, self.ip) {
            (Some(_), _) => format!("https://localhost:{port}/"),
            (None, ip) if ip.is_unspecified() => format!("http://127.0.0.1:{port}/"),
            (None, ip) => format!("http://{}/", std::net::SocketAddr::new(ip, port)),
        }
    }

    /// Says where it serves, and how others get there if they can: with a code.
    pub(crate) fn announce(&self, listener: &Arc<Listener>) -> std::io::Result<()> {
        let port = listener.port();
        // The service goes on trying, as an address may come later. On a device it does, when there is a network.
        if port == 0 && cfg!(target_os = "xous") {
            println!("waits until there is the address {}", self.ip);
            return Ok(());
        }
        if port == 0 {
            let fault = format!("--listen {}: no address of this machine, or none yet", self.ip);
            return Err(std::io::Error::other(fault));
        }
        println!("{} is ready", self.url(port));
        if self.ip.is_loopback() {
            return Ok(());
        }
        let scheme = if self.identity.is_some() { "https" } else { "http" };
        let url = match if self.ip.is_unspecified() { own_address() } else { Some(self.ip) } {
            Some(ip) => {
                let url = format!("{scheme}://{}/", std::net::SocketAddr::new(ip, port));
                println!("others reach it, too: {url}");
                url
            }
            None => {
                println!("others reach it, too, at each address of this machine, port {port}");
                self.url(port)
            }
        };
        pairing::show_codes(listener, url)
    }

    fn parse(name: &str, mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut address, mut port, mut certificate, mut key) = ("127.0.0.1".to_owned(), 8080, None, None);
        let mut origins = Vec::new();
        while let Some(option) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{option} needs a value"))?;
            let read = || std::fs::read(&value).map_err(|error| format!("{option} {value}: {error}"));
            match option.as_str() {
                "--listen" => address = value,
                "--origin" => origins.push(value),
                "--port" => port = value.parse().map_err(|_| format!("--port {value}: not a port"))?,
                "--certificate" => certificate = Some(read()?),
                "--key" => key = Some(read()?),
                _ => {
                    return Err(format!(
                        "usage: {name} [--listen ADDRESS] [--port N] [--origin ORIGIN]... [--certificate FILE --key FILE]"
                    ));
                }
            }
        }
        let ip = address.parse().map_err(|_| format!("--listen {address}: not an IP address"))?;
        let identity = match (certificate, key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some((certificate, key)),
            _ => return Err("--certificate and --key go together".into()),
        };
        Ok(Arguments { address, ip, port, identity, origins })
    }
}

/// The address from which this machine would send to a network elsewhere. Nothing is sent.
fn own_address() -> Option<IpAddr> {
    // An address for documentation (RFC 5737), which belongs to nobody.
    const ELSEWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(ELSEWHERE).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// The page with style and script in it, so that it is got with one request. `scripts` are those that it has besides:
/// how it refers to each, and the script itself.
pub(crate) fn page(html: &str, scripts: &[(&str, &str)]) -> String {
    let page = html.replace(STYLE.0, &format!("<style>\n{}</style>", STYLE.1));
    std::iter::once(&SCRIPT).chain(scripts).fold(page, |page, (name, script)| {
        page.replace(&format!("<script src=\"{name}\"></script>"), &format!("<script>\n{script}</script>"))
    })
}
