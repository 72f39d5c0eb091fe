//! Connections of upload routes: what comes goes into the connection's [`Lane`], from where it is carried into the database.
//! When the lane is full nothing is read from the peer: so the database sets the pace.

use std::sync::Arc;

use super::super::admission::admission::ClientSlot;
use super::lane::Lane;
use super::progress::Progress;
use super::route::UploadRoute;
use crate::proto::Chunk;
use crate::service::connection::{ChunkReceiver, Connection};

/// Takes what comes on one of its connections.
pub(crate) struct UploadReceiver {
    lane: Arc<Lane>,
    route: Arc<UploadRoute>,
    /// Its place, for as long as the connection lasts.
    _slot: Arc<ClientSlot>,
    progress: Arc<Progress>,
}

impl UploadReceiver {
    pub(crate) fn new(
        route: Arc<UploadRoute>,
        slot: Arc<ClientSlot>,
        conn: &Arc<Connection>,
        who: &str,
    ) -> Self {
        let progress = Arc::new(Progress::new(Arc::downgrade(conn)));
        let lane = Lane::new(route.clone(), conn, &slot, progress.clone(), who);
        UploadReceiver { lane, route, _slot: slot, progress }
    }
}

impl ChunkReceiver for UploadReceiver {
    /// Takes a piece. Returns when there is room for it.
    fn receive(&mut self, _conn: &Arc<Connection>, chunk: &Chunk<'_>) {
        let Chunk { kind, first, last, payload } = *chunk;
        self.lane.put(kind, first, last, payload);
        self.progress.came(payload.len());
    }
}

impl Drop for UploadReceiver {
    fn drop(&mut self) {
        self.progress.ends(self.route.timer());
        self.lane.gone();
    }
}
