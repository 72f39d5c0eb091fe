//! Files that come to a port's upload routes, and those that a port serves.
//!
//! ```text
//! upload: what a route takes      events: what a program learns of each file
//! stored: the files of a dict     script: the page's side
//! ```

pub(crate) mod events;
pub(crate) mod script;
pub(crate) mod stored;
pub(crate) mod upload;

pub use events::{FileChange, FileEvent};
pub use script::UPLOAD_SCRIPT;
pub use stored::{Files, StoredFile};
pub use upload::Upload;
