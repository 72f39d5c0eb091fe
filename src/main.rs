//! The service process: registers `_Websocket Service_` and serves until the system ends.

fn main() {
    xous_api_log::init_wait().ok();
    if let Err(error) = websocket::serve() {
        log::error!("the WebSocket service cannot run: {error:?}");
        std::process::exit(1);
    }
}
