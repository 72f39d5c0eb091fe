//! What programs ask about files: events, decisions, and the files of their routes.

use std::sync::Arc;

use xous_api_websocket::Code;

use super::files::file_stores::ServiceStore;
use super::files::program_files::{self, Asked};
use super::listeners::{Listener, router};
use super::target::Target;
use crate::service::message::Lent;
use crate::upload::Files;

impl Listener {
    /// Keeps a page for the next event about a file.
    pub(crate) fn file_event(&self, page: Lent) {
        self.events.park(page);
    }

    /// Decides about a file.
    ///
    /// # Errors
    /// `Closed` if nobody waits for that.
    pub(crate) fn decide_file(&self, number: usize, takes: bool) -> Result<(), Code> {
        let number = u32::try_from(number).unwrap_or(0);
        if self.events.decide(number, takes) { Ok(()) } else { Err(Code::Closed) }
    }

    /// Has a worker do something with files that a route leads to.
    pub(crate) fn files(&self, page: Lent) {
        if !page.is_writable() {
            return page.answer(Code::Malformed as usize, 0);
        }
        let Some(asked) = page.data().and_then(Asked::parse) else {
            return page.answer(Code::Malformed as usize, 0);
        };
        let Some(files) = self.files_in(asked.dict) else {
            return page.answer(Code::NotPermitted as usize, 0);
        };
        self.shared.looks.run(self.owner, page, move |mut page, place| {
            let result = program_files::serve(&files, &mut page);
            drop(place);
            match result {
                Ok(len) => page.answer(0, len),
                Err(code) => page.answer(code as usize, 0),
            }
        });
    }

    /// Those that a route of this listener leads to.
    fn files_in(&self, dict: &str) -> Option<Arc<Files<ServiceStore>>> {
        let router = router(&self.port);
        let own = router.targets().filter(|target| target.listener == self.handle);
        own.filter_map(Target::files).find(|files| files.dict().name() == dict).cloned()
    }
}
