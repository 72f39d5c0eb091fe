//! Cut off at every single change: after a restart each file is whole or absent.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::memory::{Effect, Memory};
use super::{Sender, assert_settled, bytes, files, first, later, route};
use crate::upload::Uploads;

/// What a file may be after a crash: one of these, or absent if `None` is among them.
type Allowed = BTreeMap<&'static str, Vec<Option<Vec<u8>>>>;

/// A store to begin with, what is done to it, and what may come of it.
struct Scenario {
    before: Vec<(&'static str, Vec<u8>)>,
    run: fn(&Arc<Uploads<Memory>>) -> Sender,
    allowed: Allowed,
    /// Ids and what they are: what was told to be stored is.
    stored: Vec<(u32, &'static str, Vec<u8>)>,
}

fn scenarios() -> Vec<Scenario> {
    let old = || vec![("uploads/a", bytes(9, 50))];
    let either = |name, old: Option<Vec<u8>>, new: Vec<u8>| (name, vec![old, Some(new)]);
    vec![
        Scenario {
            before: vec![],
            run: |uploads| {
                let mut sender = Sender::new(uploads);
                sender.file(1, "a", &bytes(1, 40));
                sender
            },
            allowed: [either("a", None, bytes(1, 40))].into(),
            stored: vec![(1, "a", bytes(1, 40))],
        },
        Scenario {
            before: vec![],
            run: |uploads| {
                let mut sender = Sender::new(uploads);
                sender.file(1, "below/a", b"");
                sender
            },
            allowed: [either("below/a", None, vec![])].into(),
            stored: vec![(1, "below/a", vec![])],
        },
        Scenario {
            before: old(),
            run: |uploads| {
                let mut sender = Sender::new(uploads);
                sender.file(1, "a", &bytes(1, 40));
                sender
            },
            allowed: [either("a", Some(bytes(9, 50)), bytes(1, 40))].into(),
            stored: vec![(1, "a", bytes(1, 40))],
        },
        // Interleaved: a new one, a replacement that is cancelled, and one more behind them.
        Scenario {
            before: old(),
            run: |uploads| {
                let mut sender = Sender::new(uploads);
                sender.message(&first(1, "b", 40, &bytes(1, 20)));
                sender.message(&first(2, "a", 40, &bytes(2, 20)));
                sender.message(&later(1, &bytes(1, 40)[20..]));
                sender.text(r#"{"cancel":2}"#);
                sender.file(3, "c", &bytes(3, 5));
                sender
            },
            allowed: [
                ("a", vec![Some(bytes(9, 50))]),
                either("b", None, bytes(1, 40)),
                either("c", None, bytes(3, 5)),
            ]
            .into(),
            stored: vec![(1, "b", bytes(1, 40)), (3, "c", bytes(3, 5))],
        },
        // Two new ones side by side, with names of one length: one cancelled, one left behind.
        Scenario {
            before: vec![],
            run: |uploads| {
                let mut sender = Sender::new(uploads);
                sender.message(&first(1, "a", 40, &bytes(1, 33)));
                sender.message(&first(2, "b", 40, &bytes(2, 33)));
                sender.text(r#"{"cancel":1}"#);
                sender.file(3, "c", &bytes(3, 5));
                sender
            },
            allowed: [("a", vec![None]), ("b", vec![None]), either("c", None, bytes(3, 5))].into(),
            stored: vec![(3, "c", bytes(3, 5))],
        },
        // Without room for all of it, and with it again: a new file and a replacement.
        Scenario {
            before: old(),
            run: |uploads| {
                let mut sender = Sender::new(uploads);
                uploads.files().store.set_capacity(300);
                sender.file(1, "b", &bytes(1, 400));
                sender.file(2, "a", &bytes(2, 400));
                uploads.files().store.set_capacity(10_000);
                sender.file(3, "c", &bytes(3, 40));
                sender
            },
            allowed: [("a", vec![Some(bytes(9, 50))]), ("b", vec![None]), either("c", None, bytes(3, 40))]
                .into(),
            stored: vec![(3, "c", bytes(3, 40))],
        },
        // Locked in the middle of both, and opened again.
        Scenario {
            before: old(),
            run: |uploads| {
                let mut sender = Sender::new(uploads);
                sender.message(&first(1, "b", 40, &bytes(1, 20)));
                sender.message(&first(2, "a", 40, &bytes(2, 20)));
                uploads.files().store.set_unmounted(true);
                sender.message(&later(1, &bytes(1, 40)[20..]));
                sender.message(&later(2, &bytes(2, 40)[20..]));
                uploads.files().store.set_unmounted(false);
                sender.file(3, "b", &bytes(3, 5));
                sender
            },
            allowed: [("a", vec![Some(bytes(9, 50))]), either("b", None, bytes(3, 5))].into(),
            stored: vec![(3, "b", bytes(3, 5))],
        },
        // A replacement that has to wait for a reader, and a second one after it.
        Scenario {
            before: old(),
            run: |uploads| {
                let reader = uploads.files().open("a");
                let mut sender = Sender::new(uploads);
                sender.file(1, "a", &bytes(1, 40));
                drop(reader);
                sender.file(2, "a", &bytes(2, 30));
                sender
            },
            allowed: [("a", vec![Some(bytes(9, 50)), Some(bytes(1, 40)), Some(bytes(2, 30))])].into(),
            stored: vec![(2, "a", bytes(2, 30))],
        },
        // Two that are deleted, one of them as soon as it has come, and a third in the place of one.
        Scenario {
            before: old(),
            run: |uploads| {
                let files = uploads.files();
                let mut sender = Sender::new(uploads);
                files.remove("a", |_, length| length == 50).ok();
                sender.file(1, "b", &bytes(1, 40));
                let removed = files.remove("b", |_, _| true);
                sender.file(2, "a", &bytes(2, 30));
                assert!(removed.is_err() || files.open("b").is_err());
                sender
            },
            allowed: [
                ("a", vec![Some(bytes(9, 50)), None, Some(bytes(2, 30))]),
                either("b", None, bytes(1, 40)),
            ]
            .into(),
            stored: vec![(2, "a", bytes(2, 30))],
        },
    ]
}

fn store(scenario: &Scenario) -> Memory {
    let memory = Memory::default();
    for (key, data) in &scenario.before {
        memory.put(key, data);
    }
    memory
}

fn replacing(memory: &Memory) -> Arc<Uploads<Memory>> {
    route(memory, |config| config.replace = true)
}

/// The store is as the scenario allows, and clean.
fn check(scenario: &Scenario, told: &Sender, memory: &Memory, case: &str) {
    let uploads = replacing(memory);
    let found = files(&uploads);
    for (name, allowed) in &scenario.allowed {
        assert!(allowed.contains(&found.get(*name).cloned()), "{case}: {name} is {:?}", found.get(*name));
    }
    assert!(
        found.keys().all(|name| scenario.allowed.contains_key(name.as_str())),
        "{case}: {:?}",
        found.keys()
    );
    for (id, name, data) in &scenario.stored {
        assert!(!told.is_stored(*id) || found.get(*name) == Some(data), "{case}: {id} was told to be stored");
    }
    assert_settled(&uploads, memory);
}

#[test]
fn every_crash_leaves_files_whole_or_absent_and_every_crash_of_the_recovery_too() {
    let mut crashes = 0;
    for (number, scenario) in scenarios().iter().enumerate() {
        for (at, effect) in (0..).flat_map(|at| Effect::EACH.map(|effect| (at, effect))) {
            let memory = store(scenario);
            memory.crash_at(at, effect);
            let sender = (scenario.run)(&replacing(&memory));
            if !memory.has_crashed() {
                assert!(scenario.stored.iter().all(|(id, ..)| sender.is_stored(*id)), "nothing went wrong");
                break;
            }
            memory.restart();
            crashes += 1;
            check(scenario, &sender, &memory.fork(), &format!("scenario {number}, change {at}, {effect:?}"));
            for (again, part) in (0..).flat_map(|again| Effect::EACH.map(|part| (again, part))) {
                let memory = memory.fork();
                memory.crash_at(again, part);
                replacing(&memory).files().recover().ok();
                if !memory.has_crashed() {
                    break;
                }
                memory.restart();
                crashes += 1;
                let case = format!("scenario {number}, changes {at}, {again}, {effect:?}, {part:?}");
                check(scenario, &sender, &memory, &case);
            }
        }
    }
    assert!(crashes > 500, "only {crashes} crashes");
}
