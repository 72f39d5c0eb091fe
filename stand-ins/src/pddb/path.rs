//! Paths as the real server splits them in hosted mode: `:` ends the basis, the last `/` stands before the key.

use super::{BASIS, Code};

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// As the path names it.
    pub(super) basis: Option<String>,
    pub(super) dict: String,
    pub(super) key: String,
}

/// Splits the path of a key; what a path is refused with that is invalid, or has no dict.
pub(super) fn split(path: &str, invalid: Code, no_dict: Code) -> Result<Place, Code> {
    let (basis, rest) = basis_and_rest(path).ok_or(invalid)?;
    let rest = rest.ok_or(no_dict)?;
    let (dict, key) = rest.rsplit_once('/').ok_or(Code::AccessDenied)?;
    Ok(Place { basis, dict: dict.to_owned(), key: key.to_owned() })
}

/// Splits the path of a dict.
pub(super) fn list_place(path: &str) -> Result<(Option<String>, String), Code> {
    let (basis, rest) = basis_and_rest(path).ok_or(Code::InternalError)?;
    Ok((basis, rest.ok_or(Code::InternalError)?))
}

/// `:basis:rest`, `::rest` in the latest basis, `:basis`, or `rest` alone; `None` for anything that ends in `:`.
fn basis_and_rest(path: &str) -> Option<(Option<String>, Option<String>)> {
    let owned = |part: &str| (!part.is_empty()).then(|| part.to_owned());
    let (basis, rest) = match path.strip_prefix(':') {
        None => (None, Some(path.to_owned())),
        Some(path) => match path.split_once(':') {
            Some((basis, rest)) => (Some(owned(basis).unwrap_or_else(|| BASIS.to_owned())), owned(rest)),
            None => (owned(path), None),
        },
    };
    let ends_in_colon = |part: &Option<String>| part.as_ref().is_some_and(|part| part.ends_with(':'));
    (!ends_in_colon(&basis) && !ends_in_colon(&rest)).then_some((basis, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_basis_dict_and_key() {
        let place =
            |path| split(path, Code::BasisLost, Code::InternalError).map(|place| (place.dict, place.key));
        assert_eq!(place(":.System:a/b/c"), Ok(("a/b".into(), "c".into())));
        assert_eq!(place("a/b"), Ok(("a".into(), "b".into())));
        assert_eq!(place("a:b"), Err(Code::AccessDenied));
        assert_eq!(place("a/b:"), Err(Code::BasisLost));
        assert_eq!(place(":.System"), Err(Code::InternalError));
        assert_eq!(split("::a/b", Code::BasisLost, Code::BasisLost).unwrap().basis.as_deref(), Some(BASIS));
        assert_eq!(split("a/b", Code::BasisLost, Code::BasisLost).unwrap().basis, None);
    }
}
