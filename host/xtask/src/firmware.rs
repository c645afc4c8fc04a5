//! Builds for bare metal, each as its folder says, and the ELF files that come of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, bail};
use object::{Object as _, ObjectSection as _, SectionFlags, elf};

/// The targets of the core crates.
pub(crate) const TARGETS: [&str; 3] = [
    ota_targets::RP2040,
    ota_targets::STM32,
    ota_targets::ESP32C3,
];

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A program in a folder that is a build of its own.
#[derive(Clone, Copy)]
pub(crate) struct Program {
    pub(crate) folder: &'static str,
    /// Below `target`, as in `.ci/run`.
    pub(crate) target_folder: &'static str,
    pub(crate) name: &'static str,
}

/// The RP2040 example's bootloader.
pub(crate) const RP2040: Program = Program {
    folder: "examples/rp2040/bootloader",
    target_folder: "firmware",
    name: "rp2040-bootloader",
};

/// The STM32 example's bootloader.
pub(crate) const STM32: Program = Program {
    folder: "examples/stm32/bootloader",
    target_folder: "firmware",
    name: "stm32-bootloader",
};

/// The ESP32-C3 example's bootloader.
pub(crate) const ESP32C3: Program = Program {
    folder: "examples/esp32c3/bootloader",
    target_folder: "firmware",
    name: "esp32c3-bootloader",
};

impl Program {
    /// A program of `checks/bare-metal`.
    pub(crate) const fn bare(name: &'static str) -> Self {
        Self {
            folder: "checks/bare-metal",
            target_folder: "bare-metal",
            name,
        }
    }

    /// Runs `cargo build` and says how it went.
    pub(crate) fn try_build(&self, target: &str, more: &[&str]) -> Result<Output> {
        ota_targets::ensure(&[target], &root())?;
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Command::new(cargo)
            .current_dir(root().join(self.folder))
            .args(["build", "--quiet", "--locked", "--release"])
            .args(["--target", target, "--bin", self.name])
            .args(more)
            .env("CARGO_TARGET_DIR", self.target_dir())
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .output()
            .context("cargo does not start")
    }

    /// The ELF file for a target.
    pub(crate) fn build(&self, target: &str) -> Result<PathBuf> {
        self.build_with(target, &[])
    }

    /// The ELF file for a target, built with more arguments.
    pub(crate) fn build_with(&self, target: &str, more: &[&str]) -> Result<PathBuf> {
        let output = self.try_build(target, more)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{} for {target} cannot be built:\n{said}", self.name);
        }
        Ok(self
            .target_dir()
            .join(target)
            .join("release")
            .join(self.name))
    }

    fn target_dir(&self) -> PathBuf {
        root().join("target").join(self.target_folder)
    }
}

/// Whether a section takes memory at run time, and may be written there.
pub(crate) struct Use {
    pub(crate) in_flash: bool,
    pub(crate) in_ram: bool,
}

/// What a section takes: `.data` lies in flash and in RAM.
pub(crate) fn use_of(section: &object::Section<'_, '_>) -> Use {
    let SectionFlags::Elf { sh_flags, .. } = section.flags() else {
        return Use {
            in_flash: false,
            in_ram: false,
        };
    };
    let has = |flag| sh_flags & flag == flag;
    let empty = section.kind() == object::SectionKind::UninitializedData;
    Use {
        in_flash: has(elf::SHF_ALLOC) && !empty,
        in_ram: has(elf::SHF_ALLOC) && has(elf::SHF_WRITE),
    }
}

/// Bytes of flash and of static RAM.
pub(crate) fn sizes(file: &object::File<'_>) -> (u64, u64) {
    file.sections().fold((0, 0), |(flash, ram), section| {
        let takes = use_of(&section);
        (
            flash + section.size() * u64::from(takes.in_flash),
            ram + section.size() * u64::from(takes.in_ram),
        )
    })
}
