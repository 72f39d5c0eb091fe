//! What a path of a port leads to.

use std::sync::Arc;

use xous::PID;
use xous_api_websocket::wire::Handle;
use xous_api_websocket::{Code, Lease, Route, serve::RouteKind};

use super::admission::accept_queue::AcceptQueue;
use super::file_route::FileRoute;
use super::files::file_events::FileEvents;
use super::files::file_stores::ServiceStore;
use super::shared::Shared;
use super::uploads::route::UploadRoute;
use crate::http::{Logins, Page, Reason};
use crate::proto::handshake::Headers;
use crate::service::connection::{Recording, Tally};
use crate::service::limits::{PAGE_BYTES, ROUTE_NAME};
use crate::upload::Files;

/// A route of a program.
#[derive(Clone)]
pub(crate) struct Target {
    /// The listener whose route it is, and its owner.
    pub(crate) listener: Handle,
    pub(crate) owner: PID,
    /// What becomes of its connections when the owner has ended.
    pub(crate) lease: Lease,
    /// Other programs may have routes below it.
    pub(crate) shared: bool,
    /// Who may use it; `None` for everybody.
    pub(crate) logins: Option<Arc<Logins>>,
    /// What has passed on its listener's connections.
    pub(crate) tally: Arc<Tally>,
    /// Bytes that are kept of what was asked for: a page, names, the digests of logins.
    pub(crate) bytes: usize,
    pub(crate) kind: TargetKind,
}

/// Who answers.
#[derive(Clone)]
pub(crate) enum TargetKind {
    /// A program that takes WebSockets.
    Receiver(Arc<Receiver>),
    /// A page.
    Page(Arc<Page>),
    /// The database takes files.
    Upload(Arc<UploadRoute>),
    /// The database gives files.
    Files(Arc<FileRoute>),
    /// What passes on the port, by the routes of this listener.
    Status(Arc<Tally>),
}

/// How a program takes WebSockets.
pub(crate) struct Receiver {
    /// Where its pages are.
    pub(crate) queue: Arc<AcceptQueue>,
    /// In order of preference.
    pub(crate) protocols: Vec<Box<str>>,
    /// It sees a client before that is answered.
    pub(crate) decides: bool,
    /// Its clients are recorded.
    pub(crate) recording: Option<Arc<Recording>>,
}

impl Target {
    /// Whether a request with these headers may use it: one that shows a login of the route, or, if it has none, one
    /// of a client that is paired.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn admit(&self, headers: &Headers<'_>, is_paired: bool) -> Result<(), Reason> {
        match &self.logins {
            Some(logins) if !logins.admit(headers) => Err(Reason::NoLogin(logins.challenge())),
            None if !is_paired => Err(Reason::NotPaired),
            _ => Ok(()),
        }
    }

    /// The files that it leads to, or brings.
    pub(crate) fn files(&self) -> Option<&Arc<Files<ServiceStore>>> {
        match &self.kind {
            TargetKind::Upload(route) => Some(route.files()),
            TargetKind::Files(route) => Some(route.files()),
            TargetKind::Receiver(_) | TargetKind::Page(_) | TargetKind::Status(_) => None,
        }
    }

    /// WebSockets that come by it are no program's.
    pub(crate) fn is_services(&self) -> bool {
        matches!(self.kind, TargetKind::Upload(_) | TargetKind::Status(_))
    }
}

impl TargetKind {
    /// The target that a program asks for. Its clients wait at `queue`. Does not wait for the database.
    pub(crate) fn new(
        route: &Route<'_>,
        queue: &Arc<AcceptQueue>,
        events: &Arc<FileEvents>,
        shared: &Arc<Shared>,
        tally: &Arc<Tally>,
    ) -> Result<Self, Code> {
        if route.decides && !matches!(route.kind, RouteKind::Receiver { .. }) {
            return Err(Code::BadRequest);
        }
        match &route.kind {
            RouteKind::Receiver { protocols, record } => {
                if protocols.iter().any(|name| name.len() > ROUTE_NAME) {
                    return Err(Code::TooLong);
                }
                if protocols.iter().any(|name| !is_token(name)) {
                    return Err(Code::BadRequest);
                }
                let protocols = protocols.iter().map(|&name| name.into()).collect();
                let recording = record.as_ref().map(|record| Recording::new(record).ok_or(Code::BadRequest));
                let recording = recording.transpose()?;
                let receiver =
                    Receiver { queue: queue.clone(), protocols, decides: route.decides, recording };
                Ok(TargetKind::Receiver(Arc::new(receiver)))
            }
            RouteKind::Page { content_type, body } => {
                if body.len() > PAGE_BYTES || content_type.len() > ROUTE_NAME {
                    return Err(Code::TooLong);
                }
                if !content_type.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                    return Err(Code::BadRequest);
                }
                let page = Page { content_type: (*content_type).into(), body: (*body).into() };
                Ok(TargetKind::Page(Arc::new(page)))
            }
            RouteKind::Upload(upload) => {
                let files = shared.stores.files(upload.dict)?;
                Ok(TargetKind::Upload(UploadRoute::new(upload, files, events, shared)?))
            }
            RouteKind::Files { dict, deletable } => {
                if !route.prefix || !route.path.ends_with('/') {
                    return Err(Code::BadRequest);
                }
                let files = shared.stores.files(dict)?;
                Ok(TargetKind::Files(Arc::new(FileRoute::new(route.path, files, *deletable))))
            }
            RouteKind::Status => Ok(TargetKind::Status(tally.clone())),
            _ => Err(Code::BadRequest),
        }
    }
}

/// A sub-protocol's name is a token (RFC 6455 section 4.1, RFC 9110 section 5.6.2).
fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
