//! Who sends files: the parts protocol of `docs/upload.md` over tungstenite.

use std::mem::ManuallyDrop;
use std::net::TcpStream;

use hosted::{PDDB_ANSWER, PDDB_ASKED, PDDB_MOUNT, PDDB_UNMOUNT, PDDB_USER};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tungstenite::{Message, WebSocket};
use xous::{CID, Message as Scalar};
use xous_api_names::XousNames;
use xous_api_websocket::{Listen, Listener, Route, Upload};

use crate::by_hand::{Answer, Client};
use crate::common::PATIENCE;

/// Where files come in, and where they are shown.
pub(crate) const UPLOAD: &str = "/upload";
pub(crate) const FILES: &str = "/files/";
pub(crate) const DICT: &str = "uploads";

/// A connection to the PDDB, when it is there.
pub(crate) fn pddb_cid() -> CID {
    cid_of("_Plausibly Deniable Database_")
}

fn cid_of(name: &str) -> CID {
    // The last one to be dropped would end the connection to the name server for the whole process.
    let names = ManuallyDrop::new(XousNames::new().unwrap());
    names.request_connection_blocking(name).unwrap()
}

/// Opens the database, as its user does.
pub(crate) fn mount() {
    tell(pddb_cid(), PDDB_MOUNT, 0);
}

/// Locks the database, as its user does.
pub(crate) fn unmount() {
    tell(pddb_cid(), PDDB_UNMOUNT, 0);
}

/// Says what the user says to the dialog that is shown, or else to the next one.
pub(crate) fn user_says(yes: bool) {
    tell(cid_of(PDDB_USER), PDDB_ANSWER, yes.into());
}

/// Waits until the database has shown so many dialogs. Returns how many.
pub(crate) fn dialogs(at_least: usize) -> usize {
    tell(cid_of(PDDB_USER), PDDB_ASKED, at_least)
}

fn tell(cid: CID, opcode: usize, argument: usize) -> usize {
    match xous::send_message(cid, Scalar::new_blocking_scalar(opcode, argument, 0, 0, 0)) {
        Ok(xous::Result::Scalar1(answer)) => answer,
        other => panic!("{other:?}"),
    }
}

/// A program's port with both, when the PDDB is there.
pub(crate) fn listen(upload: Upload<'_>) -> Listener {
    pddb_cid();
    let listener = Listener::listen(&Listen::new("127.0.0.1", 0)).unwrap();
    listener.add_route(&Route::upload(UPLOAD, upload)).unwrap();
    listener.add_route(&Route::files(FILES, DICT)).unwrap();
    listener
}

/// A connection that sends files.
pub(crate) struct Sender {
    ws: WebSocket<TcpStream>,
}

impl Sender {
    pub(crate) fn connect(port: u16) -> Sender {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let url = format!("ws://127.0.0.1:{port}{UPLOAD}");
        Sender { ws: tungstenite::client(url, stream).unwrap().0 }
    }

    /// Sends the first message of a transfer.
    pub(crate) fn begin(&mut self, id: u32, name: &str, length: usize, data: &[u8]) {
        let length = u32::try_from(length).unwrap().to_le_bytes();
        self.binary([&id.to_le_bytes(), name.as_bytes(), &[0], &length, data].concat());
    }

    /// Sends a later one.
    pub(crate) fn part(&mut self, id: u32, data: &[u8]) {
        self.binary([&id.to_le_bytes(), data].concat());
    }

    /// Sends a whole file in one message.
    pub(crate) fn file(&mut self, id: u32, name: &str, data: &[u8]) {
        self.begin(id, name, data.len(), data);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.ws.send(Message::text(text)).unwrap();
    }

    fn binary(&mut self, message: Vec<u8>) {
        self.ws.send(Message::binary(message)).unwrap();
    }

    /// The next answer that is no progress.
    pub(crate) fn answer(&mut self) -> Value {
        loop {
            let answer = self.any_answer();
            if answer.get("progress").is_none() {
                return answer;
            }
        }
    }

    /// The next answer.
    pub(crate) fn any_answer(&mut self) -> Value {
        loop {
            // Pings are answered by the library.
            if let Message::Text(text) = self.ws.read().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// The next answer says that the transfer waits for the database.
    pub(crate) fn waits(&mut self, id: u32) {
        let answer = self.answer();
        assert_eq!(answer["waiting"], id, "{answer}");
        assert!(answer["reason"].as_str().unwrap().ends_with('.'), "{answer}");
    }

    /// The next answer says that the transfer is accepted; its token.
    pub(crate) fn accepted(&mut self, id: u32) -> String {
        let answer = self.answer();
        assert_eq!(answer["accepted"], id, "{answer}");
        answer["token"].as_str().unwrap().to_owned()
    }

    /// The next answer says that the file with this content is stored.
    pub(crate) fn stored(&mut self, id: u32, data: &[u8]) {
        let answer = self.answer();
        assert_eq!(answer["stored"], id, "{answer}");
        assert_eq!((&answer["length"], &answer["sha256"]), (&data.len().into(), &sha256(data).into()));
    }

    /// The next answer refuses the transfer, or says that it has failed, with this code.
    pub(crate) fn told(&mut self, kind: &str, id: u32, code: &str) {
        let answer = self.answer();
        assert_eq!((&answer[kind], &answer["code"]), (&id.into(), &code.into()), "{answer}");
        assert!(answer["reason"].as_str().unwrap().ends_with('.'), "{answer}");
    }

    /// The service ends the connection with this code.
    pub(crate) fn ended_with(mut self, code: u16) {
        loop {
            match self.ws.read() {
                Ok(Message::Close(close)) => return assert_eq!(u16::from(close.unwrap().code), code),
                Ok(_) => (),
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Closes the connection, and waits until the service has.
    pub(crate) fn close(mut self) {
        self.ws.close(None).unwrap();
        while self.ws.read().is_ok() {}
    }
}

pub(crate) fn sha256(data: &[u8]) -> String {
    Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Asks for a path.
pub(crate) fn get(port: u16, path: &str, lines: &str) -> Answer {
    Client::with(port, format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n")).answer()
}

/// The files that are shown, with their lengths.
pub(crate) fn list(port: u16) -> Vec<(String, u64)> {
    let answer = get(port, FILES, "");
    assert_eq!(answer.status, 200, "{}", answer.head);
    assert_eq!(answer.field("Content-Type"), Some("application/json"));
    assert_eq!(answer.field("Cache-Control"), Some("no-cache"));
    let list: Value = serde_json::from_slice(&answer.body).unwrap();
    let entry =
        |entry: &Value| (entry["name"].as_str().unwrap().to_owned(), entry["length"].as_u64().unwrap());
    list["files"].as_array().unwrap().iter().map(entry).collect()
}
