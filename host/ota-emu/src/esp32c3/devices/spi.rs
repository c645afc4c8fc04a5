//! SPI1, which talks to the flash chip in commands: those that only ask it something.
//!
//! What changes the flash goes through the mask ROM here.

use super::registers::Registers;
use crate::devices::nor::Nor;
use crate::exit::Stop;

/// CMD: what is asked for; the bit goes back by itself.
const READ_ID: u32 = 1 << 28;
const READ_STATUS: u32 = 1 << 27;
/// The fields of CMD that start something.
const COMMANDS: u32 = 0xFFFF_0000 & !(1 << 16);
const STATUS: u32 = 0x2C;
const DATA: u32 = 0x58;

const AFTER_RESET: &[(u32, u32)] = &[
    (0x08, 0x002C_A000),
    (0x0C, 0x0FFC),
    (0x14, 0x0003_0103),
    (0x18, 0x8000_0000),
    (0x1C, 0x5C00_0007),
    (0x20, 0x7000_0000),
    (0x34, 2),
    (0x38, 0xFFFF_FFFF),
    (0x98, 0x14),
    (0x9C, 0x0800_2000),
    (0xA0, 0x0005_757A),
    (0xDC, 1),
];

#[derive(Debug, Clone)]
pub(crate) struct Spi(Registers);

impl Spi {
    pub(crate) fn new() -> Self {
        Self(Registers::new(AFTER_RESET))
    }

    pub(crate) fn read(&self, offset: u32) -> u32 {
        self.0.read(offset)
    }

    /// `None` if it is asked for what is not modelled. `now` is in nanoseconds.
    pub(crate) fn write(
        &mut self,
        offset: u32,
        value: u32,
        nor: &mut Nor,
        now: u64,
    ) -> Option<Result<(), Stop>> {
        if offset != 0 {
            self.0.write(offset, value);
            return Some(Ok(()));
        }
        let (command, len, register) = match value & COMMANDS {
            0 => return Some(Ok(())),
            READ_ID => (0x9F, 3, DATA),
            READ_STATUS => (0x05, 1, STATUS),
            _ => return None,
        };
        nor.select();
        nor.exchange(command, now);
        let answer = (0..len).fold(0, |word, byte| {
            word | u32::from(nor.exchange(0, now)) << (8 * byte)
        });
        self.0.write(register, answer);
        Some(nor.deselect(now))
    }
}
