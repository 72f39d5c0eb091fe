//! A listener's channels, as its program uses them.

use std::sync::Arc;

use xous_api_websocket::wire::SendWord;
use xous_api_websocket::{Code, Kind};

use super::channels::encode;
use super::listeners::Listener;
use crate::proto;
use crate::service::connection::Connection;
use crate::service::limits::BROADCAST_BYTES;
use crate::service::message::Lent;

impl Listener {
    /// Joins a connection to the channel that `page` names, or takes it out.
    pub(crate) fn member(&self, page: Lent, conn: Option<Arc<Connection>>, join: bool) {
        let name = page.data().and_then(|name| std::str::from_utf8(name).ok());
        let result = match (name, conn) {
            (None, _) => Err(Code::Malformed),
            (_, None) => Err(Code::Closed),
            (Some(_), Some(conn)) if !conn.is_server() => Err(Code::Malformed),
            (Some(name), Some(conn)) if join => self.channels.join(name, &conn),
            (Some(name), Some(conn)) => self.channels.leave(name, &conn),
        };
        page.answer(result.map_or_else(|code| code as usize, |()| 0), 0);
    }

    /// Sends a message to a channel. Answers with the number of members that get it.
    pub(crate) fn broadcast(&self, page: Lent) {
        let (code, reached) = match self.try_broadcast(&page) {
            Ok(reached) => (0, reached),
            Err(code) => (code as usize, 0),
        };
        page.answer(code, reached);
    }

    fn try_broadcast(&self, page: &Lent) -> Result<usize, Code> {
        let data = page.data().ok_or(Code::Malformed)?;
        let (len, rest) = data.split_first_chunk().ok_or(Code::Malformed)?;
        let name = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)));
        let (name, payload) = name.ok_or(Code::Malformed)?;
        let name = std::str::from_utf8(name).map_err(|_| Code::Malformed)?;
        if payload.len() > BROADCAST_BYTES {
            return Err(Code::TooLong);
        }
        let kind = match SendWord::from_word(page.offset()) {
            Some(SendWord::Data(Kind::Text, xous_api_websocket::Part::Whole)) => proto::Kind::Text,
            Some(SendWord::Data(Kind::Binary, xous_api_websocket::Part::Whole)) => proto::Kind::Binary,
            _ => return Err(Code::Malformed),
        };
        let frame = encode(kind, payload).ok_or(Code::InvalidText)?;
        self.channels.broadcast(name, &frame, self.port.settings.slow_members)
    }
}
