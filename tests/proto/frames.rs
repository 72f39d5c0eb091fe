//! Frames written by hand, valid or not, apart from the encoder under test.
#![allow(dead_code, reason = "each user of this file needs a part of it")]

use websocket::proto::Role;

/// Opcodes with FIN.
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;
pub(crate) const LAST: u8 = 0x80;
/// Opcodes without FIN.
pub(crate) const FIRST_TEXT: u8 = 0x01;
pub(crate) const FIRST_BINARY: u8 = 0x02;
pub(crate) const MIDDLE: u8 = 0x00;

/// How a length is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Shortest,
    Bits16,
    Bits64,
}

/// A frame as its sender's role sends it.
pub(crate) fn frame(sender: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(sender, first, payload.len() as u64, Form::Shortest);
    append(&mut bytes, sender, payload);
    bytes
}

/// A header, with the masking key if the role has one.
pub(crate) fn header(sender: Role, first: u8, len: u64, form: Form) -> Vec<u8> {
    let mask = if sender == Role::Client { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match form {
        Form::Shortest if len < 126 => bytes.push(mask | len as u8),
        Form::Shortest if len < 65536 => return header(sender, first, len, Form::Bits16),
        Form::Shortest => return header(sender, first, len, Form::Bits64),
        Form::Bits16 => {
            bytes.push(mask | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        Form::Bits64 => {
            bytes.push(mask | 127);
            bytes.extend(len.to_be_bytes());
        }
    }
    if mask != 0 {
        bytes.extend(KEY);
    }
    bytes
}

/// Appends payload to a header of [`header`].
pub(crate) fn append(bytes: &mut Vec<u8>, sender: Role, payload: &[u8]) {
    let masked = sender == Role::Client;
    bytes.extend(payload.iter().enumerate().map(|(i, byte)| if masked { byte ^ KEY[i % 4] } else { *byte }));
}

/// The masking key of RFC 6455's examples.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
