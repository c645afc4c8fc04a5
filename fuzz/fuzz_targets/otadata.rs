//! See `ota_fuzz::otadata`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ota_fuzz::otadata::check(input));
