//! Which file of `src/` imports from which. Re-exports are followed to the file that has the item.
//!
//! Reads `use` declarations, and paths in the code that begin with `crate` or `super`. Unit tests at the end of a file
//! and files of tests are left out, as they may look anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A module's path below the crate: empty for the crate itself.
pub(crate) type Module = Vec<String>;

/// The arrows from module to module.
pub(crate) struct Imports {
    sources: BTreeMap<Module, Source>,
}

/// What a file says.
struct Source {
    /// Paths that it uses, as written.
    used: Vec<Vec<String>>,
    /// Names that it passes on, and where they come from, as written.
    reexports: BTreeMap<String, Vec<String>>,
}

impl Imports {
    /// Reads all files below a directory.
    pub(crate) fn read(root: &Path) -> Self {
        let mut sources = BTreeMap::new();
        read_directory(root, &Vec::new(), &mut sources);
        Imports { sources }
    }

    /// Every arrow once. What a module does not have itself is no arrow: it is another crate's.
    pub(crate) fn arrows(&self) -> BTreeSet<(Module, Module)> {
        let mut arrows = BTreeSet::new();
        for (module, source) in &self.sources {
            for path in &source.used {
                if let Some(target) = self.resolve(module, path).filter(|target| target != module) {
                    arrows.insert((module.clone(), target));
                }
            }
        }
        arrows
    }

    /// The module that has what `path` names in `from`; `None` if that is not in this crate.
    fn resolve(&self, from: &Module, path: &[String]) -> Option<Module> {
        let mut module = from.clone();
        let mut rest = path;
        while let Some((first, behind)) = rest.split_first() {
            match first.as_str() {
                "crate" => module.clear(),
                "super" => drop(module.pop()?),
                "self" => (),
                _ => break,
            }
            rest = behind;
        }
        let is_local = rest.len() < path.len();
        let before = rest.len();
        while let Some((first, behind)) = rest.split_first() {
            let mut child = module.clone();
            child.push(first.clone());
            if !self.sources.contains_key(&child) {
                break;
            }
            (module, rest) = (child, behind);
        }
        if !is_local && rest.len() == before {
            return None;
        }
        match rest.first().and_then(|item| self.sources.get(&module)?.reexports.get(item)) {
            Some(elsewhere) => self.resolve(&module, elsewhere),
            None => Some(module),
        }
    }
}

fn read_directory(directory: &Path, module: &Module, sources: &mut BTreeMap<Module, Source>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut child = module.clone();
        if !matches!(&*name, "mod" | "lib") {
            child.push(name.clone());
        }
        if ["tests", "interleavings", "model"].contains(&&*name) {
            continue;
        }
        if path.is_dir() {
            read_directory(&path, &child, sources);
        } else {
            sources.insert(child, Source::parse(&fs::read_to_string(&path).unwrap()));
        }
    }
}

impl Source {
    fn parse(text: &str) -> Self {
        let text = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
        let mut source = Source { used: Vec::new(), reexports: BTreeMap::new() };
        let mut lines = text.lines().map(str::trim).filter(|line| !line.starts_with("//"));
        while let Some(line) = lines.next() {
            let Some((visibility, tree)) = declaration(line) else {
                source.paths_in(line);
                continue;
            };
            let mut tree = tree.to_owned();
            while !tree.ends_with(';') {
                tree.push_str(lines.next().expect("a declaration ends"));
            }
            let mut paths = Vec::new();
            expand(&[], tree.trim_end_matches(';'), &mut paths);
            for (path, name) in paths {
                if visibility.is_empty() {
                    source.used.push(path);
                } else {
                    source.reexports.insert(name, path);
                }
            }
        }
        source
    }

    /// Paths in a line of code.
    fn paths_in(&mut self, line: &str) {
        for start in ["crate::", "super::"] {
            for (at, _) in line.match_indices(start) {
                let before = &line[..at];
                if before.ends_with("in ") || before.ends_with(|char: char| is_path(char) || char == '$') {
                    continue;
                }
                self.used.push(segments(line[at..].split(|char| !is_path(char)).next().unwrap_or_default()));
            }
        }
    }
}

/// The visibility of a `use` declaration that begins here, and its tree.
fn declaration(line: &str) -> Option<(&str, &str)> {
    let (visibility, tree) = line.split_once("use ")?;
    let is_visibility =
        visibility.is_empty() || visibility.starts_with("pub") && !visibility.contains(['{', '=']);
    is_visibility.then_some((visibility, tree))
}

fn is_path(char: char) -> bool {
    char.is_alphanumeric() || char == '_' || char == ':'
}

/// All paths of a `use` tree, each with the name that it gets.
fn expand(prefix: &[String], tree: &str, paths: &mut Vec<(Vec<String>, String)>) {
    let tree = tree.trim();
    let Some((before, group)) = tree.split_once('{') else {
        if tree == "self" {
            let Some(last) = prefix.last() else { return };
            return paths.push((prefix.to_vec(), last.clone()));
        }
        let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias)));
        let path = [prefix, &segments(path)].concat();
        let Some(last) = path.last() else { return };
        let name = alias.unwrap_or(last).to_owned();
        return paths.push((path, name));
    };
    let prefix = [prefix, &segments(before)].concat();
    let group = group.strip_suffix('}').unwrap_or(group);
    let mut depth = 0;
    let parts = group.split(|char| {
        depth += i32::from(char == '{') - i32::from(char == '}');
        char == ',' && depth == 0
    });
    for part in parts.filter(|part| !part.trim().is_empty()) {
        expand(&prefix, part, paths);
    }
}

fn segments(path: &str) -> Vec<String> {
    path.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[test]
fn use_trees_are_expanded() {
    let source = Source::parse(
        "//! use crate::no;\nuse super::a::{B, c::{self, D as E}};\npub(crate) use f::G;\nfn h() {\ncrate::i::j();\n}\n\
         #[cfg(test)]\nmod tests {\nuse crate::not_this;\n}\n",
    );
    let used: Vec<String> = source.used.iter().map(|path| path.join("::")).collect();
    assert_eq!(used, ["super::a::B", "super::a::c", "super::a::c::D", "crate::i::j"]);
    assert_eq!(source.reexports["G"], ["f", "G"]);
}
