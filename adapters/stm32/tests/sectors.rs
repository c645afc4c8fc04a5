//! Sectors of unlike sizes: what the type refuses, and a device's life with power cuts on them.

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use ota_bootloader::{
    Admission, BootState, Bootloader, Decision, Fallback, FlashMap, Index, Layout, Product, Region,
    ResetCause, Storage, TrialLimits, Updater, Work,
};
use ota_image::ENVELOPE_LEN;
use ota_sim::{Config, Cut, Flash, FlashError, Tear};
use ota_stm32::{F407, F407_LOAD_ADDRESS, F407_SECTORS, F429, Run, SectorError, SectorFlash};
use ota_testkit::{
    BOOT_SEED, CLASS, RELEASE_SEED, Release, RememberingCrypto, VENDOR, anchors, boot_keys,
    public_key, random_image,
};

/// A flash of an STM32F407: erases whole sectors, as `embassy-stm32` does, and nothing else.
struct Sectored<'a>(&'a mut Flash);

/// The sector that begins here.
fn sector_at(offset: u32) -> Option<u32> {
    let mut start = 0;
    for Run { sector, count } in F407_SECTORS {
        if offset < start + sector * count {
            return (offset - start).is_multiple_of(sector).then_some(sector);
        }
        start += sector * count;
    }
    None
}

impl ErrorType for Sectored<'_> {
    type Error = FlashError;
}

impl ReadNorFlash for Sectored<'_> {
    const READ_SIZE: usize = 1;
    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        self.0.read(offset, bytes)
    }
    fn capacity(&self) -> usize {
        self.0.config().size as usize
    }
}

impl NorFlash for Sectored<'_> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 128 * 1024;
    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        self.0.program(offset, bytes)
    }
    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        let mut at = from;
        while at < to {
            at += sector_at(at).ok_or(FlashError::NotAligned)?;
        }
        assert_eq!(at, to, "the end of an erase is inside of a sector");
        self.0.erase(from, to)
    }
}

/// One device, whose power may go.
#[derive(Clone)]
struct Device {
    flash: Flash,
    crypto: RememberingCrypto,
}

const PRODUCT: Product = Product {
    map: F407.map(),
    vendor: VENDOR,
    class: CLASS,
    hardware: 2,
    component: 0,
    load_addresses: [F407_LOAD_ADDRESS; 2],
    floor: 0,
    trial: TrialLimits {
        attempts: 1,
        interruptions: 100,
        crashes: 0,
    },
};

impl Device {
    /// With a first release, and a bootloader that nothing may write.
    fn new(first: &[u8], image: &[u8]) -> Self {
        let mut flash = Flash::new(Config::new(0x10_0000, 4, 0x4000));
        let layout = PRODUCT.map.layout();
        let bootloader = layout.bootloader;
        flash.load(0, &vec![0x5A; bootloader.size as usize]);
        flash.protect(0..bootloader.size);
        let head = &first[..first.len() - image.len()];
        flash.load(layout.banks[0].offset, head);
        flash.load(layout.slots[0].offset, image);
        Self {
            flash,
            crypto: RememberingCrypto::default(),
        }
    }

    fn storage(&mut self) -> SectorFlash<Sectored<'_>> {
        SectorFlash::new(Sectored(&mut self.flash), F407)
    }

    fn boot(&mut self, cause: ResetCause) -> Decision {
        let crypto = self.crypto.clone();
        let keys = [public_key(BOOT_SEED)];
        Bootloader::new(&PRODUCT, boot_keys(&keys), self.storage(), crypto).boot(cause)
    }

    /// Downloads and requests; `None` if the power went, or if it is staged already.
    fn download(&mut self, package: &[u8]) -> Option<()> {
        let crypto = self.crypto.clone();
        let keys = [public_key(RELEASE_SEED), public_key(BOOT_SEED)];
        let anchors = anchors(&keys);
        let mut updater = Updater::open(&PRODUCT, self.storage(), crypto).ok()?;
        let mut buffer = vec![0; 16 * 1024];
        let mut staging = match updater.resume(&anchors, &mut buffer) {
            Some(staging) => staging,
            None => match updater.admit(&anchors, &package[..ENVELOPE_LEN]).ok()? {
                Admission::Download(staging) => staging,
                Admission::UpToDate | Admission::AlreadyStaged => return None,
            },
        };
        let mut refused = 0;
        loop {
            match updater.poll(&mut staging, &mut buffer, 4).ok()? {
                Work::Busy => {}
                Work::Fetch(need) => {
                    let piece = &package[need.offset as usize..][..need.piece as usize];
                    // A torn place: polling cleans up behind it.
                    refused += u32::from(updater.accept(&mut staging, piece).is_err());
                    if refused > 3 {
                        return None;
                    }
                }
                Work::Complete(image) => return updater.request(image).ok(),
            }
        }
    }

    fn confirm(&mut self) -> Option<()> {
        let crypto = self.crypto.clone();
        let keys = [public_key(RELEASE_SEED), public_key(BOOT_SEED)];
        let mut updater = Updater::open(&PRODUCT, self.storage(), crypto).ok()?;
        updater.confirm(&anchors(&keys)).ok().map(|_| ())
    }

    fn state(&mut self) -> Option<BootState> {
        let crypto = self.crypto.clone();
        let updater = Updater::open(&PRODUCT, self.storage(), crypto).ok()?;
        Some(updater.record().state)
    }

    fn runs(&mut self, image: &[u8]) -> bool {
        let start = PRODUCT.map.layout().slots[0].offset as usize;
        self.flash.bytes()[start..].starts_with(image)
    }

    /// What a device does by itself until it runs `new`, confirmed, whatever happens to its power.
    fn live(&mut self, package: &[u8], new: &[u8], old: &[u8]) {
        for _ in 0..20 {
            if self.flash.is_off() {
                self.flash.power_up();
            }
            let Decision::Boot(start) = self.boot(ResetCause::Power) else {
                assert!(self.flash.is_off(), "nothing to boot");
                continue;
            };
            if self.flash.is_off() {
                continue;
            }
            assert!(self.runs(new) || self.runs(old), "neither image is whole");
            if start.trial {
                assert!(self.runs(new));
                self.confirm();
            } else if self.runs(new) {
                return;
            } else {
                self.download(package);
            }
        }
        panic!("never got there");
    }
}

fn release(n: u64, len: u32) -> (Vec<u8>, Vec<u8>) {
    let mut release = Release::new(n, random_image(len, n), 16 * 1024);
    release.manifest.load_address = F407_LOAD_ADDRESS;
    (release.package(), release.image)
}

#[test]
fn a_release_is_swapped_in_and_a_bad_one_swapped_back_on_unlike_sectors() {
    let (first, old) = release(1, 200_000);
    let (second, new) = release(2, 256 * 1024);
    let mut device = Device::new(&first, &old);
    assert!(matches!(device.boot(ResetCause::Power), Decision::Boot(start) if !start.trial));
    device.download(&second).expect("staged");
    assert!(matches!(device.boot(ResetCause::Software), Decision::Boot(start) if start.trial));
    assert!(device.runs(&new));
    device.confirm().expect("confirmed");
    let confirmed = BootState::Confirmed(Fallback::Available);
    assert_eq!(device.state(), Some(confirmed));

    let (third, _) = release(3, 100_000);
    device.download(&third).expect("staged");
    assert!(matches!(device.boot(ResetCause::Software), Decision::Boot(start) if start.trial));
    assert!(matches!(device.boot(ResetCause::Watchdog), Decision::Boot(start) if !start.trial));
    assert!(device.runs(&new), "swapped back");
}

#[test]
fn an_update_survives_a_power_cut_at_operations_all_over_its_life() {
    let (first, old) = release(1, 150_000);
    let (second, new) = release(2, 200_000);
    let fresh = Device::new(&first, &old);
    let mut whole = fresh.clone();
    whole.live(&second, &new, &old);
    let operations = whole.flash.operations();
    assert!(operations > 1000, "{operations}");
    let mut cuts = 0;
    for (index, at) in (1..operations).step_by(13).enumerate() {
        let mut device = fresh.clone();
        let tear = [Tear::Random(at), Tear::Fading, Tear::BlankSpoiled][index % 3];
        device.flash.arm(Cut::new(at, tear));
        device.live(&second, &new, &old);
        cuts += device.flash.history().0.len();
    }
    assert!(cuts > 80, "{cuts}");
}

#[test]
fn each_region_has_the_erase_unit_of_its_sectors() {
    let mut flash = Flash::new(Config::new(0x10_0000, 4, 0x4000));
    let storage = SectorFlash::new(Sectored(&mut flash), F407);
    let units = [
        Region::Journal,
        Region::Bank(Index::Zero),
        Region::Bank(Index::One),
        Region::Slot(Index::Zero),
        Region::Slot(Index::One),
    ]
    .map(|region| storage.geometry(region).erase_size / 1024);
    assert_eq!(units, [16, 64, 128, 128, 128]);
}

#[test]
fn the_largest_images_are_those_of_the_documentation() {
    assert_eq!(F407.map().image_capacity(), 256 * 1024);
    assert_eq!(F429.map().image_capacity(), 640 * 1024);
}

/// The map of the F407, changed, on its sectors.
fn changed(change: impl FnOnce(&mut Layout)) -> Result<(), SectorError> {
    let mut layout = *F407.map().layout();
    change(&mut layout);
    let map = FlashMap::new(layout).expect("a map as such");
    ota_stm32::SectorMap::new(map, &F407_SECTORS).map(|_| ())
}

#[test]
fn what_does_not_fit_the_sectors_is_refused() {
    assert_eq!(changed(|_| {}), Ok(()));
    // A quarter of the 64 KiB sector.
    let part = changed(|layout| layout.banks[0].size = 0x4000);
    assert_eq!(part, Err(SectorError::NotWholeSectors));
    // Over the border between sectors of 64 and of 128 KiB.
    let border = changed(|layout| {
        layout.banks[0].size = 0x3_0000;
        layout.banks[1].offset = 0xC_0000;
        layout.slots[1].offset = 0x8_0000;
        layout.slots[1].size = 0x8_0000;
    });
    assert_eq!(border, Err(SectorError::NotWholeSectors));
    // Behind the last sector of this flash, whatever the map says of its size.
    let behind = changed(|layout| {
        layout.external = layout.external.map(|chip| ota_bootloader::Chip {
            size: 0x20_0000,
            ..chip
        });
        layout.slots[1].offset = 0x10_0000;
    });
    assert_eq!(behind, Err(SectorError::NotWholeSectors));
    // A slot on top of a bank: on two flashes in the map, on one in the chip.
    let overlap = changed(|layout| layout.slots[0].offset = 0x2_0000);
    assert_eq!(overlap, Err(SectorError::Overlap));
    // A slot among what has the smaller unit.
    let slot = changed(|layout| layout.slots[0].device = ota_bootloader::Device::Internal);
    assert_eq!(slot, Err(SectorError::Slots));
    // One sector of 64 KiB is four units of the map, and one of the chip.
    let journal = changed(|layout| {
        layout.journal = layout.banks[0];
        layout.banks[0] = ota_bootloader::Area::internal(0x8000, 0x8000);
    });
    assert_eq!(journal, Err(SectorError::Journal));
}
