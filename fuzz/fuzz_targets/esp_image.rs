//! See `ota_fuzz::esp_image`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ota_fuzz::esp_image::check(input));
