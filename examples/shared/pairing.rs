//! The code of a port that pairs, shown to people: as text, and for a phone's camera.

use std::sync::Arc;
use std::time::Duration;

use xous_api_websocket::Listener;

/// How long a code is good: then the next one is shown.
const CODE_TIME: Duration = Duration::from_secs(300);
const STACK: usize = 64 * 1024;

/// Shows one code after the other, on a thread of its own. `url` is where a browser of this network finds the port.
pub(crate) fn show_codes(listener: &Arc<Listener>, url: String) -> std::io::Result<()> {
    let listener = listener.clone();
    let show = move || {
        loop {
            match listener.pairing_code() {
                Ok(code) => show(&url, &code),
                Err(error) => return log::error!("no pairing code: {error}"),
            }
            std::thread::sleep(CODE_TIME);
        }
    };
    std::thread::Builder::new().stack_size(STACK).spawn(show).map(drop)
}

fn show(url: &str, code: &str) {
    let (one, two) = code.split_at(code.len() / 2);
    println!("pairing code, good once and for five minutes: {one}-{two}");
    println!("{url}#{code}");
    print_square(&format!("{url}#{code}"));
}

/// A QR code in a terminal: two modules of it above each other are a character, light ones are drawn, and a margin is
/// left as the code needs it.
#[cfg(not(target_os = "xous"))]
fn print_square(text: &str) {
    use qrcodegen::{QrCode, QrCodeEcc};
    const MARGIN: i32 = 2;
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Low) else { return };
    let (from, to) = (-MARGIN, code.size() + MARGIN);
    for y in (from..to).step_by(2) {
        let line = (from..to).map(|x| match (code.get_module(x, y), code.get_module(x, y + 1)) {
            (false, false) => '\u{2588}',
            (false, true) => '\u{2580}',
            (true, false) => '\u{2584}',
            (true, true) => ' ',
        });
        println!("{}", line.collect::<String>());
    }
}

/// The device's log has no place for it.
#[cfg(target_os = "xous")]
fn print_square(_text: &str) {}
