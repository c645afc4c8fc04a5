//! A bootloader and an updating application, with nothing below them: see `Cargo.toml`.
#![no_std]

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use ota_bootloader::{
    Area, Bootloader, Chip, Decision, FlashMap, Layout, OneFlash, Product, ResetCause, Strategy,
    TrialLimits, Updater,
};
use ota_client::{Config, Download, Fault, Range, Reply, blocking};
use ota_image::{BootKeys, PublicKey, SoftwareCrypto, TrustAnchors};

const MAP: FlashMap = match FlashMap::new(Layout {
    strategy: Strategy::Swap,
    internal: Chip {
        size: 2 << 20,
        write_size: 4,
        erase_size: 4096,
        erased: 0xFF,
    },
    external: None,
    bootloader: Area::internal(0, 0x1_0000),
    journal: Area::internal(0x1_0000, 0x2000),
    banks: [
        Area::internal(0x1_2000, 0x4000),
        Area::internal(0x1_6000, 0x4000),
    ],
    settings: Area::internal(0x1_A000, 0x6000),
    slots: [
        Area::internal(0x2_0000, 0x8_0000),
        Area::internal(0xA_0000, 0x8_2000),
    ],
    step: 4096,
}) {
    Ok(map) => map,
    Err(_) => panic!("checked at compile time"),
};

const PRODUCT: Product = Product {
    map: MAP,
    vendor: [1; 16],
    class: [2; 16],
    hardware: 1,
    component: 0,
    load_addresses: [0x1002_0000; 2],
    floor: 0,
    trial: TrialLimits {
        attempts: 3,
        interruptions: 3,
    },
};

static RELEASE: [PublicKey; 1] = [PublicKey::Ed25519([1; 32])];
static BOOT: [PublicKey; 1] = [PublicKey::P256([2; 64])];

/// A flash that is not there.
struct NoFlash;

#[derive(Debug)]
struct Absent;

impl NorFlashError for Absent {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

impl ErrorType for NoFlash {
    type Error = Absent;
}

impl ReadNorFlash for NoFlash {
    const READ_SIZE: usize = 1;
    fn read(&mut self, _: u32, _: &mut [u8]) -> Result<(), Absent> {
        Err(Absent)
    }
    fn capacity(&self) -> usize {
        2 << 20
    }
}

impl NorFlash for NoFlash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;
    fn erase(&mut self, _: u32, _: u32) -> Result<(), Absent> {
        Err(Absent)
    }
    fn write(&mut self, _: u32, _: &[u8]) -> Result<(), Absent> {
        Err(Absent)
    }
}

/// A server that is not there.
struct NoServer;

impl blocking::Source for NoServer {
    type Error = Fault;
    fn open(&mut self, _: Range) -> Result<Reply, Fault> {
        Err(Fault::Link)
    }
    fn read(&mut self, _: &mut [u8]) -> Result<usize, Fault> {
        Err(Fault::Link)
    }
}

/// Time that does not pass.
struct NoTime;

impl embedded_hal::delay::DelayNs for NoTime {
    fn delay_ns(&mut self, _: u32) {}
}

/// A bootloader: 0 boots, anything else is the code of the recovery.
#[unsafe(no_mangle)]
pub extern "C" fn boot() -> u32 {
    let (Ok(keys), Ok(storage)) = (BootKeys::new(&BOOT), OneFlash::new(NoFlash, MAP)) else {
        return u32::MAX;
    };
    match Bootloader::new(&PRODUCT, keys, storage, SoftwareCrypto).boot(ResetCause::Power) {
        Decision::Boot(_) => 0,
        Decision::Recovery(recovery) => u32::from(recovery.code()),
    }
}

/// An application: 0 staged an update, anything else is the code of the failure.
#[unsafe(no_mangle)]
pub extern "C" fn update() -> u32 {
    let (Ok(anchors), Ok(storage)) = (
        TrustAnchors::new(&RELEASE, &BOOT),
        OneFlash::new(NoFlash, MAP),
    ) else {
        return u32::MAX;
    };
    let mut updater = match Updater::open(&PRODUCT, storage, SoftwareCrypto) {
        Ok(updater) => updater,
        Err(error) => return u32::from(error.code()),
    };
    let mut buffer = [0; 4096];
    let mut download = Download::new(Config::DEFAULT, &mut buffer);
    match blocking::run(&mut download, &mut updater, &anchors, NoServer, NoTime) {
        Ok(_) => 0,
        Err(error) => u32::from(error.code()),
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
