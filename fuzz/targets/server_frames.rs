#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::frames::check(websocket::proto::Role::Server, data));
