//! The parts parser on any bytes, as the fuzz target `upload_parts` feeds it.

#[path = "support/parts.rs"]
mod parts;

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cuts_make_no_difference(data in prop::collection::vec(prop_oneof![Just(0u8), 1u8..12, any::<u8>()], 0..300)) {
        parts::check(&data);
    }
}
