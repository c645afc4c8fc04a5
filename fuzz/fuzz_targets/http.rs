//! See `ota_fuzz::http`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ota_fuzz::http::check(input));
