//! An opening that is refused by a server which is not the service: the service then has done nothing but open, so that
//! its stacks show what that takes.

use std::io::{Read, Write};
use std::net::TcpListener;

use xous_api_websocket::error::OpenError;
use xous_api_websocket::{Code, Request, Websocket};

use crate::words;

/// Refuses each client of this port.
pub(crate) fn all(port: &str) -> Result<(), String> {
    let port: u16 = port.parse().map_err(words)?;
    let listener = TcpListener::bind(("127.0.0.1", port)).map_err(words)?;
    println!("http://127.0.0.1:{port}/ is ready");
    loop {
        let mut client = listener.accept().map_err(words)?.0;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).map_err(words)?;
            head.extend(byte);
        }
        client.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").map_err(words)?;
    }
}

/// Opens a connection there, which has to fail so, and ends.
pub(crate) fn one(host: &str, port: &str) -> Result<(), String> {
    let port = port.parse().map_err(words)?;
    match Websocket::open(&Request::new(host, port)) {
        Err(OpenError::Refused { status: 404, .. }) => Ok(()),
        Err(error) => Err(words(error)),
        Ok(_) => Err("it was not refused".to_owned()),
    }
}

/// Openings by name that fail, as no service knows any: more than there are workers for.
const NAMELESS: usize = 13;

/// Opens connections by name, each of which has to fail as it is not known, and then one by address.
pub(crate) fn nameless(port: &str) -> Result<(), String> {
    let number = port.parse().map_err(words)?;
    for _ in 0..NAMELESS {
        match Websocket::open(&Request::new("somewhere.example", number)) {
            Err(OpenError::Failed { code: Code::Resolve, .. }) => (),
            Err(error) => return Err(words(error)),
            Ok(_) => return Err("it was opened".to_owned()),
        }
    }
    one("127.0.0.1", port)
}
