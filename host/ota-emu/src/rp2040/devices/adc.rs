//! The ADC: each conversion is done at once. The temperature sensor says 27 degrees.

use crate::devices::Plain;

const CONTROL: u32 = 0x00;
const RESULT: u32 = 0x04;
const ENABLE: u32 = 1;
const START: u32 = 1 << 2;
const READY: u32 = 1 << 8;
/// A conversion failed, now or before: it never does, and drivers write ones here to clear them.
const ERRORS: u32 = 0b11 << 9;
/// 706 mV of 3300, in 4096 steps: what the sensor gives at 27 degrees.
const ROOM_TEMPERATURE: u32 = 876;
const SENSOR: u32 = 4;

#[derive(Debug, Clone, Default)]
pub(crate) struct Adc(Plain);

impl Adc {
    pub(crate) fn read(&self, offset: u32) -> u32 {
        let control = self.0.read(CONTROL);
        match offset {
            CONTROL if control & ENABLE != 0 => control | READY,
            RESULT if control >> 12 & 7 == SENSOR => ROOM_TEMPERATURE,
            // Nothing is connected to the pins, and nothing is ever in the FIFO.
            RESULT => 0,
            0x08 => self.0.read(offset) | 1 << 8,
            _ => self.0.read(offset),
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        let value = match offset {
            CONTROL => value & !(START | READY | ERRORS),
            _ => value,
        };
        self.0.write(offset, value);
    }
}
