//! Gives the functions of the chip, which is not there, addresses to link against.

/// What `src/lib.rs` and the programs declare.
const CHIP: [&str; 9] = [
    "chip_erase",
    "chip_fill",
    "chip_hash",
    "chip_number",
    "chip_program",
    "chip_read",
    "chip_reset",
    "chip_show",
    "chip_verify",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-link-arg-bins=--entry=_start");
    if std::env::var_os("CARGO_FEATURE_LINKED_PANIC").is_some() {
        println!("cargo::rustc-link-arg-bins=--defsym=a_panic_path_is_left=0x9000");
    }
    for (index, name) in CHIP.iter().enumerate() {
        // Near enough for a call, and never called.
        println!(
            "cargo::rustc-link-arg-bins=--defsym={name}={:#x}",
            0x8000 + 16 * index
        );
    }
}
