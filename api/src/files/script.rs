//! The script that sends files from a web page.

use crate::serve::route::Route;

/// A script without a framework by which any page sends files to an upload route: it defines the class `Uploader`. The
/// service's `docs/upload.md` describes it. About 25 kB of JavaScript, `text/javascript; charset=utf-8`.
pub const UPLOAD_SCRIPT: &str = concat!(
    "// Sends files to an upload route of a WebSocket service. Usage: docs/upload.md of the service.\n",
    "\"use strict\";\n\nwindow.Uploader = (() => {\n",
    include_str!("script/digest.js"),
    include_str!("script/name.js"),
    include_str!("script/patience.js"),
    include_str!("script/connection.js"),
    include_str!("script/folders.js"),
    include_str!("script/transfer.js"),
    include_str!("script/uploader.js"),
    "return Uploader;\n})();\n",
);

impl<'a> Route<'a> {
    /// The script that sends files from a page, [`UPLOAD_SCRIPT`], at a path such as `/upload.js`. The service keeps it, as
    /// it keeps any page.
    pub fn upload_script(path: &'a str) -> Self {
        Route::page(path, "text/javascript; charset=utf-8", UPLOAD_SCRIPT.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_a_page_that_the_service_takes() {
        let route = Route::upload_script("/upload.js");
        let mut page = vec![0; route.encoded_len()];
        assert_eq!(route.write(&mut page), Ok(page.len()));
        // Nothing in it ends the element of a page that has it within.
        assert!(!UPLOAD_SCRIPT.contains("</script"));
    }
}
