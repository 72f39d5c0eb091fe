//! Messages that come to the writer together.

use std::ops::Range;

use xous_api_websocket::wire::Unpacker;
use xous_api_websocket::{Code, Kind, Part};

use super::{Gone, NotSent, Writer, proto_kind, refuse};
use crate::proto::{FrameKind, HEADER_SPACE};
use crate::service::limits::SEVERAL_BYTES;
use crate::service::message::Lent;

/// After so many messages it is looked whether something goes first: those of a queue are short.
const BETWEEN: usize = 64;

/// What has become of the messages.
#[derive(Default)]
struct Course {
    /// 0 for each that is sent, in the order of the messages. Empty as long as none has failed.
    codes: Vec<u8>,
    failed: usize,
    /// Sent in one frame each, and not counted yet.
    whole: usize,
    /// Of these.
    bytes: usize,
}

impl Writer {
    /// Sends `count` messages, as the sender says. Nothing that stands in its pages is believed.
    pub(super) fn send_several(&mut self, mut send: Lent, count: usize) -> Result<(), Gone> {
        let mut course = Course::default();
        let sent = self.messages(&send, count, &mut course);
        self.conn.account.sent.count_several(course.bytes, course.whole);
        match sent {
            Ok(()) if course.failed == 0 => return self.answer_later(send),
            Ok(()) => (),
            Err(NotSent::Refused(code)) => {
                refuse(&self.conn, send, code);
                return Ok(());
            }
            Err(NotSent::Gone) => {
                refuse(&self.conn, send, Code::Closed);
                return Err(Gone);
            }
        }
        // The others are sent when that is said.
        if self.write().is_err() {
            refuse(&self.conn, send, Code::Closed);
            return Err(Gone);
        }
        self.conn.count_some_failed(&send, course.failed);
        if let Some(place) = send.pages_mut().get_mut(..course.codes.len()) {
            place.copy_from_slice(&course.codes);
        }
        send.answer(Code::SomeUnsent as usize, course.codes.len());
        Ok(())
    }

    fn messages(&mut self, send: &Lent, count: usize, course: &mut Course) -> Result<(), NotSent> {
        let malformed = NotSent::Refused(Code::Malformed);
        let data = send.data().filter(|data| data.len() == send.size() && data.len() <= SEVERAL_BYTES);
        let Some(data) = data.filter(|_| count > 0 && (send.is_moved() || send.is_writable())) else {
            return Err(malformed);
        };
        let mut messages = Unpacker::new(count);
        if messages.used() > data.len() {
            return Err(malformed);
        }
        self.make_room(data.len().saturating_add(count * HEADER_SPACE));
        let is_recorded = self.conn.recorder.get().is_some();
        for number in 0..count {
            if number % BETWEEN == BETWEEN - 1 && !self.give_way()? {
                course.fail(number..count, count, Code::Closed);
                return Ok(());
            }
            let message = messages.next(data).and_then(|(kind, range)| Some((kind, data.get(range)?)));
            let Some((kind, message)) = message else {
                course.fail(number..count, count, Code::Malformed);
                return Ok(());
            };
            let sent = if is_recorded || message.len() > self.fragment_size {
                self.part(kind, Part::Whole, message)
            } else {
                self.whole(kind, message, course)
            };
            match sent {
                Ok(()) => (),
                // Its rest was not sent, as the connection ends.
                Err(NotSent::Refused(Code::Closed)) => {
                    course.fail(number..count, count, Code::Closed);
                    return Ok(());
                }
                Err(NotSent::Refused(code)) => course.fail(number..number + 1, count, code),
                Err(NotSent::Gone) => return Err(NotSent::Gone),
            }
        }
        Ok(())
    }

    /// A message in one frame, with less around it than others have.
    #[inline]
    fn whole(&mut self, kind: Kind, message: &[u8], course: &mut Course) -> Result<(), NotSent> {
        let frame = FrameKind::Whole(proto_kind(kind));
        if kind == Kind::Text {
            self.encoder.check(frame, message)?;
        }
        let mask = self.mask();
        let room = self.buffer.get_mut(self.len..).unwrap_or_default();
        match self.encoder.encode(frame, message, mask, room)? {
            Some(len) => self.len += len,
            // In the rest of the buffer, and in the next one.
            None => self.frame(frame, message)?,
        }
        course.whole += 1;
        course.bytes += message.len();
        Ok(())
    }
}

impl Course {
    /// These of so many messages are not sent.
    fn fail(&mut self, numbers: Range<usize>, count: usize, code: Code) {
        self.codes.resize(count, 0);
        if let Some(codes) = self.codes.get_mut(numbers) {
            codes.fill(code as u8);
            self.failed += codes.len();
        }
    }
}
