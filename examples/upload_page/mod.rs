//! A page that sends files, and the routes that take and show them.

use xous_api_websocket::error::ControlError;
use xous_api_websocket::{Listener, Route, Upload};

use crate::shared;

/// Where the page is, below `/`.
pub(crate) const PATH: &str = "upload.html";
/// The dict that the files go to.
const DICT: &str = "uploads";

/// What the page has within, besides what all pages have.
const SCRIPTS: [(&str, &str); 3] = [
    ("upload_page/stored.js", include_str!("stored.js")),
    ("upload_page/row.js", include_str!("row.js")),
    ("upload_page/page.js", include_str!("page.js")),
];

/// Adds them to a port.
pub(crate) fn add_routes(listener: &Listener) -> Result<(), ControlError> {
    let page = shared::page(include_str!("../upload.html"), &SCRIPTS);
    listener.add_route(&Route::upload("/upload", Upload::new(DICT).replace(true)))?;
    listener.add_route(&Route::files("/files/", DICT).deletable())?;
    // The page's own script, which others may use as well.
    listener.add_route(&Route::upload_script("/upload.js"))?;
    listener.add_route(&Route::page(&format!("/{PATH}"), "text/html; charset=utf-8", page.as_bytes()))?;
    Ok(())
}
