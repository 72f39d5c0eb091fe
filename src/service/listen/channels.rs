//! Channels of a listener: names under which connections get what is broadcast.
//!
//! A broadcast is encoded once and shared: each member's writer queue gets a reference. No member is waited for.

use std::sync::{Arc, Weak};

use xous_api_websocket::{Code, serve::SlowMember};

use crate::proto::{CloseCode, Encoder, FrameKind, Kind, Role};
use crate::service::connection::{Connection, ShareError};
use crate::service::limits::{CHANNEL_NAME, CHANNELS};
use crate::sync::Mutex;

/// The channels of one listener.
#[derive(Default)]
pub(crate) struct Channels {
    channels: Mutex<Vec<Channel>>,
}

struct Channel {
    name: Box<str>,
    members: Vec<Member>,
}

/// A connection, for as long as it has the owner who has joined it.
struct Member {
    conn: Weak<Connection>,
    /// As its inbox counts owners.
    owner: u32,
}

impl Channels {
    /// Adds a connection. The first member makes the channel.
    pub(crate) fn join(&self, name: &str, conn: &Arc<Connection>) -> Result<(), Code> {
        check(name)?;
        let mut channels = self.channels.lock();
        tidy(&mut channels);
        let at = match channels.iter().position(|channel| *channel.name == *name) {
            Some(at) => at,
            None if channels.len() >= CHANNELS => return Err(Code::NoChannel),
            None => {
                channels.push(Channel { name: name.into(), members: Vec::new() });
                channels.len() - 1
            }
        };
        let members = &mut channels[at].members;
        if !members.iter().any(|member| member.is(conn)) {
            members.push(Member { conn: Arc::downgrade(conn), owner: conn.inbox.owner() });
        }
        Ok(())
    }

    /// Takes a connection out, if it is a member.
    pub(crate) fn leave(&self, name: &str, conn: &Arc<Connection>) -> Result<(), Code> {
        check(name)?;
        let mut channels = self.channels.lock();
        if let Some(channel) = channels.iter_mut().find(|channel| *channel.name == *name) {
            channel.members.retain(|member| !member.is(conn));
        }
        tidy(&mut channels);
        Ok(())
    }

    /// Hands `frame` to every member of the channel. Returns to how many. Members whose queue is full leave, or are
    /// closed.
    pub(crate) fn broadcast(&self, name: &str, frame: &Arc<[u8]>, slow: SlowMember) -> Result<usize, Code> {
        check(name)?;
        let mut reached = 0;
        let mut closed = Vec::new();
        let mut channels = self.channels.lock();
        if let Some(channel) = channels.iter_mut().find(|channel| *channel.name == *name) {
            channel.members.retain(|member| {
                let Some(conn) = member.there() else { return false };
                match conn.outbox.share(frame.clone()) {
                    Ok(()) => {
                        reached += 1;
                        true
                    }
                    Err(ShareError::Closed) => false,
                    Err(ShareError::Full) => {
                        if slow == SlowMember::Closed {
                            closed.push(conn);
                        }
                        false
                    }
                }
            });
        }
        drop(channels);
        for conn in closed {
            conn.give_up(CloseCode::TRY_AGAIN_LATER, "the queue is full");
        }
        Ok(reached)
    }
}

/// A whole message as a server's frame. It is the same for every member, as it is not masked.
pub(crate) fn encode(kind: Kind, payload: &[u8]) -> Option<Arc<[u8]>> {
    let mut writer =
        Encoder::new(Role::Server).begin_checked(FrameKind::Whole(kind), payload, [0; 4]).ok()?;
    let mut frame = vec![0; writer.header().len() + payload.len()];
    writer.write(payload, &mut frame);
    Some(frame.into())
}

fn check(name: &str) -> Result<(), Code> {
    if (1..=CHANNEL_NAME).contains(&name.len()) { Ok(()) } else { Err(Code::TooLong) }
}

/// Forgets members that have ended or were handed over, and channels without any.
fn tidy(channels: &mut Vec<Channel>) {
    for channel in channels.iter_mut() {
        channel.members.retain(|member| member.there().is_some());
    }
    channels.retain(|channel| !channel.members.is_empty());
}

impl Member {
    fn is(&self, conn: &Arc<Connection>) -> bool {
        std::ptr::eq(self.conn.as_ptr(), Arc::as_ptr(conn))
    }

    /// The connection, unless it has ended or is another process's now.
    fn there(&self) -> Option<Arc<Connection>> {
        self.conn.upgrade().filter(|conn| conn.inbox.owner() == self.owner)
    }
}
