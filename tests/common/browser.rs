//! A real browser without a window: Chromium, driven by chromedriver (W3C WebDriver, JSON over HTTP).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// From the start of the driver to its port, and for a browser's answer.
const PATIENCE: Duration = Duration::from_secs(100);
/// For what a page is waited for, milliseconds.
const PAGE: u32 = 60_000;
/// The key, as WebDriver sends it.
pub(crate) const ENTER: &str = "\u{e007}";

/// A browser with a page.
pub(crate) struct Browser {
    driver: Driver,
    /// The path of its session.
    session: String,
}

impl Browser {
    /// Starts one. It makes no connection of its own.
    pub(crate) fn start() -> Self {
        let driver = Driver::start();
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ];
        let capabilities = json!({
            "browserName": "chrome",
            "timeouts": { "script": PAGE, "pageLoad": PAGE },
            "goog:chromeOptions": { "args": arguments },
        });
        let answer =
            driver.ask("POST", "/session", &json!({ "capabilities": { "alwaysMatch": capabilities } }));
        let id = answer["sessionId"].as_str().expect("a session has a name");
        Browser { session: format!("/session/{id}"), driver }
    }

    /// Goes to a page and waits until it is there.
    pub(crate) fn go(&self, url: &str) {
        self.ask("POST", "/url", &json!({ "url": url }));
    }

    /// What a JavaScript expression is in the page.
    pub(crate) fn value(&self, expression: &str) -> Value {
        self.ask("POST", "/execute/sync", &json!({ "script": format!("return {expression}"), "args": [] }))
    }

    /// Waits until an expression about the page's elements is true.
    pub(crate) fn wait_for(&self, expression: &str) {
        let script = format!(
            "const done = arguments[0], ready = () => {{ if ({expression}) done(); }};
             new MutationObserver(ready).observe(document,
                 {{ subtree: true, childList: true, characterData: true, attributes: true }});
             ready();"
        );
        let path = format!("{}/execute/async", self.session);
        let answer = self.driver.try_ask("POST", &path, &json!({ "script": script, "args": [] }));
        // What the page shows instead says why.
        let is_so = answer.as_ref().is_ok_and(|answer| answer["value"]["error"].is_null());
        assert!(is_so, "{expression}: {answer:?}, but {}", self.value("document.body.innerText"));
    }

    /// As [`Browser::wait_for`], where the page is left for another meanwhile, which ends whatever script waits in it.
    pub(crate) fn wait_for_after_leaving(&self, expression: &str) {
        let start = Instant::now();
        let body = json!({ "script": format!("return {expression}"), "args": [] });
        loop {
            let path = format!("{}/execute/sync", self.session);
            let answer = self.driver.try_ask("POST", &path, &body);
            if answer.is_ok_and(|answer| answer["value"] == true) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{expression}");
            std::thread::yield_now();
        }
    }

    /// What a script hands to `done`.
    pub(crate) fn result_of(&self, script: &str) -> Value {
        let script = format!("const done = arguments[0]; {script}");
        self.ask("POST", "/execute/async", &json!({ "script": script, "args": [] }))
    }

    /// Types into the element that has the focus.
    pub(crate) fn type_text(&self, text: &str) {
        self.type_into(&self.ask("GET", "/element/active", &Value::Null), text);
    }

    /// Chooses files for the input that a selector finds.
    pub(crate) fn choose(&self, selector: &str, paths: &[String]) {
        let finding = json!({ "using": "css selector", "value": selector });
        self.type_into(&self.ask("POST", "/element", &finding), &paths.join("\n"));
    }

    fn type_into(&self, element: &Value, text: &str) {
        let id = element.as_object().and_then(|names| names.values().next()).and_then(Value::as_str);
        let id = id.expect("an element has a name");
        self.ask("POST", &format!("/element/{id}/value"), &json!({ "text": text }));
    }

    /// Drops files and folders onto the middle of the page.
    pub(crate) fn drop_files(&self, paths: &[String]) {
        let data = json!({ "items": [], "files": paths, "dragOperationsMask": 1 });
        for kind in ["dragEnter", "dragOver", "drop"] {
            let event = json!({ "type": kind, "x": 200, "y": 200, "data": data });
            self.command("Input.dispatchDragEvent", &event);
        }
    }

    /// As a user who has set it so: `light` or `dark`.
    pub(crate) fn prefer(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.command("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// In a window of so many pixels.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.command("Emulation.setDeviceMetricsOverride", &size);
    }

    /// A command that only Chromium has.
    fn command(&self, name: &str, parameters: &Value) {
        self.ask("POST", "/goog/cdp/execute", &json!({ "cmd": name, "params": parameters }));
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        self.driver.ask(method, &format!("{}{path}", self.session), body)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the browser; the driver itself is ended behind it.
        self.driver.try_ask("DELETE", &self.session, &Value::Null).ok();
    }
}

/// The driver and its browsers: a process group that ends with this value and with this process, however that ends.
struct Driver {
    group: Child,
    port: u16,
}

/// Runs the driver until its input, which nobody writes to, ends; says so if the driver ends before.
const UNTIL_THE_END: &str =
    "{ chromedriver --port=0; echo 'chromedriver has ended'; } & cat > /dev/null; kill -KILL 0";
/// It takes a free port of IPv4 and the same of IPv6, and ends if somebody else has that one.
const ATTEMPTS: usize = 5;

impl Driver {
    fn start() -> Self {
        hosted::tools::require("chromedriver");
        (0..ATTEMPTS).find_map(|_| Self::try_start()).expect("chromedriver stays")
    }

    /// `None` if it ends at once.
    fn try_start() -> Option<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", UNTIL_THE_END]).process_group(0);
        // Without a locale, as on a new machine, it finds no file whose name is not ASCII.
        command.env("LC_ALL", "C.UTF-8");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut group = command.spawn().unwrap();
        let output = BufReader::new(group.stdout.take().unwrap());
        let (sender, ports) = channel();
        std::thread::spawn(move || {
            // Read to its end, or the driver meets a closed pipe.
            for line in output.lines().map_while(Result::ok) {
                let port =
                    line.split_once("successfully on port ").map(|(_, port)| port.trim_end_matches('.'));
                match port.map(str::parse) {
                    Some(Ok(port)) => drop(sender.send(Some(port))),
                    _ if line.ends_with("has ended") => drop(sender.send(None)),
                    _ => (),
                }
            }
        });
        let mut driver = Driver { group, port: 0 };
        driver.port = ports.recv_timeout(PATIENCE).expect("chromedriver says its port")?;
        Some(driver)
    }

    /// The value that a command is answered with.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer =
            self.try_ask(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let value = &answer["value"];
        assert!(value["error"].is_null(), "{method} {path} {body}: {} {}", value["error"], value["message"]);
        value.clone()
    }

    fn try_ask(&self, method: &str, path: &str, body: &Value) -> std::io::Result<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let body = if body.is_null() { String::new() } else { body.to_string() };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.port,
            body.len()
        )?;
        // The driver keeps the connection open, whatever it is asked for.
        let mut stream = BufReader::new(stream);
        let (mut line, mut len) = (String::new(), 0);
        while stream.read_line(&mut line)? > 2 {
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("Content-Length")
            {
                len = value.trim().parse().map_err(std::io::Error::other)?;
            }
            line.clear();
        }
        let mut body = vec![0; len];
        stream.read_exact(&mut body)?;
        serde_json::from_slice(&body).map_err(std::io::Error::from)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.group.stdin.take());
        self.group.wait().ok();
    }
}
