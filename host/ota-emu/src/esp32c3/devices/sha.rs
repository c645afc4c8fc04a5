//! The SHA accelerator, as far as SHA-256 block by block goes.

use super::time_of;
use core::hash::{Hash as _, Hasher};
use sha2::block_api::compress256;

/// MODE.
const SHA256: u32 = 2;
/// Where a digest begins: square roots of the first primes, as FIPS 180-4 has them.
const BEGIN: [u32; 8] = [
    0x6A09_E667,
    0xBB67_AE85,
    0x3C6E_F372,
    0xA54F_F53A,
    0x510E_527F,
    0x9B05_688C,
    0x1F83_D9AB,
    0x5BE0_CD19,
];
/// Cycles for a block, about.
const CYCLES: u64 = 70;

#[derive(Debug, Clone)]
pub(crate) struct Sha {
    mode: u32,
    digest: [u32; 8],
    message: [u8; 64],
    busy_until: u64,
    raised: bool,
    enabled: bool,
}

/// What a call leaves in it.
#[derive(Debug, Clone)]
pub(crate) struct Left {
    sha: Sha,
    /// Until when it is busy, since the call began, if it was given something to do.
    busy: Option<u64>,
}

impl Sha {
    /// What a call leaves that began then.
    pub(crate) fn left(&self, began: u64) -> Left {
        Left {
            sha: self.clone(),
            busy: self.busy_until.checked_sub(began).filter(|busy| *busy > 0),
        }
    }

    /// A call that begins now has left this.
    pub(crate) fn leave(&mut self, left: &Left, now: u64) {
        let busy_until = left.busy.map_or(self.busy_until, |busy| now + busy);
        *self = Self {
            busy_until,
            ..left.sha.clone()
        };
    }

    /// Hashes all that what it does next depends on.
    pub(crate) fn hash_all(&self, now: u64, hasher: &mut impl Hasher) {
        self.hash(hasher);
        (self.raised, self.busy_until.saturating_sub(now)).hash(hasher);
    }

    pub(crate) const fn interrupts(&self) -> bool {
        self.enabled
    }

    pub(crate) const fn new() -> Self {
        Self {
            mode: 0,
            digest: [0; 8],
            message: [0; 64],
            busy_until: 0,
            raised: false,
            enabled: false,
        }
    }

    /// What it has made so far: firmware may be in the middle of a digest.
    pub(crate) fn hash(&self, hasher: &mut impl Hasher) {
        (self.mode, self.digest, self.message).hash(hasher);
    }

    pub(crate) fn next_event(&self, now: u64) -> Option<u64> {
        (self.enabled && self.busy_until > now).then_some(self.busy_until)
    }

    pub(crate) const fn line(&self, now: u64) -> bool {
        self.enabled && self.raised && now >= self.busy_until
    }

    pub(crate) fn read(&self, offset: u32, now: u64) -> u32 {
        match offset {
            0x00 => self.mode,
            0x18 => (now < self.busy_until).into(),
            0x28 => self.enabled.into(),
            // The digest lies in memory as its bytes are written.
            0x40..=0x5C => self.digest[(offset as usize - 0x40) / 4].swap_bytes(),
            0x80..=0xBC => {
                let at = offset as usize - 0x80;
                let word = self.message[at..].first_chunk().copied();
                u32::from_le_bytes(word.unwrap_or_default())
            }
            _ => 0,
        }
    }

    /// False if it is asked for what is not modelled: other digests, DMA.
    pub(crate) fn write(&mut self, offset: u32, value: u32, now: u64, apb: u64) -> bool {
        match offset {
            0x00 => self.mode = value,
            0x10 | 0x14 if value & 1 != 0 => {
                if offset == 0x10 {
                    self.digest = BEGIN;
                }
                compress256(&mut self.digest, &[self.message]);
                self.busy_until = now + time_of(CYCLES, apb);
                self.raised = true;
                return self.mode == SHA256;
            }
            0x1C | 0x20 if value & 1 != 0 => return false,
            0x24 => self.raised = false,
            0x28 => self.enabled = value & 1 != 0,
            0x40..=0x5C => self.digest[(offset as usize - 0x40) / 4] = value.swap_bytes(),
            0x80..=0xBC => {
                let at = offset as usize - 0x80;
                self.message[at..at + 4].copy_from_slice(&value.to_le_bytes());
            }
            _ => {}
        }
        true
    }
}
