//! A database whose user takes their time, while a file comes from a browser.
//!
//! `UPLOAD_DIALOG_SECONDS=120` in front of the command has the user think for two minutes.

use std::time::{Duration, Instant};

use hosted::Pddb;
use xous_api_websocket::{Deadlines, Listen, Listener, Route, Upload};

use crate::common::browser::Browser;
use crate::common::{stats_when, system};
use crate::sender::{DICT, UPLOAD, dialogs, get, pddb_cid, sha256, user_says};

/// How long the user thinks, if [`SECONDS`] says nothing: for many periods of [`KEEPALIVE`], as two minutes are some of the
/// default, and past the silence after which everybody is told.
const THINKS: u64 = 8;
const SECONDS: &str = "UPLOAD_DIALOG_SECONDS";
/// A peer that is silent for so long is pinged.
const KEEPALIVE: Duration = Duration::from_millis(500);
/// How long it has to answer: less than the user thinks, and enough for a browser that the machine has no time for.
const PONG: Duration = Duration::from_secs(4);
/// Free pages for the beginning of the file.
const PAGES: u64 = 30;
const LENGTH: usize = 180_000;

const PAGE: &str = r#"<!DOCTYPE html><title>Upload</title><p id="state"></p><p id="connections"></p>
<script src="/upload.js"></script>
<script>
  const show = (id, text) => document.getElementById(id).textContent = text;
  let opened = 0;
  const uploader = new Uploader("/upload", {
    changed: ({ state, pause, sha256 }) => show("state", `${state} ${pause} ${sha256}`),
    connected: isOpen => { if (isOpen) show("connections", opened += 1); },
  });
  const bytes = Uint8Array.from({ length: LENGTH }, (_, at) => at % 251);
</script>"#;

/// Nothing in page, sender or service may end in the meantime: one connection, one transfer, one question.
#[test]
fn a_browser_waits_as_long_as_the_user_thinks() {
    system!().pddb(Pddb::new().pool(PAGES)).time_limit(thinks() + Duration::from_secs(90)).run(|| {
        pddb_cid();
        let deadlines = Deadlines::new().keepalive(KEEPALIVE).pong(PONG);
        let listener = Listener::listen(&Listen::new("127.0.0.1", 0).options(deadlines)).unwrap();
        let page = PAGE.replace("LENGTH", &LENGTH.to_string());
        listener.add_route(&Route::page("/", "text/html", page.as_bytes())).unwrap();
        listener.add_route(&Route::upload_script("/upload.js")).unwrap();
        listener.add_route(&Route::upload(UPLOAD, Upload::new(DICT))).unwrap();
        listener.add_route(&Route::files("/files/", DICT)).unwrap();
        let browser = Browser::start();
        browser.go(&format!("http://127.0.0.1:{}/", listener.port()));
        browser.wait_for("document.getElementById('connections').textContent === '1'");
        browser.value("uploader.add(new File([bytes], 'large')).name");
        let start = Instant::now();
        dialogs(1);
        browser.wait_for("document.getElementById('state').textContent.includes('database')");
        // The user's.
        std::thread::sleep(thinks().saturating_sub(start.elapsed()));
        let shown = browser.value("document.getElementById('state').textContent");
        assert!(shown.as_str().unwrap().starts_with("sending The database "), "{shown}");
        stats_when(|stats| stats.connections == 1);
        (0..3).for_each(|_| user_says(true));
        browser.wait_for("document.getElementById('state').textContent.startsWith('stored')");
        let data: Vec<u8> = (0..LENGTH).map(|at| (at % 251) as u8).collect();
        let stored = browser.value("document.getElementById('state').textContent");
        assert_eq!(stored, format!("stored  {}", sha256(&data)));
        assert_eq!(browser.value("document.getElementById('connections').textContent"), "1");
        assert_eq!(get(listener.port(), "/files/large", "").body, data);
    });
}

fn thinks() -> Duration {
    let said = std::env::var(SECONDS).ok();
    Duration::from_secs(said.map_or(THINKS, |text| text.parse().expect("a number of seconds")))
}
