//! A port's certificate that expires soon.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use hosted::logged;
use xous_api_websocket::certificate::Certificate;
use xous_api_websocket::state::Stats;

use crate::authority::{Authority, der};
use crate::client::Settings;
use crate::support::{PATIENCE, system};

use super::{listen, listener, tls};

fn today() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / (24 * 60 * 60)
}

/// Lines of the log that warn of a certificate, of which there are to be so many.
/// Unless midnight has passed since `day`, no more.
fn warnings(count: usize, day: u64) -> Vec<String> {
    let start = Instant::now();
    loop {
        let log = logged();
        let found: Vec<_> =
            log.lines().filter(|line| line.contains("its certificate")).map(str::to_owned).collect();
        if found.len() >= count {
            assert!(found.len() == count || today() != day, "{found:?}");
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{found:?}");
        std::thread::yield_now();
    }
}

#[test]
fn it_is_warned_of_once_a_day_and_stats_say_when_it_is() {
    system!().run(|| {
        let day = today();
        assert_eq!(Stats::now().unwrap().certificate_expires, 0);
        let ca = Authority::new("root");
        let (long, soon) = (ca.server_for_days(&["localhost"], 15), ca.server_for_days(&["localhost"], 10));
        let expires = |leaf| Certificate::parse(&der(leaf)).unwrap().valid_until.unix_seconds();
        let first = listener(&listen(tls(&long)));
        assert_eq!(u64::from(Stats::now().unwrap().certificate_expires), expires(&long));
        let second = listener(&listen(tls(&soon)));
        assert_eq!(u64::from(Stats::now().unwrap().certificate_expires), expires(&soon));
        let found = warnings(1, day);
        assert!(found[0].contains(&format!("port {}", second.port())), "{found:?}");
        assert!(found[0].contains("in 9 days") || found[0].contains("in 10 days"), "{found:?}");
        for port in [first.port(), second.port(), second.port()] {
            Settings::new("get", port, &ca.pem).start().expect("/", &["HTTP/1.1 200"]);
        }
        second.renew(&tls(&long)).unwrap();
        assert_eq!(u64::from(Stats::now().unwrap().certificate_expires), expires(&long));
        // What comes last is logged last: nothing more was said before it.
        first.renew(&tls(&soon)).unwrap();
        let found = warnings(2, day);
        assert!(found.last().unwrap().contains(&format!("port {}", first.port())), "{found:?}");
        drop((first, second));
    });
}
