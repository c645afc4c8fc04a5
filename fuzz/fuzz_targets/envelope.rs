//! See `ota_fuzz::envelope`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ota_fuzz::envelope::check(input));
