//! A simulated device: the flash model, the real bootloader, the real updater.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use ota_bootloader::{
    AcceptError, Admission, Area, BootState, Bootloader, Chip, ConfirmError, Confirmation,
    Decision, FlashMap, Index, Layout, OneFlash, OpenError, Product, Record, Region, ResetCause,
    Strategy, TrialLimits, Updater, Work,
};
use ota_image::{BootKeys, ENVELOPE_LEN, Envelope, PublicKey, TrustAnchors};
use ota_sim::{Config, Flash, FlashError};

use crate::crypto::RememberingCrypto;
use crate::release::{BOOT_SEED, CLASS, RELEASE_SEED, VENDOR, public_key};

/// Where test images are linked.
pub const LOAD_ADDRESS: u32 = 0x1002_0000;

/// A flash of any geometry behind the traits: the model itself refuses what is not aligned.
pub struct AnyNor<'a>(pub &'a mut Flash);

/// The model's error, for the traits.
#[derive(Debug)]
pub struct AnyError(pub FlashError);

impl NorFlashError for AnyError {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

impl ErrorType for AnyNor<'_> {
    type Error = AnyError;
}

impl ReadNorFlash for AnyNor<'_> {
    const READ_SIZE: usize = 1;
    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), AnyError> {
        self.0.read(offset, bytes).map_err(AnyError)
    }
    fn capacity(&self) -> usize {
        self.0.config().size as usize
    }
}

impl NorFlash for AnyNor<'_> {
    const WRITE_SIZE: usize = 1;
    const ERASE_SIZE: usize = 1;
    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), AnyError> {
        self.0.program(offset, bytes).map_err(AnyError)
    }
    fn erase(&mut self, from: u32, to: u32) -> Result<(), AnyError> {
        self.0.erase(from, to).map_err(AnyError)
    }
}

/// The shape of a simulated device. Sizes in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// Swap or A/B.
    pub strategy: Strategy,
    /// Write size.
    pub write_size: u32,
    /// Erase unit.
    pub erase_size: u32,
    /// Erased value.
    pub erased: u8,
    /// Error correction: a torn word cannot be read.
    pub ecc: bool,
    /// Step.
    pub step: u32,
    /// What an image may occupy.
    pub slot: u32,
    /// A bank.
    pub bank: u32,
    /// Erase units of the journal.
    pub journal_units: u32,
}

impl Geometry {
    /// Byte writes, 4 KiB units and steps: an RP2040 with slots for `steps` steps.
    #[must_use]
    pub const fn small(steps: u32) -> Self {
        Self {
            strategy: Strategy::Swap,
            write_size: 1,
            erase_size: 4096,
            erased: 0xFF,
            ecc: false,
            step: 4096,
            slot: 4096 * steps,
            bank: 8192,
            journal_units: 2,
        }
    }

    /// The layout: bootloader, journal, banks, slots, settings.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let unit = self.erase_size;
        let mut at = 0;
        let mut area = |size: u32| {
            let area = Area::internal(at, size.next_multiple_of(unit));
            at += area.size;
            area
        };
        let bootloader = area(unit);
        let journal = area(self.journal_units * unit);
        let banks = [area(self.bank), area(self.bank)];
        let staging = match self.strategy {
            Strategy::Swap => self.slot + 2 * self.step,
            Strategy::Ab => self.slot,
        };
        let slots = [area(self.slot), area(staging)];
        let settings = area(unit);
        Layout {
            strategy: self.strategy,
            internal: Chip {
                size: at,
                write_size: self.write_size,
                erase_size: unit,
                erased: self.erased,
            },
            external: None,
            bootloader,
            settings,
            journal,
            banks,
            slots,
            step: self.step,
        }
    }
}

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

/// One simulated device. Clones share nothing but what was approved for the slots.
#[derive(Clone)]
pub struct Rig {
    /// Its flash.
    pub flash: Flash,
    /// What it is.
    pub product: Product,
    /// Its cryptography.
    pub crypto: RememberingCrypto,
    /// Bytes that [`download`](Self::download) has asked for, in all its calls.
    pub asked: u32,
    keys: [PublicKey; 2],
    approved: Arc<Mutex<HashSet<Vec<u8>>>>,
    write_size: u32,
    erased: u8,
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
        let mut flash = Flash::new(Config {
            size: layout.internal.size,
            write_size: geometry.write_size,
            erase_size: geometry.erase_size,
            erased: geometry.erased,
            ecc: geometry.ecc,
        });
        for area in [layout.bootloader, layout.settings] {
            flash.load(area.offset, &vec![0x5A; area.size as usize]);
            flash.protect(area.offset..area.offset + area.size);
        }
        let approved = Arc::new(Mutex::new(HashSet::new()));
        for area in layout.slots {
            let approved = Arc::clone(&approved);
            flash.guard(
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
            product,
            crypto: RememberingCrypto::default(),
            asked: 0,
            keys: [public_key(RELEASE_SEED), public_key(BOOT_SEED)],
            approved,
            write_size: geometry.write_size,
            erased: geometry.erased,
        }
    }

    /// Lets the pieces of this image, and nothing else, into the slots.
    ///
    /// # Panics
    /// If a guard panicked before.
    pub fn approve(&self, image: &[u8]) {
        let mut approved = self.approved.lock().expect("not poisoned");
        let mut padded = image.to_vec();
        let whole = image.len().next_multiple_of(self.write_size as usize);
        padded.resize(whole, self.erased);
        for piece in padded.chunks(PIECE) {
            approved.insert(piece.to_vec());
            // A tail is programmed as whole words and a last one.
            let word = self.write_size as usize;
            if piece.len() < PIECE {
                approved.insert(piece[..piece.len() - word].to_vec());
                approved.insert(piece[piece.len() - word..].to_vec());
            } else {
                approved.insert(piece[PIECE - word..].to_vec());
                approved.insert(piece[..PIECE - word].to_vec());
            }
        }
    }

    fn offset(&self, region: Region) -> u32 {
        self.product.map.area(region).offset
    }

    /// Writes a package as a factory does: image, manifest, blank journal.
    ///
    /// # Panics
    /// If it is no package.
    pub fn provision(&mut self, package: &[u8]) {
        let (head, image) = split(package);
        let (slot, bank) = (
            self.offset(Region::Slot(Index::Zero)),
            self.offset(Region::Bank(Index::Zero)),
        );
        self.approve(image);
        self.flash.load(slot, image);
        self.flash.load(bank, head);
    }

    /// One boot of the real bootloader.
    ///
    /// # Panics
    /// If the map does not fit the flash.
    pub fn boot(&mut self, cause: ResetCause) -> Decision {
        let storage =
            OneFlash::new(AnyNor(&mut self.flash), self.product.map).expect("the map fits");
        let [_, boot] = &self.keys;
        let keys = std::slice::from_ref(boot);
        Bootloader::new(
            &self.product,
            BootKeys::new(keys).expect("one key"),
            storage,
            self.crypto.clone(),
        )
        .boot(cause)
    }

    /// Opens the updater, as an application does, and does something with it.
    ///
    /// # Errors
    /// [`OpenError`].
    ///
    /// # Panics
    /// If the map does not fit the flash.
    pub fn updater<T>(
        &mut self,
        work: impl FnOnce(
            &mut Updater<'_, OneFlash<AnyNor<'_>>, RememberingCrypto>,
            &TrustAnchors<'_>,
        ) -> T,
    ) -> Result<T, OpenError> {
        let storage =
            OneFlash::new(AnyNor(&mut self.flash), self.product.map).expect("the map fits");
        let mut updater = Updater::open(&self.product, storage, self.crypto.clone())?;
        Ok(work(&mut updater, &anchors(&self.keys)))
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
        if self.flash.is_off() {
            Err(Stop::PowerCut)
        } else {
            result.map(|()| asked)
        }
    }

    /// Whether slot contents from `offset` on are this image.
    #[must_use]
    pub fn holds(&mut self, slot: Index, offset: u32, image: &[u8]) -> bool {
        let mut bytes = vec![0; image.len()];
        let start = self.offset(Region::Slot(slot)) + offset;
        self.flash.read(start, &mut bytes).is_ok() && bytes == image
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

/// Envelope with table, and payload.
fn split(package: &[u8]) -> (&[u8], &[u8]) {
    let envelope = Envelope::parse(&package[..ENVELOPE_LEN]).expect("an envelope");
    let keys = [public_key(RELEASE_SEED), public_key(BOOT_SEED)];
    let at =
        match envelope.verify_boot(&mut RememberingCrypto::default(), &boot_keys(&[keys[1]]), 0) {
            Ok(manifest) => manifest.payload_offset() as usize,
            Err(_) => package.len(),
        };
    package.split_at(at)
}
