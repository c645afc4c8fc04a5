//! What a product is: the facts that bootloader and application have to agree on.

use ota_image::{
    Crypto, Distribution, ENVELOPE_LEN, Envelope, Limits, TrustAnchors, Verified, VerifyError,
};

use crate::io::{At, Io};
use crate::map::{FlashMap, Strategy};
use crate::state::TrialLimits;
use crate::storage::{Index, Region, Storage};

/// Version of what this bootloader can boot; a manifest names the lowest one that it needs.
pub const BOOT_FORMAT: u8 = 1;

/// The facts that bootloader and application share. Put it into one crate and use it in both.
///
/// What is not constant (an identity in fuses, a hardware counter) is filled in at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// Where everything lies.
    pub map: FlashMap,
    /// Vendor id, a UUID. `ota pack --vendor` derives it from a name.
    pub vendor: [u8; 16],
    /// Class id, a UUID: which firmware this device takes.
    pub class: [u8; 16],
    /// Hardware revision of this device.
    pub hardware: u16,
    /// Component: 0 is the application.
    pub component: u8,
    /// Where the processor sees slot 0 and slot 1. With remapping, or with
    /// [`Strategy::Swap`], both are the address that images are linked for.
    pub load_addresses: [u32; 2],
    /// The lowest security counter that may boot: compiled in, or a hardware counter if that is
    /// larger. The journal's floor counts as well.
    pub floor: u32,
    /// The bounds of a trial.
    pub trial: TrialLimits,
}

impl Product {
    /// What an image must be to run from `slot`, above `floor`.
    pub(crate) fn limits(&self, slot: Index, floor: u32) -> Limits {
        let layout = self.map.layout();
        let [bank0, bank1] = layout.banks;
        Limits {
            vendor: self.vendor,
            class: self.class,
            hardware: self.hardware,
            component: self.component,
            load_address: slot.of(&self.load_addresses),
            slot_size: self.map.image_capacity(),
            bank_size: bank0.size.min(bank1.size),
            max_chunk_size: self.map.largest_chunk(),
            floor,
            boot_format: BOOT_FORMAT,
        }
    }

    /// The slot that the image of a bank runs from.
    pub(crate) const fn running_slot(&self, bank: Index) -> Index {
        match self.map.strategy() {
            Strategy::Swap => Index::Zero,
            Strategy::Ab => bank,
        }
    }

    /// Where the image of a bank lies while it is staged.
    pub(crate) const fn staged_at(&self, bank: Index) -> At {
        match self.map.strategy() {
            Strategy::Swap => At {
                region: Region::Slot(Index::One),
                offset: self.map.step(),
            },
            Strategy::Ab => At {
                region: Region::Slot(bank),
                offset: 0,
            },
        }
    }

    /// Where the image that ran before the active one lies, with its bank.
    pub(crate) const fn former_at(&self, bank: Index) -> At {
        match self.map.strategy() {
            Strategy::Swap => At {
                region: Region::Slot(Index::One),
                offset: 0,
            },
            Strategy::Ab => At {
                region: Region::Slot(bank),
                offset: 0,
            },
        }
    }

    /// Where the active image lies.
    pub(crate) const fn active_at(&self, bank: Index) -> At {
        At {
            region: Region::Slot(self.running_slot(bank)),
            offset: 0,
        }
    }
}

/// Reads the envelope of a bank and verifies both of its signatures, from the copy in `buffer`.
pub(crate) fn verify_bank<S: Storage, C: Crypto>(
    io: &mut Io<'_, S, C>,
    bank: Index,
    anchors: &TrustAnchors<'_>,
    revoked: u8,
    buffer: &mut [u8; ENVELOPE_LEN],
) -> Option<Result<Verified<Distribution>, VerifyError>> {
    io.read_envelope(
        At {
            region: Region::Bank(bank),
            offset: 0,
        },
        buffer,
    )
    .ok()?;
    Some(match Envelope::parse(&*buffer) {
        Ok(envelope) => envelope.verify(io.crypto, anchors, revoked),
        Err(error) => Err(VerifyError::Frame(error)),
    })
}
