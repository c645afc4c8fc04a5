//! One record: 32 bytes, as ESP-IDF lays them out.

use crc::{Algorithm, Crc};

/// Bytes of a record.
pub const RECORD_LEN: usize = 32;

/// `esp_rom_crc32_le(UINT32_MAX, ..)`: the mask ROM inverts what it starts from.
const ROM_CRC: Algorithm<u32> = Algorithm {
    width: 32,
    poly: 0x04C1_1DB7,
    init: 0,
    refin: true,
    refout: true,
    xorout: u32::MAX,
    check: 0xD202_D277,
    residue: 0,
};
const CRC: Crc<u32> = Crc::<u32>::new(&ROM_CRC);

/// Of the label that holds a [`Mark`].
const MARK_MAGIC: [u8; 4] = *b"otaT";
/// The slot number that stands for no fallback.
const NO_FALLBACK: u8 = 0xFF;

/// What a record says about its slot's image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtaState {
    /// Not started yet.
    New,
    /// Started, not confirmed.
    Pending,
    /// Confirmed.
    Valid,
    /// It said of itself that it does not work.
    Invalid,
    /// It was started and did not confirm.
    Aborted,
    /// Nothing: written by a tool, or by firmware without roll-back.
    Undefined,
    /// A number that ESP-IDF does not know.
    Unknown(u32),
}

impl OtaState {
    const fn from_word(word: u32) -> Self {
        match word {
            0 => Self::New,
            1 => Self::Pending,
            2 => Self::Valid,
            3 => Self::Invalid,
            4 => Self::Aborted,
            u32::MAX => Self::Undefined,
            other => Self::Unknown(other),
        }
    }

    const fn to_word(self) -> u32 {
        match self {
            Self::New => 0,
            Self::Pending => 1,
            Self::Valid => 2,
            Self::Invalid => 3,
            Self::Aborted => 4,
            Self::Undefined => u32::MAX,
            Self::Unknown(other) => other,
        }
    }

    /// Whether the stock bootloader starts such an image.
    #[must_use]
    pub const fn is_bootable(self) -> bool {
        !matches!(self, Self::Invalid | Self::Aborted)
    }
}

/// What this crate writes into the label, which ESP-IDF carries along and does not use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// How often [`step`](super::step) has let the image run without a confirmation.
    pub attempts: u8,
    /// The slot to go back to.
    pub fallback: Option<u8>,
}

/// A record whose CRC is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Which record is newer, and which slot it stands for. Never `u32::MAX`.
    pub sequence: u32,
    /// About the image; not covered by the CRC.
    pub state: OtaState,
    /// Ours, if it is there, whole, and for this sequence.
    pub mark: Option<Mark>,
}

impl Record {
    /// Reads a record. `None` if it is blank, or its CRC is wrong: then the stock bootloader does
    /// not go by it either.
    #[must_use]
    pub fn decode(bytes: &[u8; RECORD_LEN]) -> Option<Self> {
        let (sequence, rest) = bytes.split_first_chunk::<4>()?;
        let (label, rest) = rest.split_first_chunk::<20>()?;
        let (state, crc) = rest.split_first_chunk::<4>()?;
        let sequence_word = u32::from_le_bytes(*sequence);
        if sequence_word == u32::MAX || crc != CRC.checksum(sequence).to_le_bytes() {
            return None;
        }
        Some(Self {
            sequence: sequence_word,
            state: OtaState::from_word(u32::from_le_bytes(*state)),
            mark: Mark::decode(label, sequence_word),
        })
    }

    /// The record's bytes: sequence, state and CRC in one.
    #[must_use]
    pub fn encode(&self) -> [u8; RECORD_LEN] {
        let mut bytes = [0xFF; RECORD_LEN];
        let sequence = self.sequence.to_le_bytes();
        let label = self
            .mark
            .map_or([0xFF; 20], |mark| mark.encode(self.sequence));
        let state = self.state.to_word().to_le_bytes();
        let crc = CRC.checksum(&sequence).to_le_bytes();
        let fields = sequence.iter().chain(&label).chain(&state).chain(&crc);
        for (byte, field) in bytes.iter_mut().zip(fields) {
            *byte = *field;
        }
        bytes
    }
}

impl Mark {
    /// Magic, attempts, fallback, two bytes unused, a CRC that covers the sequence too, and eight
    /// unused.
    fn encode(self, sequence: u32) -> [u8; 20] {
        let [m0, m1, m2, m3] = MARK_MAGIC;
        let fallback = self.fallback.unwrap_or(NO_FALLBACK);
        let head = [m0, m1, m2, m3, self.attempts, fallback, 0, 0];
        let [c0, c1, c2, c3] = mark_crc(&head, sequence).to_le_bytes();
        let [h0, h1, h2, h3, h4, h5, h6, h7] = head;
        let unused = 0xFF;
        [
            h0, h1, h2, h3, h4, h5, h6, h7, c0, c1, c2, c3, unused, unused, unused, unused, unused,
            unused, unused, unused,
        ]
    }

    fn decode(label: &[u8; 20], sequence: u32) -> Option<Self> {
        let [_, _, _, _, attempts, fallback, ..] = *label;
        let mark = Self {
            attempts,
            fallback: (fallback != NO_FALLBACK).then_some(fallback),
        };
        (mark.encode(sequence) == *label).then_some(mark)
    }
}

fn mark_crc(head: &[u8; 8], sequence: u32) -> u32 {
    let mut digest = CRC.digest();
    digest.update(head);
    digest.update(&sequence.to_le_bytes());
    digest.finalize()
}
