//! Frames on a line that loses, changes and invents bytes.

use cobs::{CobsEncoder, DecodeResult, DecoderState};
use crc::{CRC_32_ISO_HDLC, Crc};

/// The check of each frame: finds every damage within 32 bits in a row.
const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// Bytes of a frame's check.
pub const FRAME_OVERHEAD: usize = 4;

/// The buffer is too small for the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

/// How many bytes a message of this length takes on the line, at most.
#[must_use]
pub const fn frame_length(message: usize) -> usize {
    1 + cobs::max_encoding_length(message.saturating_add(FRAME_OVERHEAD)) + 1
}

/// Writes a message, given in parts, as a frame: a zero, which ends whatever was on the line
/// before; the message and its CRC-32 in COBS; a zero. How many bytes that took.
///
/// # Errors
/// If `out` is shorter than [`frame_length`].
pub fn frame(message: &[&[u8]], out: &mut [u8]) -> Result<usize, NoRoom> {
    let mut digest = CRC.digest();
    for part in message {
        digest.update(part);
    }
    let check = digest.finalize().to_le_bytes();

    let (first, rest) = out.split_first_mut().ok_or(NoRoom)?;
    *first = 0;
    let space = rest.len();
    let mut encoder = CobsEncoder::new(rest);
    for part in message.iter().copied().chain([&check[..]]) {
        encoder.push(part).map_err(|_| NoRoom)?;
    }
    let length = encoder.finalize();
    if length >= space {
        return Err(NoRoom);
    }
    *rest.get_mut(length).ok_or(NoRoom)? = 0;
    Ok(length + 2)
}

/// Finds messages in what comes from a line, byte by byte. Whatever is no whole, undamaged frame
/// is passed over, and so are frames that do not fit the buffer.
#[derive(Debug)]
pub struct Deframer {
    state: DecoderState,
    length: usize,
    overflow: bool,
}

impl Default for Deframer {
    fn default() -> Self {
        Self::new()
    }
}

impl Deframer {
    /// At the beginning of a frame.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: DecoderState::Idle,
            length: 0,
            overflow: false,
        }
    }

    /// Takes a byte. If it ended a frame, says how long its message is, which is at the start of
    /// `buffer`: always the same one, with [`FRAME_OVERHEAD`] bytes more than the longest message.
    pub fn push(&mut self, byte: u8, buffer: &mut [u8]) -> Option<usize> {
        match self.state.feed(byte) {
            Ok(DecodeResult::NoData) => None,
            Ok(DecodeResult::DataStart) => {
                (self.length, self.overflow) = (0, false);
                None
            }
            Ok(DecodeResult::DataContinue(decoded)) => {
                match buffer.get_mut(self.length) {
                    Some(place) => {
                        *place = decoded;
                        self.length += 1;
                    }
                    None => self.overflow = true,
                }
                None
            }
            Ok(DecodeResult::DataComplete) if !self.overflow => self.checked(buffer),
            Ok(DecodeResult::DataComplete) | Err(_) => None,
        }
    }

    fn checked(&self, buffer: &[u8]) -> Option<usize> {
        let decoded = buffer.get(..self.length)?;
        let (message, check) = decoded.split_last_chunk::<FRAME_OVERHEAD>()?;
        (CRC.checksum(message) == u32::from_le_bytes(*check)).then_some(message.len())
    }
}
