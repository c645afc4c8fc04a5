//! The shape of a simulated device.

use ota_bootloader::{Area, Chip, Device, Layout, Strategy, smallest_journal};
use ota_sim::Config;

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
    /// Erase units of the journal; there are more if that is less than [`smallest_journal`].
    pub journal_units: u32,
    /// A second chip.
    pub external: Option<External>,
}

/// A second chip. Sizes in bytes.
#[derive(Clone, Copy, Debug)]
pub struct External {
    /// Write size.
    pub write_size: u32,
    /// Erase unit.
    pub erase_size: u32,
    /// Erased value.
    pub erased: u8,
    /// Error correction.
    pub ecc: bool,
    /// What lies on it.
    pub holds: Holds,
}

/// What lies on the second chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Slot 1.
    Staging,
    /// Both slots.
    Slots,
    /// The journal.
    Journal,
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
            external: None,
        }
    }

    fn erase_size_of(&self, device: Device) -> u32 {
        match (device, &self.external) {
            (Device::External, Some(external)) => external.erase_size,
            (Device::External, None) | (Device::Internal, _) => self.erase_size,
        }
    }

    fn device_if(&self, places: &[Holds]) -> Device {
        match &self.external {
            Some(external) if places.contains(&external.holds) => Device::External,
            _ => Device::Internal,
        }
    }

    /// The layout: bootloader, journal, banks, slots, settings.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let mut ends = [0; 2];
        let mut area = |device: Device, size: u32| {
            let end = &mut ends[device as usize];
            let size = size.next_multiple_of(self.erase_size_of(device));
            let area = Area {
                device,
                offset: *end,
                size,
            };
            *end += size;
            area
        };
        let here = Device::Internal;
        let bootloader = area(here, self.erase_size);
        let journal = self.device_if(&[Holds::Journal]);
        let unit = self.erase_size_of(journal);
        let journal = area(
            journal,
            (self.journal_units * unit).max(smallest_journal(unit)),
        );
        let banks = [area(here, self.bank), area(here, self.bank)];
        let staging = match self.strategy {
            Strategy::Swap => self.slot + 2 * self.step,
            Strategy::Ab => self.slot,
        };
        let slots = [
            area(self.device_if(&[Holds::Slots]), self.slot),
            area(self.device_if(&[Holds::Slots, Holds::Staging]), staging),
        ];
        let settings = area(here, self.erase_size);
        Layout {
            strategy: self.strategy,
            internal: Chip {
                size: ends[0],
                write_size: self.write_size,
                erase_size: self.erase_size,
                erased: self.erased,
            },
            external: self.external.map(|external| Chip {
                size: ends[1],
                write_size: external.write_size,
                erase_size: external.erase_size,
                erased: external.erased,
            }),
            bootloader,
            settings,
            journal,
            banks,
            slots,
            step: self.step,
        }
    }

    /// The flashes for [`layout`](Self::layout).
    pub(crate) fn configs(&self) -> (Config, Option<Config>) {
        let layout = self.layout();
        let config = |chip: Chip, ecc| Config {
            size: chip.size,
            write_size: chip.write_size,
            erase_size: chip.erase_size,
            erased: chip.erased,
            ecc,
        };
        let external = layout.external.zip(self.external);
        (
            config(layout.internal, self.ecc),
            external.map(|(chip, external)| config(chip, external.ecc)),
        )
    }
}
