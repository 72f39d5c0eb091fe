//! The demonstration's page for uploads in a real browser.

mod dialog;
mod many;

use hosted::Pddb;
use serde_json::Value;

use crate::by_hand::Answer;
use crate::common::browser::{Browser, ENTER};
use crate::common::example::Example;
use crate::common::pattern;
use crate::scratch::Scratch;
use crate::sender::{get, sha256};
use crate::wire::Wire;

const PAGE: &str = "/upload.html";

/// A browser that shows the page, and the database behind it.
struct Visit {
    server: Example,
    browser: Browser,
    files: Scratch,
}

impl Visit {
    fn new() -> Self {
        let files = Scratch::new();
        let pddb = Pddb::new().directory(files.path("pddb"));
        let server = Example::start_with("echo_server", 0, pddb);
        let visit = Visit { server, browser: Browser::start(), files };
        visit.go(visit.server.port);
        visit
    }

    /// Shows the page as it is on that port, and waits until it is connected.
    fn go(&self, port: u16) {
        self.browser.go(&format!("http://127.0.0.1:{port}{PAGE}"));
        self.browser.wait_for("document.getElementById('state').classList.contains('open')");
    }

    /// Makes files and chooses them; their paths.
    fn choose(&self, files: &[(&str, &[u8])]) -> Vec<String> {
        let paths: Vec<_> = files.iter().map(|(name, data)| self.files.write(name, data)).collect();
        self.browser.choose("#files", &paths);
        paths
    }

    /// Waits until the line of a file, the last one of this name, says something like that.
    fn wait_for_line(&self, name: &str, text: &str) {
        let (name, text) = (Value::from(name), Value::from(text));
        self.browser.wait_for(&format!(
            "[...document.querySelectorAll('.file')].findLast(
                line => line.querySelector('.name').textContent === {name})
             ?.querySelector('.detail').textContent.includes({text})"
        ));
    }

    /// Waits until the list shows so many files; the links in it.
    fn links(&self, count: usize) -> Vec<String> {
        self.browser.wait_for(&format!("document.querySelectorAll('#list a').length === {count}"));
        let links =
            self.browser.value("[...document.querySelectorAll('#list a')].map(link => link.pathname)");
        links.as_array().unwrap().iter().map(|link| link.as_str().unwrap().to_owned()).collect()
    }

    /// What the database has under this name.
    fn stored(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.files.path(&format!("pddb/.System/uploads/{name}"))).ok()
    }

    /// Presses a button of the last line.
    fn press(&self, button: &str) {
        self.browser.value(&format!("document.querySelector('.file:last-child {button}').click()"));
    }
}

#[test]
fn the_page_sends_files_of_any_length_and_links_to_them() {
    let visit = Visit::new();
    assert_eq!(visit.browser.value("document.title"), "Upload");
    visit.browser.wait_for("document.getElementById('summary').textContent === 'No files yet.'");
    let large = pattern(20_000_000);
    let files: [(&str, &[u8]); 3] = [("empty.txt", b""), ("one #?.bin", b"1"), ("large.iso", &large)];
    visit.choose(&files);
    for (name, data) in files {
        visit.wait_for_line(name, "Stored, ");
        visit.browser.wait_for(&format!("document.body.textContent.includes('SHA-256 {}')", sha256(data)));
        assert!(visit.stored(name).is_some_and(|stored| stored == data), "{name} is not what was sent");
    }
    let links = visit.links(3);
    assert_eq!(links, ["/files/empty.txt", "/files/large.iso", "/files/one%20%23%3F.bin"]);
    for (link, data) in links.iter().zip([b"".as_slice(), &large, b"1"]) {
        let Answer { status, body, .. } = get(visit.server.port, link, "");
        assert!(status == 200 && body == data, "{link}: {status}, {} bytes", body.len());
    }
}

#[test]
fn files_are_dropped_on_the_page() {
    let visit = Visit::new();
    visit.browser.value(
        "(() => {
            const dataTransfer = new DataTransfer();
            for (const name of ['one', 'two']) dataTransfer.items.add(new File([name], name));
            for (const kind of ['dragover', 'drop'])
                document.body.dispatchEvent(
                    new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
        })()",
    );
    for name in ["one", "two"] {
        visit.wait_for_line(name, "Stored, 3 bytes");
        assert_eq!(visit.stored(name).as_deref(), Some(name.as_bytes()));
    }
    assert_eq!(visit.links(2), ["/files/one", "/files/two"]);
}

#[test]
fn the_page_tells_why_a_file_is_refused_and_tries_again() {
    let visit = Visit::new();
    visit.choose(&[("a", b"first")]);
    visit.wait_for_line("a", "Stored, ");
    // With the keyboard: the line's button is the next one.
    visit.browser.value("document.querySelector('.end').focus()");
    visit.browser.type_text(ENTER);
    visit.browser.wait_for("document.getElementById('sending').hidden");
    assert_eq!(visit.browser.value("document.activeElement.id"), "choose");

    visit.choose(&[("a", b"second")]);
    visit.wait_for_line("a", "A file of this name exists.");
    let news = visit.browser.value("document.getElementById('news').textContent");
    assert_eq!(news, "a: A file of this name exists.", "it is read aloud");
    std::fs::remove_file(visit.files.path("pddb/.System/uploads/a")).unwrap();
    visit.press(".again");
    visit.wait_for_line("a", "Stored, ");
    assert_eq!(visit.stored("a").as_deref(), Some(b"second".as_slice()));

    let name = "<img src=x onerror=document.title=1>";
    visit.choose(&[(name, b"x")]);
    visit.wait_for_line(name, "Stored, ");
    visit.links(2);
    assert_eq!(visit.browser.value("document.querySelector('img')"), Value::Null);
    assert_eq!(visit.browser.value("document.title"), "Upload");
}

#[test]
fn a_file_of_four_gibibytes_is_refused_before_it_is_sent() {
    let visit = Visit::new();
    let path = visit.files.write("huge", b"");
    std::fs::File::options().write(true).open(&path).unwrap().set_len(1 << 32).unwrap();
    visit.browser.choose("#files", &[path]);
    visit.wait_for_line("huge", "The file is too large: the longest has 4 GiB less one byte.");
    assert_eq!(visit.stored("huge"), None);
}

#[test]
fn a_cancelled_file_is_gone() {
    let visit = Visit::new();
    visit.choose(&[("a", &pattern(100_000_000))]);
    visit.wait_for_line("a", " of 100 MB");
    visit.press(".end");
    visit.wait_for_line("a", "Cancelled");
    assert_eq!(visit.stored("a"), None);
    assert_eq!(get(visit.server.port, "/files/", "").status, 200);
    // The connection goes on.
    visit.choose(&[("b", b"b")]);
    visit.wait_for_line("b", "Stored, ");
    assert_eq!(visit.links(1), ["/files/b"]);
}

#[test]
fn a_file_goes_on_when_the_connection_is_lost() {
    let visit = Visit::new();
    let wire = Wire::cut_after(visit.server.port, 15_000_000);
    visit.go(wire.port());
    let data = pattern(20_000_000);
    visit.choose(&[("a", &data)]);
    visit.wait_for_line("a", "Stored, ");
    assert!(visit.stored("a").is_some_and(|stored| stored == data));
    let carried = wire.carried();
    // Some megabytes were in the buffers of the sockets.
    assert!((20_000_000..30_000_000).contains(&carried), "{carried} bytes: it began anew");
}

#[test]
fn a_file_goes_on_when_the_page_is_loaded_again() {
    let visit = Visit::new();
    let wire = Wire::cut_after(visit.server.port, usize::MAX);
    visit.go(wire.port());
    let data = pattern(30_000_000);
    let paths = visit.choose(&[("a", &data)]);
    // It has begun, and goes to a page that knows nothing of it.
    visit.browser.wait_for("document.querySelector('progress').value > 0.5");
    visit.go(wire.port());
    assert_eq!(visit.browser.value("document.querySelectorAll('.file').length"), 0);
    visit.browser.choose("#files", &paths);
    visit.wait_for_line("a", "Stored, ");
    assert!(visit.stored("a").is_some_and(|stored| stored == data));
    let carried = wire.carried();
    assert!(carried < 42_000_000, "{carried} bytes: it began anew");
}

#[test]
fn the_page_fits_light_and_dark_and_narrow() {
    let visit = Visit::new();
    visit.choose(&[(&"long-name-".repeat(9), b"x"), ("b", b"b")]);
    visit.wait_for_line("b", "Stored, ");
    visit.links(2);
    let colour = || visit.browser.value("getComputedStyle(document.querySelector('.detail')).color");
    visit.browser.prefer("light");
    let light = colour();
    visit.browser.prefer("dark");
    assert_ne!(colour(), light);
    for width in [1000, 320] {
        visit.browser.resize(width, 800);
        let overflow = visit.browser.value("document.documentElement.scrollWidth - innerWidth");
        assert!(overflow.as_i64().unwrap() <= 0, "{overflow} pixels too wide at {width}");
    }
}
