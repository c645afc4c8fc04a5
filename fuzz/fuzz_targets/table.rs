//! See `ota_fuzz::table`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ota_fuzz::table::check(input));
