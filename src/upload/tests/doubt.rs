//! A store that leaves some calls unanswered and then goes on: nothing needs a restart.

use super::memory::{Effect, Memory};
use super::{Sender, assert_settled, bytes, files, later, read, route};

/// A call that is not answered does all of its work or none: the courier lets nothing overtake it.
const EFFECTS: [Effect; 2] = [Effect::None, Effect::All];

/// A store with a file `a`, or without.
fn store(existing: bool) -> (Memory, Option<Vec<u8>>) {
    let memory = Memory::default();
    let old = existing.then(|| bytes(9, 50));
    if let Some(old) = &old {
        memory.put("uploads/a", old);
    }
    (memory, old)
}

#[test]
fn after_a_silence_files_are_whole_or_absent_without_a_restart() {
    let (mut silences, mut resumed) = (0, 0);
    for (existing, at, more, effect) in cases([0, 2, 7]) {
        let case = format!("existing {existing}, change {at}, {more} more calls, {effect:?}");
        let (memory, old) = store(existing);
        let uploads = route(&memory, |config| config.replace = true);
        uploads.files().recover().unwrap();
        let mut sender = Sender::new(&uploads);
        memory.silent_at(at, more, effect);
        sender.file(1, "a", &bytes(1, 40));
        silences += usize::from(memory.was_silent());
        // As soon as the store answers, everything is in order.
        memory.restart();
        let found = read(&uploads, "a");
        assert!(found == old || found == Some(bytes(1, 40)), "{case}: {found:?}");
        // What waits for its sender is kept, and goes on to its end.
        let waits = uploads.next_expiry().is_some();
        resumed += usize::from(waits);
        go_on(&mut sender, &bytes(1, 40));
        assert!(!waits || sender.is_stored(1), "{case}: {}", sender.last());
        let found = read(&uploads, "a");
        assert!(!sender.is_stored(1) || found == Some(bytes(1, 40)), "{case}");
        sender.file(2, "a", &bytes(2, 30));
        assert!(sender.is_stored(2), "{case}: {}", sender.last());
        assert_eq!(files(&uploads).len(), 1, "{case}");
        assert_eq!(read(&uploads, "a"), Some(bytes(2, 30)), "{case}");
        assert_settled(&uploads, &memory);
    }
    assert!(silences > 100 && resumed > 20, "only {silences} silences, {resumed} of them within a transfer");
}

#[test]
fn a_crash_soon_after_a_silence_leaves_files_whole_or_absent() {
    let mut crashes = 0;
    for (existing, at, more, silent) in cases([0, 1, 4]) {
        for (after, effect) in (1..12).flat_map(|after| Effect::EACH.map(|effect| (after, effect))) {
            let case = format!(
                "existing {existing}, silent at {at} and {more}, {silent:?}; {effect:?} {after} later"
            );
            let (memory, old) = store(existing);
            let uploads = route(&memory, |config| config.replace = true);
            uploads.files().recover().unwrap();
            let mut sender = Sender::new(&uploads);
            memory.crash_at(at + after, effect);
            memory.silent_at(at, more, silent);
            sender.file(1, "a", &bytes(1, 40));
            go_on(&mut sender, &bytes(1, 40));
            drop(uploads.files().open("a"));
            crashes += usize::from(memory.has_crashed());
            memory.restart();
            let uploads = route(&memory, |_| ());
            let found = read(&uploads, "a");
            assert!(found == old || found == Some(bytes(1, 40)), "{case}: {found:?}");
            assert!(!sender.is_stored(1) || found == Some(bytes(1, 40)), "{case}");
            assert_settled(&uploads, &memory);
        }
    }
    assert!(crashes > 500, "only {crashes} crashes");
}

/// Goes on with transfer 1 for as long as it can be resumed.
fn go_on(sender: &mut Sender, data: &[u8]) {
    for _ in 0..10 {
        if !sender.is_told("failed", 1, "no_answer") {
            return;
        }
        sender.text(r#"{"resume":1,"token":"00000000000000000000000000000001"}"#);
        let Some((_, bytes)) = sender.last().split_once(r#"{"resumed":1,"bytes":"#) else { continue };
        let bytes: usize = bytes.split(',').next().unwrap().parse().unwrap();
        sender.message(&later(1, &data[bytes..]));
    }
}

/// Whether the file exists, which change is not answered, how many calls after it, and what it does.
fn cases(more: [usize; 3]) -> impl Iterator<Item = (bool, usize, usize, Effect)> {
    let effects = move |existing, at, more| EFFECTS.map(|effect| (existing, at, more, effect));
    let calls = move |existing, at| more.into_iter().flat_map(move |more| effects(existing, at, more));
    [false, true].into_iter().flat_map(move |existing| (0..20).flat_map(move |at| calls(existing, at)))
}
