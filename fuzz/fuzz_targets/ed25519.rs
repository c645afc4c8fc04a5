//! See `ota_fuzz::ed25519`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ota_fuzz::ed25519::check(input));
