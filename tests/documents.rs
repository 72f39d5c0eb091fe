//! Holds documents against the code that they describe.

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
