//! The firmware and the tool agree about this product.

use std::path::{Path, PathBuf};

use esp32c3_product::{ANCHORS, BOOT_KEYS, PRODUCT, RELEASE_KEYS};
use ota_cli::ids;
use ota_cli::keys::Anchors;
use ota_cli::map::Map;

fn test_key(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../test-keys");
    vec![folder.join(name)]
}

#[test]
fn the_map_is_the_one_that_is_built_into_the_tool() {
    let map = Map::load(Path::new("esp32c3")).expect("a built-in map");
    let flash_map = map.flash_map().expect("it was checked");
    assert_eq!(PRODUCT.map, flash_map);
    assert_eq!(PRODUCT.map.id(), flash_map.id());
    assert_eq!(PRODUCT.load_addresses, map.load_addresses());
}

#[test]
fn vendor_and_class_are_those_of_the_names_in_the_readme() {
    let vendor = ids::vendor("example.com").expect("a name");
    assert_eq!(PRODUCT.vendor, vendor);
    let class = ids::class(vendor, "c3-blinker").expect("a name");
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
