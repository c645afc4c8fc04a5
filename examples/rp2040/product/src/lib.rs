//! What the bootloader and the application of this product agree on: this file, and nothing else.
//!
//! To make a product of your own, copy the folder `examples/rp2040`, make your keys (`ota
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
/// pico-thermometer` derives from these names.
pub const PRODUCT: Product = Product {
    map: ota_rp2040::PICO,
    vendor: 0x92e8_acdc_51dc_5b34_9625_9087_34e6_c5fb_u128.to_be_bytes(),
    class: 0x66b5_2965_9e35_50e9_a9ae_197d_0fa6_79e3_u128.to_be_bytes(),
    hardware: 1,
    component: 0,
    load_addresses: [ota_rp2040::LOAD_ADDRESS; 2],
    floor: 0,
    trial: TrialLimits::DEFAULT,
};

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
