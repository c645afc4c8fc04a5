//! See `ota_fuzz::download`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ota_fuzz::download::check(input));
