//! Holds documents against the code that they describe.

use std::path::Path;

use xous_api_websocket::Code;

/// Where it is published, the client crate is a package of its own.
#[test]
fn the_package_of_the_client_crate_has_the_licences() {
    assert!(include_str!("../api/LICENSE-MIT") == include_str!("../LICENSE-MIT"));
    assert!(include_str!("../api/LICENSE-APACHE") == include_str!("../LICENSE-APACHE"));
}

/// The README says it to people, and cargo to compilers.
#[test]
fn the_oldest_compiler_is_named_where_people_look() {
    let version = env!("CARGO_PKG_RUST_VERSION");
    for (name, text) in [
        ("api/README.md", include_str!("../api/README.md")),
        ("CONTRIBUTING.md", include_str!("../CONTRIBUTING.md")),
    ] {
        assert!(text.contains(&format!("Rust {version} or later")), "{name} does not name Rust {version}");
    }
}

#[test]
fn the_table_of_codes_has_each_with_its_text() {
    let documented = include_str!("../docs/codes.md").lines();
    let documented: Vec<_> = documented.filter(|line| line.starts_with("| `")).collect();
    let codes = (0..=255).filter_map(num_traits::FromPrimitive::from_u8);
    let rows: Vec<_> = codes
        .map(|code: Code| {
            let again = if code.is_transient() { "yes" } else { "no" };
            format!("| `{code:?}` | {} | {code} | {again} |", code as u8)
        })
        .collect();
    assert_eq!(documented, rows);
}

/// Each row of a table whose last column is "test" names tests, and they are there.
#[test]
fn the_tables_of_uploads_name_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    ["src/upload", "src/pddb", "tests/upload", "tests"]
        .iter()
        .for_each(|part| read(&root.join(part), &mut sources));
    let document = std::fs::read_to_string(root.join("docs/upload.md")).unwrap();
    let mut rows = 0;
    let mut is_tested = false;
    for line in document.lines() {
        let Some(cells) = line.strip_prefix("| ") else {
            is_tested &= line.starts_with("|");
            continue;
        };
        let last = cells.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        if matches!(last, "test" | "test of that") {
            is_tested = true;
        } else if is_tested {
            rows += 1;
            let names: Vec<_> = last.split('`').skip(1).step_by(2).collect();
            assert!(!names.is_empty(), "no test: {line}");
            for name in names {
                assert!(sources.contains(&format!("fn {name}()")), "{name} is not there");
            }
        }
    }
    assert!(rows > 30, "only {rows} rows");
}

/// Adds the sources in a directory and below.
fn read(directory: &Path, sources: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && directory.file_name() != Some("tests".as_ref()) {
            read(&path, sources);
        } else if path.extension() == Some("rs".as_ref()) {
            *sources += &std::fs::read_to_string(path).unwrap();
        }
    }
}
