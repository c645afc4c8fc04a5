//! What the bootloader and the application of this product agree on: this file, and nothing else.
//!
//! To make a product of your own, copy the folder `examples/stm32`, make your keys (`ota
//! keygen`), and change what stands here.
#![no_std]
#![forbid(unsafe_code)]

use ota_bootloader::{FlashMap, Product, TrialLimits};
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

/// Flash map, and where applications are linked: for the life of the product.
const BOARD: (FlashMap, u32) = if cfg!(feature = "nucleo-g474re") {
    (ota_stm32::G474, ota_stm32::G474_LOAD_ADDRESS)
} else if cfg!(feature = "dual-bank") {
    let address = ota_stm32::L476_DUAL_BANK_LOAD_ADDRESS;
    (ota_stm32::L476_DUAL_BANK, address)
} else {
    (ota_stm32::L476, ota_stm32::L476_LOAD_ADDRESS)
};

/// The product. Vendor and class are what `ota pack --vendor example.com --class
/// nucleo-blinker` derives from these names.
pub const PRODUCT: Product = Product {
    map: BOARD.0,
    vendor: 0x92e8_acdc_51dc_5b34_9625_9087_34e6_c5fb_u128.to_be_bytes(),
    class: 0x78e9_59a9_7aec_5981_acc8_3f02_986c_b631_u128.to_be_bytes(),
    hardware: 1,
    component: 0,
    load_addresses: [BOARD.1; 2],
    floor: 0,
    trial: TrialLimits::DEFAULT,
};

/// After so many microseconds the watchdog bites. The bootloader starts it at every reset, and nothing
/// stops it: the application feeds it, too. A signature check takes half a second, an erase 25 ms.
pub const WATCHDOG_TIMEOUT_US: u32 = 8_000_000;

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
