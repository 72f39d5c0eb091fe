//! Messages that come to the writer together.

use std::ops::Range;

use xous_api_websocket::wire::Unpacker;
use xous_api_websocket::{Code, Part};

use super::{Gone, NotSent, Writer, refuse};
use crate::proto::HEADER_SPACE;
use crate::service::limits::SEVERAL_BYTES;
use crate::service::message::Lent;

/// After so many messages it is looked whether something goes first: those of a queue are short.
const BETWEEN: usize = 64;

/// The codes of messages of which some are not sent.
struct Failed {
    /// 0 for each that is sent. Empty as long as none has failed.
    codes: Vec<u8>,
    count: usize,
}

impl Writer {
    /// Sends `count` messages, as the sender says. Nothing that stands in its pages is believed.
    pub(super) fn send_several(&mut self, mut send: Lent, count: usize) -> Result<(), Gone> {
        let mut failed = Failed { codes: Vec::new(), count: 0 };
        match self.messages(&send, count, &mut failed) {
            Ok(()) if failed.count == 0 => return self.answer_later(send),
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
        self.conn.count_some_failed(&send, failed.count);
        if let Some(place) = send.pages_mut().get_mut(..failed.codes.len()) {
            place.copy_from_slice(&failed.codes);
        }
        send.answer(Code::SomeUnsent as usize, failed.codes.len());
        Ok(())
    }

    fn messages(&mut self, send: &Lent, count: usize, failed: &mut Failed) -> Result<(), NotSent> {
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
        for number in 0..count {
            if number % BETWEEN == BETWEEN - 1 && !self.give_way()? {
                failed.add(number..count, count, Code::Closed);
                return Ok(());
            }
            let message = messages.next(data).and_then(|(kind, range)| Some((kind, data.get(range)?)));
            let Some((kind, message)) = message else {
                failed.add(number..count, count, Code::Malformed);
                return Ok(());
            };
            match self.part(kind, Part::Whole, message) {
                Ok(()) => (),
                // Its rest was not sent, as the connection ends.
                Err(NotSent::Refused(Code::Closed)) => {
                    failed.add(number..count, count, Code::Closed);
                    return Ok(());
                }
                Err(NotSent::Refused(code)) => failed.add(number..number + 1, count, code),
                Err(NotSent::Gone) => return Err(NotSent::Gone),
            }
        }
        Ok(())
    }
}

impl Failed {
    /// These of so many messages are not sent.
    fn add(&mut self, numbers: Range<usize>, count: usize, code: Code) {
        self.codes.resize(count, 0);
        if let Some(codes) = self.codes.get_mut(numbers) {
            codes.fill(code as u8);
            self.count += codes.len();
        }
    }
}
