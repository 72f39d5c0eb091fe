//! The TRNG stand-in.

use hosted::Page;
use xous::Message;
use xous_api_names::XousNames;

const GET_TRNG: usize = 0;
const FILL_TRNG: usize = 1;

#[test]
fn gives_different_words_and_survives_what_it_does_not_serve() {
    hosted::test!().run(|| {
        let names = XousNames::new().unwrap();
        let trng = names.request_connection_blocking("_TRNG manager_").unwrap();
        let words = || match xous::send_message(trng, Message::new_blocking_scalar(GET_TRNG, 2, 0, 0, 0)) {
            Ok(xous::Result::Scalar2(first, second)) => [first, second],
            other => panic!("{other:?}"),
        };
        let mut seen: Vec<usize> = (0..8).flat_map(|_| words()).collect();
        assert!(seen.iter().all(|word| u32::try_from(*word).is_ok()));
        seen.sort_unstable();
        seen.dedup();
        // Two equal ones among 16 words of 32 bits happen once in 36 million runs.
        assert_eq!(seen.len(), 16);

        let mut page = Page::new(&[7; 4096]);
        let returned = page.lend_mut(trng, FILL_TRNG, 1, 4096);
        assert_eq!(returned, Ok(xous::Result::MemoryReturned(None, None)));
        assert_eq!(page.bytes, [0; 4096]);
        page.lend(trng, FILL_TRNG, 1, 1).unwrap();
        xous::send_message(trng, Message::new_scalar(7, 0, 0, 0, 0)).unwrap();
        let answered = xous::send_message(trng, Message::new_blocking_scalar(8, 0, 0, 0, 0));
        assert_eq!(answered, Ok(xous::Result::Scalar1(0)));
        words();
    });
}
