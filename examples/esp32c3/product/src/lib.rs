//! What the bootloader and the application of this product agree on: this file, and nothing else.
//!
//! To make a product of your own, copy the folder `examples/esp32c3`, make your keys (`ota
//! keygen`), and change what stands here.
#![no_std]
#![forbid(unsafe_code)]

use ota_bootloader::{Product, TrialLimits};
use ota_image::{BootKeys, PublicKey, TrustAnchors};

/// Says `release`: this may be distributed. The application has it.
///
/// TEST ONLY: everybody has the private key.
pub const RELEASE_KEYS: [PublicKey; 1] =
    [key(include_bytes!("../../test-keys/TEST-ONLY-release.pub"))];

/// Says `boot`: this may run. The bootloader and the application have it.
///
/// TEST ONLY: everybody has the private key.
pub const BOOT_KEYS: [PublicKey; 1] = [key(include_bytes!("../../test-keys/TEST-ONLY-boot.pub"))];

/// The product. Vendor and class are what `ota pack --vendor example.com --class
/// c3-blinker` derives from these names.
pub const PRODUCT: Product = Product {
    map: ota_esp32c3::ESP32C3,
    vendor: 0x92e8_acdc_51dc_5b34_9625_9087_34e6_c5fb_u128.to_be_bytes(),
    class: 0x1137_d434_e4ac_54ac_816a_52d1_8381_51e4_u128.to_be_bytes(),
    hardware: 1,
    component: 0,
    load_addresses: [ota_esp32c3::ESP32C3_LOAD_ADDRESS; 2],
    floor: 0,
    trial: TrialLimits::DEFAULT,
};

/// After so many milliseconds the watchdog bites. The bootloader starts it at every reset, and the
/// application goes on with it. A signature check takes a fifth of a second, an erase 0.4 s at most.
pub const WATCHDOG_TIMEOUT_MS: u32 = 8_000;

/// What the bootloader trusts.
pub const BOOT: BootKeys<'static> = match BootKeys::new(&BOOT_KEYS) {
    Ok(keys) => keys,
    Err(_) => panic!("these boot keys cannot be"),
};

/// What the application trusts.
pub const ANCHORS: TrustAnchors<'static> = match TrustAnchors::new(&RELEASE_KEYS, &BOOT_KEYS) {
    Ok(anchors) => anchors,
    Err(_) => panic!("these keys cannot be"),
};

/// While compiling.
const fn key(file: &[u8]) -> PublicKey {
    match PublicKey::from_pem(file) {
        Ok(key) => key,
        Err(_) => panic!("not the .pub file of a key"),
    }
}
