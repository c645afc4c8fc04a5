//! Updates: looking for one, downloading it, and what a trial ends in.

use core::convert::Infallible;

use defmt::Display2Format;
use embassy_time::{Delay, Duration, Timer};
use ota_bootloader::{BootState, ConfirmError, OneFlash, Updater};
use ota_client::{Config, Download, Outcome, Range, Source};
use ota_image::SoftwareCrypto;
use stm32_product::{ANCHORS, PRODUCT};

use crate::Link;
use crate::board::{self, BoardFlash};
use crate::settings::{self, BEHAVIOUR, Behaviour};

type BoardUpdater<'f> = Updater<'static, OneFlash<&'f mut BoardFlash>, SoftwareCrypto>;

/// One chunk: the largest that the flash map allows.
const CHUNK: usize = PRODUCT.map.largest_chunk() as usize;

/// The device, as far as updates are concerned.
pub(crate) struct Device {
    flash: BoardFlash,
    link: Link,
    chunk: [u8; CHUNK],
}

impl Device {
    /// With its flash, and the way to the server.
    pub(crate) const fn new(flash: BoardFlash, link: Link) -> Self {
        Self {
            flash,
            link,
            chunk: [0; CHUNK],
        }
    }

    /// Whether this release has to prove itself.
    pub(crate) fn on_trial(&mut self) -> bool {
        let record = open(&mut self.flash).record();
        #[cfg(feature = "dual-bank")]
        in_front(record.active);
        let trial = matches!(record.state, BootState::Trial(_));
        if !trial {
            defmt::info!("not on trial");
        }
        trial
    }

    /// All checks of the trial passed: this release stays.
    pub(crate) fn confirm(&mut self) {
        match open(&mut self.flash).confirm(&ANCHORS) {
            Ok(_) => defmt::info!("confirmed"),
            Err(error) => {
                defmt::error!(
                    "not confirmed, {=u16:#x}: {}",
                    error.code(),
                    Display2Format(&error)
                );
                // A flash that does not take it is no reason to stop: at the next reset the
                // former release comes back.
                if error != ConfirmError::Flash {
                    ota_stm32::reset();
                }
            }
        }
    }

    /// This check did not pass in time: this start is over.
    pub(crate) fn give_up(&mut self, check: &str) -> ! {
        defmt::error!("unhealthy: no {=str}; giving up", check);
        if let Err(error) = open(&mut self.flash).give_up() {
            defmt::error!("not recorded, {=u16:#x}", error.code());
        }
        ota_stm32::reset()
    }

    /// Returns as soon as the server has answered.
    pub(crate) async fn reach_server(&mut self) {
        let mut source = self.link.source();
        loop {
            if BEHAVIOUR != Behaviour::Offline {
                let range = Range {
                    offset: 0,
                    length: 1,
                };
                match source.open(range).await {
                    Ok(_) => return,
                    Err(error) => defmt::warn!("server: {}", Display2Format(&error)),
                }
            }
            Timer::after(Duration::from_secs(1)).await;
        }
    }

    /// Looks for an update now and then, for ever.
    pub(crate) async fn keep_up_to_date(&mut self) -> Infallible {
        loop {
            self.check().await;
            Timer::after(settings::CHECK_INTERVAL).await;
        }
    }

    /// Looks for an update; if there is one, downloads it and resets into it.
    async fn check(&mut self) {
        let source = self.link.source();
        let config = Config {
            // So that a fleet does not come back all at once.
            seed: board::number(),
            ..Config::DEFAULT
        };
        let mut updater = open(&mut self.flash);
        let mut download = Download::new(config, &mut self.chunk);
        defmt::info!("looking for an update");
        match ota_client::run(&mut download, &mut updater, &ANCHORS, source, Delay).await {
            Ok(Outcome::UpToDate) => defmt::info!("up to date"),
            Ok(Outcome::Staged(image)) => match updater.request(image) {
                Ok(()) => {
                    defmt::info!("staged; resetting");
                    reset_after(updater.reset_pause_s()).await;
                }
                Err(error) => {
                    defmt::error!("not requested, {=u16:#x}", error.code());
                }
            },
            Ok(Outcome::AlreadyStaged) => {
                defmt::info!("staged before; resetting");
                reset_after(updater.reset_pause_s()).await;
            }
            Err(error) => {
                defmt::warn!(
                    "no update, {=u16:#x}: {}",
                    error.code(),
                    Display2Format(&error)
                );
            }
        }
    }
}

/// What runs has to be the release that this start is about: the one in the bank of the active slot.
/// It is another one if something has taken the exchange of the banks back, as a reset of SYSCFG may.
#[cfg(feature = "dual-bank")]
fn in_front(active: ota_bootloader::Index) {
    if ota_stm32::swapped() != (active == ota_bootloader::Index::One) {
        defmt::error!("the other bank is in front; resetting");
        ota_stm32::reset();
    }
}

/// Resets into what is staged; not at once, if updates have come to nothing here.
async fn reset_after(seconds: u32) -> ! {
    Timer::after(Duration::from_secs(seconds.into())).await;
    ota_stm32::reset()
}

/// Opens the update state. The bootloader has checked map and journal at every start, so that
/// failing here means that this image was built for another one.
fn open(flash: &mut BoardFlash) -> BoardUpdater<'_> {
    let storage = match OneFlash::new(flash, PRODUCT.map) {
        Ok(storage) => storage,
        Err(error) => panic!("{error}"),
    };
    match Updater::open(&PRODUCT, storage, SoftwareCrypto) {
        Ok(updater) => updater,
        Err(error) => panic!("{error}"),
    }
}
