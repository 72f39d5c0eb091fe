//! Files that come to a port's upload routes, and files of the device's database that a port serves.
//!
//! [`Upload`] says what a route takes. [`Listener::file_event`](crate::Listener::file_event) returns a [`FileEvent`] for
//! each step of a file that comes, and [`Listener::files`](crate::Listener::files) the [`Files`] that are stored.
//! [`UPLOAD_SCRIPT`] sends files from a web page, and [`Sender`](crate::Sender) from a program.

// upload: what a route takes      events: what a program learns of each file
// stored: the files of a dict     script: the page's side

pub(crate) mod events;
pub(crate) mod script;
pub(crate) mod stored;
pub(crate) mod upload;

pub use events::{FileChange, FileEvent};
pub use script::UPLOAD_SCRIPT;
pub use stored::{Files, StoredFile};
pub use upload::Upload;
