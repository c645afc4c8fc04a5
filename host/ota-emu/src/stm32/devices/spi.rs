//! SPI1 as a master of bytes: what is sent comes back from the device on the wires in the same
//! moment. No interrupts, no DMA.

use std::collections::VecDeque;

const CR1: u32 = 0x00;
const CR2: u32 = 0x04;
const SR: u32 = 0x08;
const DR: u32 = 0x0C;
/// CR1: enabled, master.
const ON: u32 = 1 << 6 | 1 << 2;
/// CR2: DMA in either direction, and interrupts.
const NOT_MODELLED: u32 = 3 | 7 << 5;
/// CR2: the size of a frame, which is a byte.
const SIZE: u32 = 0xF << 8;
const BYTE: u32 = 7 << 8;
/// SR.
const RECEIVED: u32 = 1;
const ROOM_TO_SEND: u32 = 1 << 1;
const OVERRUN: u32 = 1 << 6;
/// Bytes of the receive FIFO.
const DEPTH: usize = 4;

#[derive(Debug, Clone, Default)]
pub(crate) struct Spi {
    control: [u32; 2],
    received: VecDeque<u8>,
    overrun: bool,
    /// DR was read since: the next look at SR clears the overrun.
    noticed: bool,
}

impl Spi {
    pub(crate) fn reset(&mut self) {
        *self = Self {
            control: [0, BYTE],
            ..Self::default()
        };
    }

    pub(crate) fn read(&mut self, offset: u32) -> u32 {
        match offset {
            CR1 => self.control[0],
            CR2 => self.control[1],
            SR => {
                let status = self.status();
                self.overrun &= !self.noticed;
                self.noticed = false;
                status
            }
            DR => {
                self.noticed = true;
                self.received.pop_front().unwrap_or(0).into()
            }
            _ => 0,
        }
    }

    /// The level of the receive FIFO is in quarters of its four bytes, and 3 is full.
    fn status(&self) -> u32 {
        let level = u32::try_from(self.received.len()).unwrap_or(0).min(3);
        ROOM_TO_SEND
            | if level == 0 { 0 } else { RECEIVED }
            | level << 9
            | if self.overrun { OVERRUN } else { 0 }
    }

    /// A store; false if it asks for what is not modelled. `exchange` is the device on the wires.
    pub(crate) fn write(
        &mut self,
        offset: u32,
        value: u32,
        exchange: impl FnOnce(u8) -> u8,
    ) -> bool {
        match offset {
            CR1 => self.control[0] = value,
            CR2 => self.control[1] = value,
            DR if self.control[0] & ON == ON => self.push(exchange(value.to_le_bytes()[0])),
            _ => {}
        }
        let [_, control] = self.control;
        control & NOT_MODELLED == 0 && (self.control[0] & ON != ON || control & SIZE == BYTE)
    }

    fn push(&mut self, byte: u8) {
        if self.received.len() < DEPTH {
            self.received.push_back(byte);
        } else {
            // The byte is lost, as it is on the chip.
            self.overrun = true;
            self.noticed = false;
        }
    }
}
