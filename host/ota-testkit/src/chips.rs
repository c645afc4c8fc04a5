//! One or two flash models behind the traits, on one supply: a power cut takes both.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use ota_bootloader::{EitherError, Geometry, OneFlash, Region, Storage, TwoFlash};
use ota_sim::{Cut, Flash, FlashError, Plan};

/// Counts the operations of all chips together, and goes for all of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Supply {
    armed: Option<Cut>,
    later: VecDeque<Cut>,
    /// Operations since the cut was armed.
    since: u64,
    off: bool,
}

impl Supply {
    /// Arms a plan as if that had been `done` operations ago.
    pub(crate) fn arm(&mut self, plan: Plan, done: u64) {
        self.later = plan.0.into();
        self.armed = self.later.pop_front();
        self.since = done;
    }

    pub(crate) const fn is_off(&self) -> bool {
        self.off
    }

    /// Operations since the next cut of the plan was armed.
    pub(crate) const fn since(&self) -> u64 {
        self.since
    }

    /// The power comes back. The next cut counts from here, if there is none to come.
    pub(crate) fn power_up(&mut self) {
        if core::mem::take(&mut self.off) {
            self.armed = self.later.pop_front();
            self.since = 0;
        }
    }
}

/// A supply that several chips hang on. Clones share nothing.
#[derive(Debug, Default)]
pub(crate) struct Wire(Mutex<Supply>);

impl Clone for Wire {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.get().clone()))
    }
}

impl Wire {
    pub(crate) fn get(&self) -> MutexGuard<'_, Supply> {
        // An access that panicked did so in a test that expected it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A flash of any geometry behind the traits: the model itself refuses what is not aligned.
pub struct AnyNor<'a> {
    flash: &'a mut Flash,
    supply: &'a Wire,
}

impl AnyNor<'_> {
    fn powered(&self) -> Result<(), AnyError> {
        if self.supply.get().off {
            Err(AnyError(FlashError::PowerCut))
        } else {
            Ok(())
        }
    }

    fn change(
        &mut self,
        work: impl FnOnce(&mut Flash) -> Result<(), FlashError>,
    ) -> Result<(), AnyError> {
        self.powered()?;
        let mut supply = self.supply.get();
        if let Some(cut) = supply.armed {
            self.flash.arm_since(cut, supply.since);
        }
        let before = self.flash.operations();
        let result = work(self.flash);
        supply.since += self.flash.operations() - before;
        supply.off = supply.armed.is_some() && self.flash.is_off();
        result.map_err(AnyError)
    }
}

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
        self.powered()?;
        self.flash.read(offset, bytes).map_err(AnyError)
    }
    fn capacity(&self) -> usize {
        self.flash.config().size as usize
    }
}

impl NorFlash for AnyNor<'_> {
    const WRITE_SIZE: usize = 1;
    const ERASE_SIZE: usize = 1;
    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), AnyError> {
        self.change(|flash| flash.program(offset, bytes))
    }
    fn erase(&mut self, from: u32, to: u32) -> Result<(), AnyError> {
        self.change(|flash| flash.erase(from, to))
    }
}

/// The storage of a simulated device.
pub enum Chips<'a> {
    /// All on one chip.
    One(OneFlash<AnyNor<'a>>),
    /// A second chip beside it.
    Two(TwoFlash<AnyNor<'a>, AnyNor<'a>>),
}

impl<'a> Chips<'a> {
    /// # Panics
    /// If the map does not fit the flashes.
    pub(crate) fn new(
        flash: &'a mut Flash,
        external: Option<&'a mut Flash>,
        supply: &'a Wire,
        map: ota_bootloader::FlashMap,
    ) -> Self {
        let internal = AnyNor { flash, supply };
        match external {
            None => Self::One(OneFlash::new(internal, map).expect("the map fits")),
            Some(flash) => {
                let external = AnyNor { flash, supply };
                Self::Two(TwoFlash::new(internal, external, map).expect("the map fits"))
            }
        }
    }
}

impl Storage for Chips<'_> {
    type Error = EitherError<AnyError, AnyError>;

    fn geometry(&self, region: Region) -> Geometry {
        match self {
            Self::One(one) => one.geometry(region),
            Self::Two(two) => two.geometry(region),
        }
    }
    fn read(&mut self, region: Region, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        match self {
            Self::One(one) => one
                .read(region, offset, bytes)
                .map_err(EitherError::Internal),
            Self::Two(two) => two.read(region, offset, bytes),
        }
    }
    fn program(&mut self, region: Region, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        match self {
            Self::One(one) => one
                .program(region, offset, bytes)
                .map_err(EitherError::Internal),
            Self::Two(two) => two.program(region, offset, bytes),
        }
    }
    fn erase(&mut self, region: Region, from: u32, to: u32) -> Result<(), Self::Error> {
        match self {
            Self::One(one) => one.erase(region, from, to).map_err(EitherError::Internal),
            Self::Two(two) => two.erase(region, from, to),
        }
    }
}
