//! A second service in a system.

use std::time::Instant;

use hosted::{End, Program, System};
use xous_api_websocket::wire::SERVER_NAME;

use crate::common::{PATIENCE, service};

#[test]
fn a_second_service_says_that_the_name_is_taken() {
    let second = Program::new(env!("CARGO_BIN_EXE_websocket"));
    let builder = System::builder().service(service(), SERVER_NAME).program(second).names_stay();
    let mut system = builder.time_limit(PATIENCE).start().unwrap();
    // One of the two ends, whichever comes second.
    if let Ok(outcome) = system.wait_programs() {
        assert_eq!(outcome.programs, [End::Exited(1)]);
    }
    // Its line goes to the log by way of another process.
    let start = Instant::now();
    loop {
        let log = std::fs::read_to_string(system.log()).unwrap();
        if log.contains("the name _Websocket Service_ is taken") {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{log}");
    }
}
