//! Whether an authentic release is for this device: a pure function of manifest and limits.

use core::fmt;

use crate::Manifest;

/// How far above the floor a security counter may be: a slip of the keyboard must not lock a
/// fleet out of every later release.
pub const MAX_COUNTER_STEP: u32 = 1024;

/// The payload is the image.
const RAW: u8 = 0;

/// What a device is, and what it has room for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Who made it.
    pub vendor: [u8; 16],
    /// Which kind of device it is.
    pub class: [u8; 16],
    /// Its hardware revision.
    pub hardware: u16,
    /// Which part of it is asked about; 0 is the application.
    pub component: u8,
    /// The address its images run at.
    pub load_address: u32,
    /// Bytes that an image may occupy.
    pub slot_size: u32,
    /// Bytes that envelope and digest table may occupy together.
    pub bank_size: u32,
    /// Bytes of the largest chunk it can take.
    pub max_chunk_size: u32,
    /// The lowest security counter that may run.
    pub floor: u32,
    /// The boot format of its bootloader.
    pub boot_format: u8,
}

impl Manifest {
    /// Whether this release may be installed on, and run by, a device with these limits. The
    /// sequence is not judged here: running an older release again is right after a failure.
    ///
    /// # Errors
    /// The first of the reasons in [`PolicyError`], in the order they stand there.
    pub const fn check(&self, limits: &Limits) -> Result<(), PolicyError> {
        match self.refusal(limits) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    const fn refusal(&self, limits: &Limits) -> Option<PolicyError> {
        use PolicyError as E;
        if !same(&self.vendor, &limits.vendor) {
            return Some(E::WrongVendor);
        }
        if !same(&self.class, &limits.class) {
            return Some(E::WrongClass);
        }
        if limits.hardware < self.hardware_min || self.hardware_max < limits.hardware {
            return Some(E::WrongHardware);
        }
        if self.component != limits.component {
            return Some(E::WrongComponent);
        }
        if self.load_address != limits.load_address {
            return Some(E::WrongLoadAddress);
        }
        self.refusal_by_size(limits)
    }

    const fn refusal_by_size(&self, limits: &Limits) -> Option<PolicyError> {
        use PolicyError as E;
        if self.image_length > limits.slot_size {
            return Some(E::ImageTooLarge);
        }
        if self.payload_offset() > limits.bank_size {
            return Some(E::TableTooLarge);
        }
        if self.chunk_size.bytes() > limits.max_chunk_size {
            return Some(E::ChunkTooLarge);
        }
        self.refusal_by_age(limits)
    }

    const fn refusal_by_age(&self, limits: &Limits) -> Option<PolicyError> {
        use PolicyError as E;
        if self.security_counter < limits.floor {
            return Some(E::BelowFloor);
        }
        if self.security_counter - limits.floor > MAX_COUNTER_STEP {
            return Some(E::CounterTooFar);
        }
        if self.payload_format != RAW {
            return Some(E::UnknownPayloadFormat);
        }
        if self.lowest_boot_format > limits.boot_format {
            return Some(E::BootloaderTooOld);
        }
        None
    }
}

const fn same(a: &[u8; 16], b: &[u8; 16]) -> bool {
    u128::from_le_bytes(*a) == u128::from_le_bytes(*b)
}

/// Why an authentic release is not for this device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PolicyError {
    /// Another vendor's.
    WrongVendor,
    /// For another kind of device.
    WrongClass,
    /// Not for this hardware revision.
    WrongHardware,
    /// For another part of the device.
    WrongComponent,
    /// Linked for another address.
    WrongLoadAddress,
    /// The image is larger than a slot.
    ImageTooLarge,
    /// Envelope and digest table are larger than a bank.
    TableTooLarge,
    /// Chunks are larger than the device takes.
    ChunkTooLarge,
    /// The security counter is below the floor.
    BelowFloor,
    /// The security counter is more than [`MAX_COUNTER_STEP`] above the floor.
    CounterTooFar,
    /// The payload is something other than the image.
    UnknownPayloadFormat,
    /// The release needs a newer boot format.
    BootloaderTooOld,
}

impl PolicyError {
    /// A stable number for logs and fleets.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::WrongVendor => 0x0401,
            Self::WrongClass => 0x0402,
            Self::WrongHardware => 0x0403,
            Self::WrongComponent => 0x0404,
            Self::WrongLoadAddress => 0x0405,
            Self::ImageTooLarge => 0x0406,
            Self::TableTooLarge => 0x0407,
            Self::ChunkTooLarge => 0x0408,
            Self::BelowFloor => 0x0409,
            Self::CounterTooFar => 0x040A,
            Self::UnknownPayloadFormat => 0x040B,
            Self::BootloaderTooOld => 0x040C,
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongVendor => "the release is another vendor's: offer this vendor's",
            Self::WrongClass => "the release is for another kind of device: offer the right one",
            Self::WrongHardware => {
                "the release is not for this hardware revision: offer one that includes it"
            }
            Self::WrongComponent => {
                "the release is for another part of the device: offer the right one"
            }
            Self::WrongLoadAddress => {
                "the image is linked for another address: link it for this device's slot"
            }
            Self::ImageTooLarge => "the image is larger than the slot: make it smaller",
            Self::TableTooLarge => {
                "the digest table does not fit the bank: pack with larger chunks"
            }
            Self::ChunkTooLarge => {
                "the chunks are larger than the device takes: pack with smaller ones"
            }
            Self::BelowFloor => {
                "the security counter is below the floor: offer a release at or above it"
            }
            Self::CounterTooFar => {
                "the security counter is more than 1024 above the floor: check it for a slip"
            }
            Self::UnknownPayloadFormat => "the payload's format is not known: pack it raw",
            Self::BootloaderTooOld => {
                "the release needs a newer bootloader: offer one that this one can run"
            }
        })
    }
}

impl core::error::Error for PolicyError {}
