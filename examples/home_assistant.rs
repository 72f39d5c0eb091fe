//! Home Assistant: `home_assistant ws://HOST:8123/api/websocket TOKEN` says how many states there are, and prints each
//! change of one. When the server is started anew, the service opens the connection again; the server then asks for the
//! token, and everything is asked for once more.

use std::error::Error;
use std::time::Duration;

use serde_json::{Value, json};
use xous_api_websocket::{Deadlines, Reconnect, Request, Websocket};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, token] = &arguments[..] else { return Err("usage: home_assistant URL TOKEN".into()) };
    // A server that says nothing for half a minute is asked whether it is there.
    let deadlines = Deadlines::new().keepalive(Duration::from_secs(30));
    let reconnect = Reconnect::new().after_close(true);
    let ws = Websocket::open(&Request::from_url(url)?.options(deadlines).reconnect(reconnect))?;
    // One that is not sent is not missed: the connection has ended, and the next one begins from the start.
    let send = |message: Value| {
        ws.send_text(&message.to_string()).ok();
    };
    loop {
        // Of any size: it is parsed as it comes.
        let message: Value = match serde_json::from_reader(ws.receive()?) {
            Ok(message) => message,
            Err(cut_off) if cut_off.is_io() => continue,
            Err(error) => return Err(error.into()),
        };
        match message["type"].as_str().unwrap_or_default() {
            "auth_required" => send(json!({"type": "auth", "access_token": token})),
            "auth_invalid" => return Err(format!("refused: {}", message["message"]).into()),
            "auth_ok" => {
                send(json!({"id": 1, "type": "subscribe_events", "event_type": "state_changed"}));
                send(json!({"id": 2, "type": "get_states"}));
            }
            "event" => {
                let data = &message["event"]["data"];
                println!("{} is {}", data["entity_id"], data["new_state"]["state"]);
            }
            "result" if message["success"] != true => {
                return Err(format!("refused: {}", message["error"]["message"]).into());
            }
            "result" if message["id"] == 2 => {
                println!("{} states", message["result"].as_array().map_or(0, Vec::len));
            }
            _ => (),
        }
    }
}
