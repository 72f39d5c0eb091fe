#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::records::check(data));
