//! A database that asks its user: while its only server loop waits for the answer, it serves nobody.

use hosted::Pddb;
use xous_api_websocket::Upload;

use crate::common::{pattern, system};
use crate::sender::{DICT, Sender, dialogs, list, listen, user_says};

/// Free pages for the dicts, a record, a key and the first batch.
const ONE_BATCH: u64 = 8;

#[test]
fn who_says_no_is_not_asked_again_for_the_same_file() {
    system!().pddb(Pddb::new().pool(ONE_BATCH)).run(|| {
        let listener = listen(Upload::new(DICT));
        user_says(false);
        let mut sender = Sender::connect(listener.port());
        sender.begin(1, "large", 200_000, &pattern(120_000));
        sender.accepted(1);
        sender.told("failed", 1, "full");
        sender.part(1, &pattern(20_000));
        assert_eq!(list(listener.port()), []);
        assert_eq!(dialogs(1), 1, "one question");
        user_says(true);
        sender.file(2, "small", &pattern(20_000));
        sender.accepted(2);
        sender.stored(2, &pattern(20_000));
        assert_eq!(list(listener.port()), [("small".to_owned(), 20_000)]);
    });
}
