//! A simulated device: the flash model, the real bootloader, the real updater.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use ota_bootloader::{
    AcceptError, Admission, BootState, Bootloader, ConfirmError, Confirmation, Decision, Device,
    FlashMap, Index, OpenError, Product, Record, Region, ResetCause, Strategy, TrialLimits,
    Updater, Work,
};
use ota_image::{BootKeys, ENVELOPE_LEN, Envelope, Manifest, PublicKey, Reader, TrustAnchors};
use ota_sim::{Fault, Flash, Plan};

use crate::chips::{Chips, Wire};
use crate::crypto::RememberingCrypto;
use crate::geometry::Geometry;
use crate::release::{BOOT_SEED, CLASS, RELEASE_SEED, VENDOR, public_key};

/// Where test images are linked.
pub const LOAD_ADDRESS: u32 = 0x1002_0000;

/// Why something on a rig stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The power is off.
    PowerCut,
    /// There is no journal.
    Open(OpenError),
    /// The release is not wanted; the code of the reason.
    Refused(u16),
    /// Staging failed; the code of the reason.
    Failed(u16),
}

/// The boot keys of test devices.
///
/// # Panics
/// Never: one key is a set of keys.
#[must_use]
pub fn boot_keys(keys: &[PublicKey; 1]) -> BootKeys<'_> {
    BootKeys::new(keys).expect("one key")
}

/// The trust anchors of test devices: release key, boot key.
///
/// # Panics
/// Never: the two keys differ.
#[must_use]
pub fn anchors(keys: &[PublicKey; 2]) -> TrustAnchors<'_> {
    let [release, boot] = keys;
    TrustAnchors::new(std::slice::from_ref(release), std::slice::from_ref(boot)).expect("two keys")
}

/// What a firmware was built with.
#[derive(Clone, Debug)]
pub struct Build {
    /// What it takes the device for.
    pub product: Product,
    /// Its boot keys, in order.
    pub boot_keys: Vec<PublicKey>,
}

/// One simulated device. Clones share nothing but what was approved for the slots.
#[derive(Clone)]
pub struct Rig {
    /// Its flash.
    pub flash: Flash,
    /// Its second chip, if it has one.
    pub external: Option<Flash>,
    /// What it is.
    pub product: Product,
    /// The boot keys of its application, and of its bootloader.
    pub boot_keys: Vec<PublicKey>,
    /// Its bootloader, if that was built with something else than the application.
    pub other_bootloader: Option<Build>,
    /// Its cryptography.
    pub crypto: RememberingCrypto,
    /// Bytes that [`download`](Self::download) has asked for, in all its calls.
    pub asked: u32,
    release_key: PublicKey,
    approved: Arc<Mutex<HashSet<Vec<u8>>>>,
    supply: Wire,
}

const PIECE: usize = 256;

impl Rig {
    /// A blank device. Its slots take nothing that was not [approved](Self::approve); bootloader
    /// and settings take nothing at all.
    ///
    /// # Panics
    /// If the geometry makes no map.
    #[must_use]
    pub fn new(geometry: Geometry) -> Self {
        let layout = geometry.layout();
        let map = FlashMap::new(layout).expect("a map");
        let (internal, external) = geometry.configs();
        let mut flash = Flash::new(internal);
        let mut external = external.map(Flash::new);
        for area in [layout.bootloader, layout.settings] {
            flash.load(area.offset, &vec![0x5A; area.size as usize]);
            flash.protect(area.offset..area.offset + area.size);
        }
        let approved = Arc::new(Mutex::new(HashSet::new()));
        for area in layout.slots {
            let approved = Arc::clone(&approved);
            let chip = match (area.device, &mut external) {
                (Device::External, Some(external)) => external,
                (Device::External, None) | (Device::Internal, _) => &mut flash,
            };
            chip.guard(
                area.offset..area.offset + area.size,
                move |_, bytes: &[u8]| {
                    let approved: std::sync::MutexGuard<'_, HashSet<Vec<u8>>> =
                        approved.lock().expect("not poisoned");
                    bytes.chunks(PIECE).all(|piece| approved.contains(piece))
                },
            );
        }
        let product = Product {
            map,
            vendor: VENDOR,
            class: CLASS,
            hardware: 2,
            component: 0,
            load_addresses: [LOAD_ADDRESS; 2],
            floor: 0,
            trial: TrialLimits::default(),
        };
        Self {
            flash,
            external,
            product,
            crypto: RememberingCrypto::default(),
            asked: 0,
            boot_keys: vec![public_key(BOOT_SEED)],
            other_bootloader: None,
            release_key: public_key(RELEASE_SEED),
            approved,
            supply: Wire::default(),
        }
    }

    /// Lets the pieces of this image, and nothing else, into the slots.
    ///
    /// # Panics
    /// If a guard panicked before.
    pub fn approve(&self, image: &[u8]) {
        let mut approved = self.approved.lock().expect("not poisoned");
        for index in [Index::Zero, Index::One] {
            let geometry = self.product.map.geometry(Region::Slot(index));
            let word = geometry.write_size as usize;
            let mut padded = image.to_vec();
            padded.resize(image.len().next_multiple_of(word), geometry.erased);
            for piece in padded.chunks(PIECE) {
                approved.insert(piece.to_vec());
                // A tail is programmed as whole words and a last one.
                approved.insert(piece[..piece.len() - word].to_vec());
                approved.insert(piece[piece.len() - word..].to_vec());
            }
        }
    }

    /// The chip that a region lies on, and where.
    fn chip(&mut self, region: Region) -> (&mut Flash, u32) {
        let area = self.product.map.area(region);
        let chip = match (area.device, &mut self.external) {
            (Device::External, Some(external)) => external,
            (Device::External, None) | (Device::Internal, _) => &mut self.flash,
        };
        (chip, area.offset)
    }

    /// Both chips.
    pub fn chips(&self) -> impl Iterator<Item = &Flash> {
        core::iter::once(&self.flash).chain(&self.external)
    }

    /// Arms cuts that count the operations of both chips, and take both, as if that had been
    /// `done` operations ago (0: now). With one chip, arming that does the same.
    pub fn arm(&mut self, plan: Plan, done: u64) {
        self.supply.get().arm(plan, done);
        self.flash.disarm();
        if let Some(external) = &mut self.external {
            external.disarm();
        }
    }

    /// Operations of both chips since the next cut of the plan was armed: since the last cut.
    #[must_use]
    pub fn since_cut(&self) -> u64 {
        self.supply.get().since()
    }

    /// Whether the power is off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.supply.get().is_off() || self.chips().any(Flash::is_off)
    }

    /// The power comes back, or goes for a moment between two operations.
    pub fn power_up(&mut self) {
        if self.supply.get().is_off() {
            self.flash.disarm();
            if let Some(external) = &mut self.external {
                external.disarm();
            }
        }
        self.supply.get().power_up();
        self.flash.power_up();
        if let Some(external) = &mut self.external {
            external.power_up();
        }
    }

    /// Operations of both chips so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.chips().map(Flash::operations).sum()
    }

    /// What a region holds, as a read would see it. Not counted as a read.
    #[must_use]
    pub fn region(&mut self, region: Region) -> Vec<u8> {
        let size = self.product.map.area(region).size as usize;
        let (chip, offset) = self.chip(region);
        chip.bytes()[offset as usize..][..size].to_vec()
    }

    /// Puts bytes somewhere from outside, as a factory or as rot does.
    pub fn load(&mut self, region: Region, offset: u32, bytes: &[u8]) {
        let (chip, start) = self.chip(region);
        chip.load(start + offset, bytes);
    }

    /// Bit rot: a byte of a region reads so from now on.
    pub fn rot(&mut self, region: Region, offset: u32, byte: u8) {
        let (chip, start) = self.chip(region);
        chip.corrupt(start + offset, byte);
    }

    /// Bit rot: a bit of a region is turned round from now on.
    pub fn flip(&mut self, region: Region, offset: u32, bit: u8) {
        let (chip, start) = self.chip(region);
        chip.flip(start + offset, bit);
    }

    /// Arms a fault on the chip that a region lies on.
    pub fn arm_fault(&mut self, region: Region, fault: Fault) {
        self.chip(region).0.arm_fault(fault);
    }

    /// A unit of a region takes no erase any more, nor, if it is dead, a program.
    pub fn wear_out(&mut self, region: Region, unit: u32, dead: bool) {
        let size = self.product.map.geometry(region).erase_size;
        let (chip, start) = self.chip(region);
        chip.wear_out(start + unit * size, dead);
    }

    /// No fault is to come any more, and what wore out is as new.
    pub fn mend(&mut self) {
        self.flash.mend();
        if let Some(external) = &mut self.external {
            external.mend();
        }
    }

    /// Erases of the units of a region so far, torn ones included.
    pub fn erases(&mut self, region: Region) -> u32 {
        let size = self.product.map.area(region).size;
        let (chip, offset) = self.chip(region);
        let unit = chip.config().erase_size;
        let units = (offset / unit) as usize..((offset + size) / unit) as usize;
        chip.stats().erases_per_unit[units].iter().sum()
    }

    fn storage(&mut self, map: FlashMap) -> Chips<'_> {
        Chips::new(&mut self.flash, self.external.as_mut(), &self.supply, map)
    }

    /// What application and bootloader are built with, unless the bootloader is another one.
    #[must_use]
    pub fn build(&self) -> Build {
        Build {
            product: self.product,
            boot_keys: self.boot_keys.clone(),
        }
    }

    /// Writes a package as a factory does: image, manifest, blank journal.
    ///
    /// # Panics
    /// If it is no package.
    pub fn provision(&mut self, package: &[u8]) {
        let (head, image) = split(package);
        self.approve(image);
        self.load(Region::Slot(Index::Zero), 0, image);
        self.load(Region::Bank(Index::Zero), 0, head);
    }

    /// One boot of the real bootloader.
    ///
    /// # Panics
    /// If the map does not fit the flash.
    pub fn boot(&mut self, cause: ResetCause) -> Decision {
        self.bootloader(|bootloader| bootloader.boot(cause))
    }

    /// Starts the real bootloader, and does something with it.
    ///
    /// # Panics
    /// If the map does not fit the flash, or the keys are no set of keys.
    pub fn bootloader<T>(
        &mut self,
        work: impl FnOnce(&mut Bootloader<'_, Chips<'_>, RememberingCrypto>) -> T,
    ) -> T {
        let build = self.other_bootloader.clone();
        let Build { product, boot_keys } = build.unwrap_or_else(|| self.build());
        let keys = BootKeys::new(&boot_keys).expect("boot keys");
        let crypto = self.crypto.clone();
        let storage = self.storage(product.map);
        work(&mut Bootloader::new(&product, keys, storage, crypto))
    }

    /// Opens the updater, as an application does, and does something with it.
    ///
    /// # Errors
    /// [`OpenError`].
    ///
    /// # Panics
    /// If the map does not fit the flash, or the keys are no set of keys.
    pub fn updater<T>(
        &mut self,
        work: impl FnOnce(&mut Updater<'_, Chips<'_>, RememberingCrypto>, &TrustAnchors<'_>) -> T,
    ) -> Result<T, OpenError> {
        let Build { product, boot_keys } = self.build();
        let (release_key, crypto) = ([self.release_key], self.crypto.clone());
        let anchors = TrustAnchors::new(&release_key, &boot_keys).expect("keys");
        let mut updater = Updater::open(&product, self.storage(product.map), crypto)?;
        Ok(work(&mut updater, &anchors))
    }

    /// The state on flash.
    #[must_use]
    pub fn record(&mut self) -> Record {
        self.updater(|updater, _| updater.record())
            .unwrap_or(Record::unknown())
    }

    /// Downloads a package from memory, resuming what was begun, and requests it. Returns how
    /// many bytes were asked for.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn download(&mut self, package: &[u8], window: u32) -> Result<u32, Stop> {
        self.approve(split(package).1);
        let mut asked = 0;
        let result = self.updater(|updater, anchors| {
            let mut buffer = vec![0; 16 * 1024];
            let mut staging = match updater.resume(anchors, &mut buffer) {
                Some(staging) => staging,
                None => {
                    asked += 1024;
                    match updater.admit(anchors, &package[..ENVELOPE_LEN]) {
                        Ok(Admission::Download(staging)) => staging,
                        Ok(Admission::UpToDate | Admission::AlreadyStaged) => return Ok(()),
                        Err(error) => return Err(Stop::Refused(error.code())),
                    }
                }
            };
            let (mut run_end, mut retries) = (0, 3);
            loop {
                match updater.poll(&mut staging, &mut buffer, window) {
                    Ok(Work::Busy) => {}
                    Ok(Work::Fetch(need)) => {
                        if need.offset >= run_end {
                            asked += need.length;
                            run_end = need.offset + need.length;
                        }
                        let piece = &package[need.offset as usize..][..need.piece as usize];
                        match updater.accept(&mut staging, piece) {
                            Ok(()) => {}
                            // A torn place: polling cleans up behind it, and asks again.
                            Err(AcceptError::Flash) if retries > 0 => {
                                retries -= 1;
                                run_end = 0;
                            }
                            Err(error) => return Err(Stop::Failed(error.code())),
                        }
                    }
                    Ok(Work::Complete(staged)) => {
                        updater
                            .request(staged)
                            .map_err(|error| Stop::Failed(error.code()))?;
                        return Ok(());
                    }
                    Err(error) => return Err(Stop::Failed(error.code())),
                }
            }
        });
        self.asked += asked;
        let result = result.map_err(Stop::Open).and_then(|result| result);
        if self.is_off() {
            Err(Stop::PowerCut)
        } else {
            result.map(|()| asked)
        }
    }

    /// Whether slot contents from `offset` on are this image.
    #[must_use]
    pub fn holds(&mut self, slot: Index, offset: u32, image: &[u8]) -> bool {
        let mut bytes = vec![0; image.len()];
        let (chip, start) = self.chip(Region::Slot(slot));
        chip.read(start + offset, &mut bytes).is_ok() && bytes == image
    }

    /// Confirms the running image, as a healthy application does.
    ///
    /// # Errors
    /// [`ConfirmError`].
    ///
    /// # Panics
    /// If there is no journal.
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method itself is not general enough over lifetimes"
    )]
    pub fn confirm(&mut self) -> Result<Confirmation, ConfirmError> {
        self.updater(|updater, anchors| updater.confirm(anchors))
            .expect("a journal")
    }

    /// The sequence of the release that runs, by its own manifest.
    #[must_use]
    pub fn running(&mut self) -> Option<u64> {
        let manifest = self
            .updater(|updater, anchors| updater.running(&anchors.boot()))
            .ok()?;
        manifest.map(|manifest| manifest.sequence)
    }

    /// The slot of the active image.
    #[must_use]
    pub fn active_slot(&mut self) -> Index {
        match self.product.map.strategy() {
            Strategy::Swap => Index::Zero,
            Strategy::Ab => self.record().active,
        }
    }

    /// Whether this image is whole in the active slot.
    #[must_use]
    pub fn runs(&mut self, image: &[u8]) -> bool {
        let slot = self.active_slot();
        self.holds(slot, 0, image)
    }

    /// Whether the device is confirmed.
    #[must_use]
    pub fn is_confirmed(&mut self) -> bool {
        matches!(self.record().state, BootState::Confirmed(_))
    }
}

/// Envelope with table, and payload. What is no package has no payload.
fn split(package: &[u8]) -> (&[u8], &[u8]) {
    let envelope = Envelope::parse(&package[..ENVELOPE_LEN]).expect("an envelope");
    let manifest = Manifest::decode_unverified(envelope.body(), Reader::Inspector);
    let at = manifest.map_or(package.len(), |(manifest, _)| {
        manifest.payload_offset() as usize
    });
    package.split_at(at)
}
