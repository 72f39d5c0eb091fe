//! Files that come in parts and are looked at again.

use xous_api_websocket::{Listener, Upload};

use crate::common::nothing_is_left;
use crate::common::random::Random;
use crate::meter::{Numbered, Soak};
use crate::sender::{DICT, FILES, Sender, get, listen, sha256};

/// The longest file: some write batches.
const LONGEST: usize = 40_000;
/// Bytes of a part.
const PART: usize = 3000;
/// Names, so that most files take the place of an older one.
const NAMES: u64 = 5;

/// Connections that can bring files from one address at once: of 24 workers, 6 are kept for programs, one is the thread of the
/// database's client, and 4 are left to other addresses.
const SENDERS: usize = 6;

/// As many senders as there can be, at once; see [`all_at_once`](crate::clients::all_at_once).
pub(crate) fn all_at_once() {
    let listener = listen(Upload::new(DICT).replace(true));
    let mut senders: Vec<_> = (0..SENDERS).map(|_| Sender::connect(listener.port())).collect();
    let mut files = Numbered::new(7, LONGEST);
    let files: Vec<_> = senders.iter().map(|_| files.next()).collect();
    for (id, (sender, data)) in (0..).zip(senders.iter_mut().zip(&files)) {
        sender.file(id, &format!("file {id}"), data);
    }
    for (id, (mut sender, data)) in (0..).zip(senders.into_iter().zip(&files)) {
        sender.accepted(id);
        sender.stored(id, data);
        sender.close();
    }
    drop(listener);
    nothing_is_left();
}

/// Each file is stored with the digest that it has here, and is shown as it is.
pub(crate) fn uploads(soak: &Soak, _: &Listener) {
    let listener = listen(Upload::new(DICT).replace(true));
    let mut sender = Sender::connect(listener.port());
    let mut files = Numbered::new(6, LONGEST);
    let mut random = Random::new(6);
    for id in 0.. {
        if !soak.goes_on() {
            break;
        }
        let (name, data) = (format!("file {}", random.below(NAMES)), files.next());
        let mut parts = data.chunks(PART);
        sender.begin(id, &name, data.len(), parts.next().unwrap_or_default());
        parts.for_each(|part| sender.part(id, part));
        sender.accepted(id);
        sender.stored(id, &data);
        let answer = get(listener.port(), &format!("{FILES}{}", name.replace(' ', "%20")), "");
        assert_eq!(answer.status, 200, "{}", answer.head);
        assert_eq!(sha256(&answer.body), sha256(&data), "file {id}, {name}");
        soak.checked();
    }
    sender.close();
}
