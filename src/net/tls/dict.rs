//! All keys of a dict as roots, from every basis that is open.

use xous_api_websocket::{Tls, tls::Source};

use super::file::{File, Files, Form, failed};
use super::store;
use crate::net::{StoredFault, TlsError};
use crate::pddb::{DictPath, PathError, PddbError, SYSTEM_BASIS};

/// Bases that are looked into. A user opens a few.
const MAX_BASES: usize = 16;

/// The roots that `tls` asks for beside Mozilla's.
///
/// # Errors
/// A key that is named cannot be read, the PDDB fails, a dict is too large, or no dict has a key and nothing else is
/// trusted.
pub(super) fn roots<'a>(tls: &Tls<'a>, files: &mut Files<'_>) -> Result<Vec<File<'a>>, TlsError> {
    let mut roots = Vec::new();
    let mut dicts = Vec::new();
    for source in &tls.roots {
        match *source {
            Source::Dict { dict } => {
                all_in(dict, Form::Certificates, files, &mut roots)?;
                dicts.push(dict);
            }
            _ => roots.push(files.file(source)?),
        }
    }
    if tls.device_store {
        all_in(store::DICT, Form::Anchor, files, &mut roots)?;
        dicts.push(store::DICT);
    }
    if roots.is_empty() && !dicts.is_empty() && !tls.mozilla {
        let names = dicts.join(" and ");
        let text = format!("{names} in the PDDB: no key is there, so nobody is trusted: store a root there");
        return Err(TlsError::Stored(StoredFault::NoKey, text));
    }
    Ok(roots)
}

/// Adds the keys of this dict. A basis without such a dict has none.
fn all_in(name: &str, form: Form, files: &mut Files<'_>, found: &mut Vec<File<'_>>) -> Result<(), TlsError> {
    let failed = |error| failed(name, error);
    DictPath::new(SYSTEM_BASIS, name).map_err(|error| unnamed(name, error))?;
    files.check(name)?;
    let bases = files.pddb.bases().map_err(failed)?;
    if bases.is_empty() {
        return Err(failed(PddbError::NotMounted));
    }
    for basis in bases.iter().take(MAX_BASES) {
        let Ok(dict) = DictPath::new(basis, name) else { continue };
        files.check(name)?;
        let mut keys = match files.pddb.keys(&dict) {
            Ok(keys) => keys,
            Err(PddbError::NotFound) => continue,
            Err(error) => return Err(failed(error)),
        };
        // The same order each time, so that the same set is known again.
        keys.sort_unstable();
        for key in &keys {
            found.extend(one_of(&dict, key, form, files)?);
        }
    }
    Ok(())
}

/// This key of the dict; `None` if it is gone or cannot be named.
fn one_of<'a>(
    dict: &DictPath,
    key: &str,
    form: Form,
    files: &mut Files<'_>,
) -> Result<Option<File<'a>>, TlsError> {
    let name = format!("{dict}/{key}");
    let Ok(path) = dict.key(key) else {
        log::warn!("{name:?} in the PDDB is passed over: no path can name it");
        return Ok(None);
    };
    let mut file = match files.pddb.open(&path) {
        Ok(file) => file,
        Err(PddbError::NotFound) => return Ok(None),
        Err(error) => return Err(failed(&name, error)),
    };
    let len = usize::try_from(file.length()).unwrap_or(usize::MAX);
    let room = &mut files.listed;
    match (room.keys.checked_sub(1), room.bytes.checked_sub(len)) {
        (Some(keys), Some(bytes)) => (room.keys, room.bytes) = (keys, bytes),
        _ => return Err(too_much(dict.name())),
    }
    let mut bytes = vec![0; len];
    let read = files.fill(&name, &mut file, &mut bytes)?;
    bytes.truncate(read);
    Ok(Some(File::Listed(form, name, bytes)))
}

fn unnamed(name: &str, error: PathError) -> TlsError {
    TlsError::Settings(format!("{name:?} cannot be the name of a dict of the PDDB: {error}"))
}

fn too_much(name: &str) -> TlsError {
    let (keys, bytes) = (Source::MAX_KEYS, Source::MAX_DICT_BYTES);
    let text = format!(
        "{name} in the PDDB has too much: of dicts at most {keys} keys and {bytes} bytes are read for one request"
    );
    TlsError::Stored(StoredFault::Bad, text)
}
