//! What the examples that serve have in common.

use std::process::ExitCode;

/// Of the page that refers to them.
const STYLE: (&str, &str) =
    ("<link rel=\"stylesheet\" href=\"shared/style.css\">", include_str!("style.css"));
const SCRIPT: (&str, &str) = ("<script src=\"shared/link.js\"></script>", include_str!("link.js"));

/// Runs `serve` with the port that the arguments name, 8080 without.
pub(crate) fn run(name: &str, serve: impl FnOnce(u16) -> Result<(), Box<dyn std::error::Error>>) -> ExitCode {
    xous_api_log::init_wait().ok();
    match port(name).and_then(serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn port(name: &str) -> Result<u16, Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => Ok(8080),
        (Some("--port"), Some(port)) => port.parse().map_err(|_| format!("--port {port}: not a port").into()),
        _ => Err(format!("usage: {name} [--port N]").into()),
    }
}

/// The page with style and script in it, so that it is got with one request.
pub(crate) fn page(html: &str) -> String {
    html.replace(STYLE.0, &format!("<style>\n{}</style>", STYLE.1))
        .replace(SCRIPT.0, &format!("<script>\n{}</script>", SCRIPT.1))
}
