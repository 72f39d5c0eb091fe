//! However the same bytes are cut and mixed, the same files are stored.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;

use super::memory::Memory;
use super::{Sender, assert_settled, files, first, later, route};

/// A file and where its messages are cut.
#[derive(Debug, Clone)]
struct Sent {
    data: Vec<u8>,
    cuts: Vec<Index>,
}

impl Sent {
    fn messages(&self, id: u32) -> Vec<Vec<u8>> {
        let mut cuts: Vec<_> = self.cuts.iter().map(|cut| cut.index(self.data.len() + 1)).collect();
        cuts.extend([0, self.data.len()]);
        cuts.sort_unstable();
        let parts = cuts.windows(2).map(|pair| &self.data[pair[0]..pair[1]]);
        let message = |(i, part): (usize, &[u8])| match i {
            0 => first(id, &format!("d{}/f{id}", id % 2), self.data.len() as u32, part),
            _ => later(id, part),
        };
        parts.enumerate().map(message).collect()
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let data = prop::collection::vec(any::<u8>(), 0..200);
    (data, prop::collection::vec(any::<Index>(), 0..5)).prop_map(|(data, cuts)| Sent { data, cuts })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_stores_the_same_files(
        sent in prop::collection::vec(sent(), 1..5),
        mix in prop::collection::vec(any::<Index>(), 64),
        chunk in 1usize..40,
        batch in 1usize..50,
    ) {
        let memory = Memory::default();
        let uploads = route(&memory, |config| config.write_batch = batch);
        let mut sender = Sender::new(&uploads);
        let mut queues: Vec<_> = sent.iter().enumerate().map(|(id, file)| file.messages(id as u32)).collect();
        for queue in &mut queues {
            queue.reverse();
        }
        let mut mix = mix.iter().cycle();
        while queues.iter().any(|queue| !queue.is_empty()) {
            let waiting: Vec<_> = (0..queues.len()).filter(|i| !queues[*i].is_empty()).collect();
            let message = queues[*mix.next().unwrap().get(&waiting)].pop().unwrap();
            sender.chunks(&message.chunks(chunk).collect::<Vec<_>>());
        }
        let expected: BTreeMap<_, _> =
            sent.iter().enumerate().map(|(id, file)| (format!("d{}/f{id}", id % 2), file.data.clone())).collect();
        prop_assert_eq!(files(&uploads), expected);
        prop_assert!((0..sent.len() as u32).all(|id| sender.is_stored(id)));
        assert_settled(&uploads, &memory);
    }

    #[test]
    fn no_bytes_do_harm(
        messages in prop::collection::vec(prop::collection::vec(prop_oneof![Just(0u8), Just(1), any::<u8>()], 0..40), 0..20),
        texts in prop::collection::vec(".{0,60}", 0..3),
        chunk in 1usize..20,
    ) {
        let memory = Memory::default();
        let uploads = route(&memory, |config| config.replace = true);
        let mut sender = Sender::new(&uploads);
        for message in &messages {
            sender.chunks(&message.chunks(chunk).collect::<Vec<_>>());
        }
        for text in &texts {
            sender.text(text);
        }
        sender.upload.gone(std::time::Duration::ZERO);
        uploads.expire(std::time::Duration::from_secs(3600));
        assert_settled(&uploads, &memory);
    }
}
