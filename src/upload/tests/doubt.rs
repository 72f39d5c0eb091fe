//! A store that leaves some calls unanswered and then goes on: nothing needs a restart.

use super::memory::{Effect, Memory};
use super::{Sender, assert_settled, bytes, files, read, route};

#[test]
fn after_a_silence_files_are_whole_or_absent_without_a_restart() {
    let mut silences = 0;
    for existing in [false, true] {
        // A call that is not answered does all of its work or none; the courier lets nothing overtake it.
        for (at, times, effect) in (0..30).flat_map(|at| {
            [1, 3, 8]
                .into_iter()
                .flat_map(move |times| [Effect::None, Effect::All].map(|effect| (at, times, effect)))
        }) {
            let case = format!("existing {existing}, change {at}, {times} calls, {effect:?}");
            let memory = Memory::default();
            if existing {
                memory.put("uploads/a", &bytes(9, 50));
            }
            let uploads = route(&memory, |config| config.replace = true);
            uploads.files().recover().unwrap();
            let mut sender = Sender::new(&uploads);
            memory.silent_at(at, times, effect);
            sender.file(1, "a", &bytes(1, 40));
            silences += usize::from(memory.has_crashed());
            // As soon as the store answers, everything is in order.
            memory.restart();
            let found = read(&uploads, "a");
            let old = existing.then(|| bytes(9, 50));
            assert!(found == old || found == Some(bytes(1, 40)), "{case}: {found:?}");
            assert!(!sender.is_stored(1) || found == Some(bytes(1, 40)), "{case}");
            sender.file(2, "a", &bytes(2, 30));
            assert!(sender.is_stored(2), "{case}: {}", sender.last());
            assert_eq!(files(&uploads).len(), 1, "{case}");
            assert_eq!(read(&uploads, "a"), Some(bytes(2, 30)), "{case}");
            assert_settled(&uploads, &memory);
        }
    }
    assert!(silences > 100, "only {silences} silences");
}
