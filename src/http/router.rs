//! Paths of a port.

use super::path::{NormalPath, has_dot_segment};

/// The most routes of a port (`NoRoute`).
const MAX_ROUTES: usize = 32;
/// The longest path of a route, in bytes.
const MAX_PATH: usize = 255;

/// Routes by path. Each has a number. A number is not used again while the port is listened on, unless 65535 others
/// have come in between.
pub(crate) struct Router<T> {
    routes: Vec<Entry<T>>,
    last: u16,
}

struct Entry<T> {
    number: u16,
    path: Box<str>,
    prefix: bool,
    target: T,
}

/// Why a route is not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddError {
    /// Not a path that a request can ask for.
    Path,
    /// The path has a route.
    Exists,
    /// There are too many.
    Full,
}

impl<T> Router<T> {
    pub(crate) fn new() -> Self {
        Router { routes: Vec::new(), last: 0 }
    }

    /// Adds a route. Returns its number, which is never 0.
    pub(crate) fn add(&mut self, path: &str, prefix: bool, target: T) -> Result<u16, AddError> {
        if !is_path(path) {
            return Err(AddError::Path);
        }
        let path = NormalPath::of(path).as_str().into();
        if self.routes.iter().any(|route| route.path == path && route.prefix == prefix) {
            return Err(AddError::Exists);
        }
        if self.routes.len() >= MAX_ROUTES {
            return Err(AddError::Full);
        }
        while self.last == 0 || self.routes.iter().any(|route| route.number == self.last) {
            self.last = self.last.wrapping_add(1);
        }
        let number = self.last;
        self.last = self.last.wrapping_add(1);
        self.routes.push(Entry { number, path, prefix, target });
        Ok(number)
    }

    /// The route of a request's path: the exact one, or else the longest prefix.
    pub(crate) fn find(&self, path: &NormalPath<'_>) -> Option<(u16, &T)> {
        let path = path.as_str();
        let exact = self.routes.iter().find(|route| !route.prefix && *route.path == *path);
        let route = exact.or_else(|| {
            let prefixes = self.routes.iter().filter(|route| route.prefix && path.starts_with(&*route.path));
            prefixes.max_by_key(|route| route.path.len())
        })?;
        Some((route.number, &route.target))
    }

    /// Where the prefixes lead of which a route with this path would be a part.
    pub(crate) fn prefixes_of(&self, path: &str) -> impl Iterator<Item = &T> {
        let path = NormalPath::of(path).as_str().to_owned();
        let prefixes = self.routes.iter().filter(move |route| route.prefix && path.starts_with(&*route.path));
        prefixes.map(|route| &route.target)
    }

    /// Where the routes lead.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &T> {
        self.routes.iter().map(|route| &route.target)
    }

    /// Keeps the routes for which `keep` returns true. Returns how many went.
    pub(crate) fn retain(&mut self, keep: impl Fn(u16, &T) -> bool) -> usize {
        let before = self.routes.len();
        self.routes.retain(|route| keep(route.number, &route.target));
        before - self.routes.len()
    }
}

fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && path.len() <= MAX_PATH
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?' && byte != b'#')
        && !has_dot_segment(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_path_goes_before_the_longest_prefix() {
        let mut router = Router::new();
        for (path, prefix) in [("/", true), ("/a/", true), ("/a/b", true), ("/a/b", false)] {
            router.add(path, prefix, (path, prefix)).unwrap();
        }
        let found = |path| router.find(&NormalPath::of(path)).map(|(_, target)| *target);
        assert_eq!(found("/a/b"), Some(("/a/b", false)));
        assert_eq!(found("/a/bc"), Some(("/a/b", true)));
        assert_eq!(found("/a/x"), Some(("/a/", true)));
        assert_eq!(found("/x"), Some(("/", true)));
        assert_eq!(found("*"), None);
    }

    #[test]
    fn paths_that_no_request_can_ask_for_are_refused() {
        let mut router = Router::new();
        for path in ["", "a", "/a b", "/a?b", "/a#b", "/..", "/a/../b", "/a/%2e%2E", "/a/./b", "/ä", "/\r\n"]
        {
            assert_eq!(router.add(path, false, ()), Err(AddError::Path), "{path:?}");
        }
        assert_eq!(router.add(&format!("/{}", "x".repeat(255)), false, ()), Err(AddError::Path));
        assert!(router.add("/a..b/...", false, ()).is_ok());
    }

    #[test]
    fn a_path_has_one_route_and_a_number_of_its_own() {
        let mut router = Router::new();
        let first = router.add("/a", false, 1).unwrap();
        assert_eq!(router.add("/a", false, 2), Err(AddError::Exists));
        assert_eq!(router.retain(|number, _| number != first), 1);
        assert_ne!(router.add("/a", false, 3).unwrap(), first);
        for i in 1..MAX_ROUTES {
            router.add(&format!("/{i}"), false, 0).unwrap();
        }
        assert_eq!(router.add("/full", false, 0), Err(AddError::Full));
    }

    /// RFC 3986 section 6.2.2.
    #[test]
    fn a_path_is_the_same_however_it_is_spelled() {
        let mut router = Router::new();
        router.add("/echo", false, 1).unwrap();
        router.add("/%7euser/%c3%a4", true, 2).unwrap();
        assert_eq!(router.add("/%65cho", false, 3), Err(AddError::Exists));
        let found = |path| router.find(&NormalPath::of(path)).map(|(_, target)| *target);
        assert_eq!((found("/%65cho"), found("/%65%63%68%6F"), found("/Echo")), (Some(1), Some(1), None));
        assert_eq!((found("/~user/%C3%A4/x"), found("/~user/%C3")), (Some(2), None));
        assert_eq!(found("%2Fecho"), None, "it is no slash");
    }
}
