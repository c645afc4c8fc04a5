//! The firmware and the tool agree about this product.

use std::path::{Path, PathBuf};

use ota_cli::ids;
use ota_cli::keys::Anchors;
use ota_cli::map::Map;
use stm32_product::{ANCHORS, BOOT_KEYS, PRODUCT, RELEASE_KEYS};

fn test_key(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../test-keys");
    vec![folder.join(name)]
}

#[test]
fn the_map_is_the_one_that_the_tool_has() {
    let name = if cfg!(feature = "nucleo-g474re") {
        concat!(env!("CARGO_MANIFEST_DIR"), "/nucleo-g474re.toml")
    } else if cfg!(feature = "dual-bank") {
        "stm32l476-dual-bank"
    } else {
        "stm32l476"
    };
    let map = Map::load(Path::new(name)).expect("a built-in map, or the file beside");
    let flash_map = map.flash_map().expect("it was checked");
    assert_eq!(PRODUCT.map, flash_map);
    assert_eq!(PRODUCT.map.id(), flash_map.id());
    assert_eq!(PRODUCT.load_addresses, map.load_addresses());
}

#[test]
fn vendor_and_class_are_those_of_the_names_in_the_readme() {
    let vendor = ids::vendor("example.com").expect("a name");
    assert_eq!(PRODUCT.vendor, vendor);
    let class = ids::class(vendor, "nucleo-blinker").expect("a name");
    assert_eq!(PRODUCT.class, class);
}

#[test]
fn the_keys_are_those_in_the_files() {
    let files = Anchors::load(
        &test_key("TEST-ONLY-release.pub"),
        &test_key("TEST-ONLY-boot.pub"),
    )
    .expect("two public keys");
    let anchors = files.get().expect("two roles");
    assert_eq!(format!("{anchors:?}"), format!("{ANCHORS:?}"));
    assert_ne!(RELEASE_KEYS, BOOT_KEYS);
}
