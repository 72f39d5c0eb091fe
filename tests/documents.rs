//! Holds documents against the code that they describe.

use xous_api_websocket::Code;

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
