//! Names of files in paths, and what kind of file a name stands for.

use percent_encoding::percent_decode_str;

/// The characters that a path stands for; `None` if they are not UTF-8.
pub(crate) fn decoded(path: &str) -> Option<String> {
    percent_decode_str(path).decode_utf8().ok().map(String::from)
}

/// The media type that a name's ending stands for. No type that a browser would run is among them, as a stranger may
/// have sent the file.
pub(crate) fn media_type(name: &str) -> &'static str {
    const TYPES: [(&str, &str); 18] = [
        ("txt", "text/plain; charset=utf-8"),
        ("log", "text/plain; charset=utf-8"),
        ("md", "text/plain; charset=utf-8"),
        ("csv", "text/csv; charset=utf-8"),
        ("json", "application/json"),
        ("pdf", "application/pdf"),
        ("zip", "application/zip"),
        ("gz", "application/gzip"),
        ("png", "image/png"),
        ("jpg", "image/jpeg"),
        ("jpeg", "image/jpeg"),
        ("gif", "image/gif"),
        ("webp", "image/webp"),
        ("mp3", "audio/mpeg"),
        ("ogg", "audio/ogg"),
        ("wav", "audio/wav"),
        ("mp4", "video/mp4"),
        ("webm", "video/webm"),
    ];
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let known = TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(ending));
    known.map_or("application/octet-stream", |(_, media_type)| media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stands_for_a_name() {
        assert_eq!(decoded("a%20b/c%C3%A4+.txt").as_deref(), Some("a b/c\u{e4}+.txt"));
        assert_eq!(decoded("100%").as_deref(), Some("100%"));
        assert_eq!(decoded("%ff"), None);
    }

    #[test]
    fn a_name_stands_for_a_type_that_nobody_runs() {
        assert_eq!(media_type("a.b.PNG"), "image/png");
        for name in ["a.html", "a.svg", "a.js", "a.xml", "a", "png", ""] {
            assert_eq!(media_type(name), "application/octet-stream", "{name}");
        }
    }
}
