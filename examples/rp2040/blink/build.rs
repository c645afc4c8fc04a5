//! Hands the memory map to the linker, and makes the ballast.

use std::{env, fs, path::PathBuf};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::copy("memory.x", out.join("memory.x")).expect("memory.x can be copied");
    println!("cargo::rerun-if-changed=memory.x");
    println!("cargo::rustc-link-search={}", out.display());
    // Here, and not in .cargo/config.toml: a caller's RUSTFLAGS would replace what stands there.
    println!("cargo::rustc-link-arg-bins=--nmagic");
    println!("cargo::rustc-link-arg-bins=-Tlink.x");

    fs::write(out.join("ballast.bin"), ballast()).expect("the ballast can be written");
    println!("cargo::rerun-if-env-changed=FIRMWARE_BALLAST_KIB");
    println!("cargo::rerun-if-env-changed=FIRMWARE_VERSION");
}

/// As many bytes as asked for, which depend on the version and cannot be compressed, like code.
fn ballast() -> Vec<u8> {
    let kib = env::var("FIRMWARE_BALLAST_KIB").unwrap_or_default();
    let kib: usize = if kib.is_empty() {
        0
    } else {
        kib.parse().expect("FIRMWARE_BALLAST_KIB is a number")
    };
    let version = env::var("FIRMWARE_VERSION").unwrap_or_default();
    let mut state = version
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
    let mut bytes = Vec::with_capacity(kib * 1024);
    while bytes.len() < kib * 1024 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&(state >> 32).to_le_bytes()[..4]);
    }
    bytes
}
