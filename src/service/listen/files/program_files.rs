//! Files of a dict, for the program whose route leads there: lists, pieces, and deletions. A worker waits for the database.

use std::ops::ControlFlow;
use std::sync::Arc;

use xous_api_websocket::Code;

use super::file_stores::ServiceStore;
use crate::service::message::Lent;
use crate::upload::{Event, Files, RemoveError, StoreError, What};

/// What is asked for, in `offset`.
const LIST: usize = 1;
const READ: usize = 2;
const DELETE: usize = 3;

/// u32 number, u16 length and dict, u16 length and name.
pub(in super::super) struct Asked<'a> {
    number: u32,
    pub(in super::super) dict: &'a str,
    name: &'a str,
}

impl<'a> Asked<'a> {
    /// Reads it; `None` if the page holds something else.
    pub(in super::super) fn parse(page: &'a [u8]) -> Option<Self> {
        let (number, rest) = page.split_first_chunk()?;
        let (dict, rest) = text(rest)?;
        let (name, _) = text(rest)?;
        Some(Asked { number: u32::from_le_bytes(*number), dict, name })
    }
}

fn text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    let (text, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

/// Does what a page asks for; how many bytes of it are the answer.
pub(in super::super) fn serve(files: &Arc<Files<ServiceStore>>, page: &mut Lent) -> Result<usize, Code> {
    let asked = page.data().and_then(Asked::parse);
    let done = asked.map(|asked| (page.offset(), asked.number, asked.name.to_owned()));
    match done {
        Some((LIST, number, _)) => list(files, number, page.pages_mut()),
        Some((READ, number, name)) => read(files, &name, number, page.pages_mut()),
        Some((DELETE, _, name)) => delete(files, &name),
        _ => Err(Code::Malformed),
    }
}

/// The files from a number on: length and name of each.
fn list(files: &Files<ServiceStore>, from: u32, page: &mut [u8]) -> Result<usize, Code> {
    let (mut number, mut at) = (0u32, 0);
    let each = |entry: crate::upload::FileEntry| {
        let is_wanted = number >= from;
        number = number.saturating_add(1);
        if !is_wanted {
            return ControlFlow::Continue(());
        }
        let length = u32::try_from(entry.length).unwrap_or(u32::MAX).to_le_bytes();
        // Names have a few hundred bytes.
        let name = (entry.name.len() as u16).to_le_bytes();
        let bytes = [&length[..], &name, entry.name.as_bytes()].concat();
        match page.get_mut(at..at + bytes.len()) {
            Some(space) => space.copy_from_slice(&bytes),
            None => return ControlFlow::Break(()),
        }
        at += bytes.len();
        ControlFlow::Continue(())
    };
    files.list(each).map_err(code)?;
    Ok(at)
}

fn read(files: &Files<ServiceStore>, name: &str, from: u32, page: &mut [u8]) -> Result<usize, Code> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = files.open(name).map_err(code)?;
    file.seek(SeekFrom::Start(from.into())).map_err(|_| Code::PddbFailed)?;
    let mut len = 0;
    while len < page.len() {
        match file.read(&mut page[len..]) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(_) => return Err(Code::PddbFailed),
        }
    }
    Ok(len)
}

fn delete(files: &Files<ServiceStore>, name: &str) -> Result<usize, Code> {
    let mut deleted = 0;
    let removed = files.remove(name, |_, length| {
        deleted = u32::try_from(length).unwrap_or(u32::MAX);
        true
    });
    match removed {
        Ok(()) => {
            files.tell(Event { what: What::Deleted, name, who: "", length: deleted });
            Ok(0)
        }
        Err(RemoveError::Busy | RemoveError::Changed) => Err(Code::FileBusy),
        Err(RemoveError::Store(error)) => Err(code(error)),
    }
}

fn code(error: StoreError) -> Code {
    match error {
        StoreError::NotFound => Code::NoFile,
        StoreError::Unmounted => Code::NoPddb,
        StoreError::Exists | StoreError::Full | StoreError::NoAnswer | StoreError::Failed => Code::PddbFailed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_or_is_none() {
        let page = [&7u32.to_le_bytes()[..], b"\x01\0d", b"\x03\0a/b"].concat();
        let asked = Asked::parse(&page).unwrap();
        assert_eq!((asked.number, asked.dict, asked.name), (7, "d", "a/b"));
        assert!((0..page.len()).all(|cut| Asked::parse(&page[..cut]).is_none()));
    }
}
