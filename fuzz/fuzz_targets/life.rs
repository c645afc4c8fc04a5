//! See `ota_fuzz::life`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ota_fuzz::life::check(input));
