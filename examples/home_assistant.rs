//! Home Assistant: `home_assistant ws://HOST:8123/api/websocket TOKEN` says how many states there are, and prints each
//! change of one. When the server is started anew, so is the connection, with what it was asked for.

use std::error::Error;
use std::time::Duration;

use serde_json::{Value, json};
use xous_api_websocket::{Deadlines, Request, Websocket};

struct Home {
    ws: Websocket,
    requests: u64,
}

impl Home {
    fn open(url: &str, token: &str) -> Result<Self, Box<dyn Error>> {
        // A server that says nothing for half a minute is asked whether it is there.
        let deadlines = Deadlines::new().keepalive(Duration::from_secs(30));
        let ws = Websocket::open(&Request::from_url(url)?.options(deadlines))?;
        let home = Home { ws, requests: 0 };
        home.next()?; // auth_required
        home.ws.send_text(&json!({"type": "auth", "access_token": token}).to_string())?;
        match home.next()? {
            answer if answer["type"] == "auth_ok" => Ok(home),
            answer => Err(Refused(answer["message"].to_string()).into()),
        }
    }

    /// The next message, of any size: it is parsed as it comes. Prints a change.
    fn next(&self) -> Result<Value, Box<dyn Error>> {
        let message: Value = serde_json::from_reader(self.ws.receive()?)?;
        if let data @ Value::Object(_) = &message["event"]["data"] {
            println!("{} is {}", data["entity_id"], data["new_state"]["state"]);
        }
        Ok(message)
    }

    /// The answer to a request, which gets the next number.
    fn ask(&mut self, mut request: Value) -> Result<Value, Box<dyn Error>> {
        self.requests += 1;
        request["id"] = self.requests.into();
        self.ws.send_text(&request.to_string())?;
        loop {
            match self.next()? {
                answer if answer["type"] != "result" || answer["id"] != self.requests => (),
                answer if answer["success"] == true => return Ok(answer["result"].clone()),
                answer => return Err(Refused(answer["error"]["message"].to_string()).into()),
            }
        }
    }
}

/// It would be refused again.
#[derive(Debug, thiserror::Error)]
#[error("refused: {0}")]
struct Refused(String);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, token] = &arguments[..] else { return Err("usage: home_assistant URL TOKEN".into()) };
    let mut wait = Duration::from_secs(1);
    loop {
        let end = Home::open(url, token).and_then(|mut home| {
            home.ask(json!({"type": "subscribe_events", "event_type": "state_changed"}))?;
            println!("{} states", home.ask(json!({"type": "get_states"}))?.as_array().map_or(0, Vec::len));
            wait = Duration::from_secs(1);
            loop {
                home.next()?;
            }
        });
        let Err::<(), _>(error) = end else { continue };
        if error.is::<Refused>() {
            return Err(error);
        }
        eprintln!("{error}; again in {} s", wait.as_secs());
        std::thread::sleep(wait);
        wait = Duration::from_secs(60).min(wait * 2);
    }
}
