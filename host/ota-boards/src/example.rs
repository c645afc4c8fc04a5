//! The examples, each a bootloader, an application, and the product that both belong to.

use std::path::{Path, PathBuf};

use anyhow::Result;
use ota_bootloader::Product;
use ota_cli::input::Firmware;
use ota_cli::map::Map;
use ota_esp32c3::memory::Loader;
use ota_image::BootKeys;

/// One of the folders in `examples`, in one of its variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Example {
    /// A W5500-EVB-Pico, over Ethernet.
    Rp2040,
    /// A NUCLEO-L476RG, over its serial line.
    Stm32,
    /// The same, over a W5500: feature `ethernet`.
    Stm32Ethernet,
    /// The same as `Stm32`, with a slot in each bank: feature `dual-bank`.
    Stm32DualBank,
    /// An ESP32-C3, over its serial line.
    Esp32c3,
}

/// That of the examples for the NUCLEO-L476RG with the feature `dual-bank`, which is not on here.
const STM32_DUAL_BANK: Product = Product {
    map: ota_stm32::L476_DUAL_BANK,
    load_addresses: [ota_stm32::L476_DUAL_BANK_LOAD_ADDRESS; 2],
    ..stm32_product::PRODUCT
};

impl Example {
    /// What its folder is called, and its firmware begins with.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rp2040 => "rp2040",
            Self::Stm32 | Self::Stm32Ethernet | Self::Stm32DualBank => "stm32",
            Self::Esp32c3 => "esp32c3",
        }
    }

    /// The feature that one of its parts, `bootloader` or `app`, is built with.
    pub(crate) fn feature(self, part: &str) -> Option<&'static str> {
        match self {
            Self::Rp2040 | Self::Stm32 | Self::Esp32c3 => None,
            Self::Stm32Ethernet => (part == crate::firmware::APP).then_some("ethernet"),
            Self::Stm32DualBank => Some("dual-bank"),
        }
    }

    /// The most that one flash operation programs, in bytes.
    #[must_use]
    pub const fn program_size(self) -> u32 {
        match self {
            Self::Rp2040 => 256,
            Self::Stm32 | Self::Stm32Ethernet | Self::Stm32DualBank => 8,
            // The mask ROM: as much as its buffer holds.
            Self::Esp32c3 => 32,
        }
    }

    /// The most that its bootloader takes, in bytes.
    #[must_use]
    pub const fn bootloader_limit(self) -> usize {
        match self {
            Self::Rp2040 | Self::Esp32c3 => 32 * 1024,
            Self::Stm32 | Self::Stm32Ethernet | Self::Stm32DualBank => 24 * 1024,
        }
    }

    /// The target that its firmware is built for.
    #[must_use]
    pub const fn target(self) -> &'static str {
        match self {
            Self::Rp2040 => ota_targets::RP2040,
            Self::Stm32 | Self::Stm32Ethernet | Self::Stm32DualBank => ota_targets::STM32,
            Self::Esp32c3 => ota_targets::ESP32C3,
        }
    }

    /// What bootloader and application agree on.
    #[must_use]
    pub const fn product(self) -> &'static Product {
        match self {
            Self::Rp2040 => &rp2040_product::PRODUCT,
            Self::Stm32 | Self::Stm32Ethernet => &stm32_product::PRODUCT,
            Self::Stm32DualBank => &STM32_DUAL_BANK,
            Self::Esp32c3 => &esp32c3_product::PRODUCT,
        }
    }

    /// What its bootloader trusts.
    #[must_use]
    pub const fn boot_keys(self) -> BootKeys<'static> {
        match self {
            Self::Rp2040 => rp2040_product::BOOT,
            Self::Stm32 | Self::Stm32Ethernet | Self::Stm32DualBank => stm32_product::BOOT,
            Self::Esp32c3 => esp32c3_product::BOOT,
        }
    }

    /// The built-in map of its board.
    ///
    /// # Errors
    /// None: it is built in.
    pub fn map(self) -> Result<Map> {
        Map::load(Path::new(match self {
            Self::Rp2040 => "rp2040",
            Self::Stm32 | Self::Stm32Ethernet => "stm32l476",
            Self::Stm32DualBank => "stm32l476-dual-bank",
            Self::Esp32c3 => "esp32c3",
        }))
    }

    /// The ELF file of the bootloader or the application as the flash holds it.
    ///
    /// # Errors
    /// If it is not one, or has another address.
    pub fn native(self, elf: Vec<u8>, loader: Loader) -> Result<Vec<u8>> {
        let map = self.map()?;
        let address = match loader {
            Loader::MaskRom => map.flash.base,
            Loader::SecondStage => self.product().load_addresses[0],
        };
        let firmware = Firmware::parse_for(elf, &map, loader, address)?;
        Ok(firmware.at(address)?.bytes)
    }

    /// Where it lies.
    pub(crate) fn folder(self) -> PathBuf {
        crate::root().join("examples").join(self.name())
    }
}
