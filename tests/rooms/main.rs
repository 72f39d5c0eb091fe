//! Imports point one way, as `docs/architecture.md` says: from layer to layer, and from room to room in the service and in
//! the crate that programs link.

mod imports;

use std::collections::BTreeSet;
use std::path::Path;

use imports::{Imports, Module};

/// Files and folders of `src/`. Each imports from those before it only.
const LAYERS: [&str; 13] = [
    "sync",
    "proto",
    "entropy",
    "platform",
    "clock",
    "starting",
    "http",
    "pddb",
    "net",
    "upload",
    "service",
    "in_process",
    "main",
];

/// Those of `src/service/`, likewise. What is not listed stands above them.
const ROOMS: [&str; 5] = ["limits", "thread", "message", "connection", "listen"];

/// A room, and the rooms within it that stand below its files and above them.
type Within = (&'static str, &'static [&'static str], &'static [&'static str]);

/// Those of the service. What is in none of them stands between; `listen/uploads` does, too.
const WITHIN: [Within; 2] = [("listen", &["admission", "files"], &[]), ("connection", &[], &["opening"])];

/// Rooms of `api/src/`, likewise. What is not listed there is imported from by all and by nobody in a circle.
const CLIENT: [&str; 6] = ["link", "messages", "push", "connection", "serve", "sender"];

/// The only files that import each other: a handle, and what it belongs to.
const HANDLES: [[&str; 2]; 2] = [["pddb/client", "pddb/file"], ["upload/files/files", "upload/files/reader"]];

/// Every file of the service with every file that it imports from.
fn arrows() -> BTreeSet<(Module, Module)> {
    arrows_of("src", [("service/connection/writer", "proto/encode"), ("net/tls/file", "pddb/client")])
}

/// The same of the crate that programs link.
fn client_arrows() -> BTreeSet<(Module, Module)> {
    arrows_of("api/src", [("connection/websocket", "link/link"), ("open/heartbeat", "kind")])
}

/// Those of a directory, among them some that are `known`.
fn arrows_of(directory: &str, known: [(&str, &str); 2]) -> BTreeSet<(Module, Module)> {
    let arrows = Imports::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)).arrows();
    for (from, to) in known {
        assert!(arrows.contains(&(module(from), module(to))), "{from} -> {to} is not seen");
    }
    arrows
}

fn module(path: &str) -> Module {
    path.split('/').map(str::to_owned).collect()
}

#[test]
fn layers_import_from_those_below() {
    let level = |module: &Module| match module.first() {
        // The library itself, which names what others may use.
        None => LAYERS.len(),
        Some(name) => {
            LAYERS.iter().position(|layer| layer == name).unwrap_or_else(|| panic!("{name}: no layer"))
        }
    };
    assert_downwards(arrows(), level);
}

#[test]
fn rooms_of_the_service_import_from_those_below() {
    let level = |module: &Module| match module.get(1) {
        // The service itself, which puts the rooms together.
        None => ROOMS.len() + 1,
        Some(name) => ROOMS.iter().position(|room| room == name).unwrap_or(ROOMS.len()),
    };
    let service = |module: &Module| module.first().is_some_and(|layer| layer == "service");
    let within = arrows().into_iter().filter(|(from, to)| service(from) && service(to));
    assert_downwards(within, level);
}

#[test]
fn rooms_within_a_room_stand_below_or_above_its_files() {
    for (room, below, above) in WITHIN {
        let level = |module: &Module| match module.get(2).map(String::as_str) {
            // The room itself, which puts them together.
            None => 3,
            Some(name) if above.contains(&name) => 2,
            Some(name) if below.contains(&name) => 0,
            Some(_) => 1,
        };
        let is_in = |module: &Module| module.starts_with(&["service".to_owned(), room.to_owned()]);
        let within: Vec<_> = arrows().into_iter().filter(|(from, to)| is_in(from) && is_in(to)).collect();
        for name in below.iter().chain(above) {
            assert!(within.iter().any(|(from, _)| from.get(2).is_some_and(|part| part == name)), "{name}");
        }
        assert_downwards(within, level);
    }
}

fn assert_downwards(arrows: impl IntoIterator<Item = (Module, Module)>, level: impl Fn(&Module) -> usize) {
    let upward = arrows.into_iter().filter(|(from, to)| level(from) < level(to));
    let upward: Vec<String> =
        upward.map(|(from, to)| format!("{} -> {}", from.join("/"), to.join("/"))).collect();
    assert!(upward.is_empty(), "upward: {upward:#?}");
}

#[test]
fn rooms_of_the_client_crate_import_from_those_below() {
    let level =
        |module: &Module| CLIENT.iter().position(|room| module.first().is_some_and(|name| name == room));
    let listed =
        client_arrows().into_iter().filter(|(from, to)| level(from).is_some() && level(to).is_some());
    assert_downwards(listed, |module| level(module).unwrap_or_default());
}

#[test]
fn only_a_handle_and_its_owner_import_each_other() {
    let handles = HANDLES.map(|pair| pair.map(str::to_owned));
    assert_eq!(circles(&arrows()), BTreeSet::from(handles));
    assert_eq!(circles(&client_arrows()), BTreeSet::new());
}

/// Files that import from each other, over others or at once.
fn circles(arrows: &BTreeSet<(Module, Module)>) -> BTreeSet<[String; 2]> {
    let mut circles = BTreeSet::new();
    for (from, to) in arrows {
        if reachable(arrows, to).contains(from) {
            let mut pair = [from.join("/"), to.join("/")];
            pair.sort();
            circles.insert(pair);
        }
    }
    circles
}

/// What a module imports, and what that imports, and so on.
fn reachable(arrows: &BTreeSet<(Module, Module)>, from: &Module) -> BTreeSet<Module> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from.clone()];
    while let Some(module) = next.pop() {
        let targets = arrows.iter().filter(|(from, _)| *from == module).map(|(_, to)| to);
        let new: Vec<Module> = targets.filter(|to| !reached.contains(*to)).cloned().collect();
        reached.extend(new.iter().cloned());
        next.extend(new);
    }
    reached
}
