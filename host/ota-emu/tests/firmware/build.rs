//! Builds the firmware: with its own profile and lock file, and no flags of ours.

use object::LittleEndian;
use object::elf::{FileHeader32, PT_LOAD};
use object::read::elf::{FileHeader as _, ProgramHeader as _};
use ota_emu::stm32::FLASH_START;
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

const TARGET: &str = "thumbv7em-none-eabihf";
/// What an environment may hold that would make it another firmware.
const NOT_OURS: [&str; 3] = ["CARGO_BUILD_TARGET", "CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS"];

/// The ELF file of a firmware. Built once in a process.
pub(crate) fn elf(name: &str) -> Vec<u8> {
    static BUILT: OnceLock<Mutex<HashMap<String, Vec<u8>>>> = OnceLock::new();
    let built = BUILT.get_or_init(Mutex::default);
    let mut built = built.lock().unwrap_or_else(PoisonError::into_inner);
    let elf = built.entry(name.to_owned()).or_insert_with(|| build(name));
    elf.clone()
}

fn build(name: &str) -> Vec<u8> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let target = root.join("target/firmware");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--release", "--quiet", "--locked", "--bin", name])
        .current_dir(root.join("checks/stm32"))
        .env("CARGO_TARGET_DIR", &target);
    for variable in NOT_OURS {
        command.env_remove(variable);
    }
    let output = command.output().expect("cargo runs");
    assert!(
        output.status.success(),
        "checks/stm32 does not build (is the target there? rustup target add {TARGET}):\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let elf = target.join(TARGET).join("release").join(name);
    std::fs::read(&elf).expect("cargo has built it")
}

/// What an ELF file loads, and where: offsets in the flash.
pub(crate) fn parts(elf: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let header = FileHeader32::<LittleEndian>::parse(elf).expect("an ELF file");
    let segments = header
        .program_headers(LittleEndian, elf)
        .expect("program headers");
    segments
        .iter()
        .filter(|segment| segment.p_type(LittleEndian) == PT_LOAD)
        .filter(|segment| segment.p_filesz(LittleEndian) != 0)
        .map(|segment| {
            let bytes = segment.data(LittleEndian, elf).expect("it is there");
            (segment.p_paddr(LittleEndian) - FLASH_START, bytes.to_vec())
        })
        .collect()
}
