//! See `ota_fuzz::boot`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ota_fuzz::boot::check(input));
