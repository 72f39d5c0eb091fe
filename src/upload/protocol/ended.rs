//! Transfers of a connection that are over. Their ids stay known, so that a late message is not taken for the first
//! of another transfer.

/// How many are remembered. The oldest goes first.
const REMEMBERED: usize = 32;

/// The last transfers that ended.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// The id, and whether the sender does not know yet that the transfer is over. After a failure it has been told.
    ids: [Option<(u32, bool)>; REMEMBERED],
    next: usize,
}

impl Ended {
    /// Remembers a transfer. `news` says that its sender does not know yet that it is over.
    pub(crate) fn push(&mut self, id: u32, news: bool) {
        let known = self.ids.iter_mut().flatten().find(|(known, _)| *known == id);
        if let Some(known) = known {
            *known = (id, news);
            return;
        }
        self.ids[self.next] = Some((id, news));
        self.next = (self.next + 1) % REMEMBERED;
    }

    /// Forgets a transfer, which goes on after all.
    pub(crate) fn forget(&mut self, id: u32) {
        for known in &mut self.ids {
            if known.is_some_and(|(known, _)| known == id) {
                *known = None;
            }
        }
    }

    pub(crate) fn contains(&self, id: u32) -> bool {
        self.ids.iter().flatten().any(|(known, _)| *known == id)
    }

    /// Whether the sender has to be told that it is over. That is so only the first time.
    pub(crate) fn is_news(&mut self, id: u32) -> bool {
        let known = self.ids.iter_mut().flatten().find(|(known, _)| *known == id);
        known.is_some_and(|(_, news)| std::mem::take(news))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_remembered_and_news_is_news_once() {
        let mut ended = Ended::default();
        for id in 0..40 {
            ended.push(id, false);
            // As a transfer that is stored.
            ended.push(id, id % 2 == 0);
        }
        assert!(!ended.contains(7) && ended.contains(8) && ended.contains(39));
        assert!(ended.is_news(38) && !ended.is_news(38) && !ended.is_news(39) && !ended.is_news(99));
        ended.forget(39);
        assert!(!ended.contains(39));
        ended.push(38, true);
        assert!(ended.is_news(38));
    }
}
