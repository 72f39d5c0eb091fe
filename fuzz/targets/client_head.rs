#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::heads::check_client(data));
