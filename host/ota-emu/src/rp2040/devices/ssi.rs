//! The serial interface in front of the flash chip (SSI), and the pin that selects the chip.
//!
//! It works in one of two ways: in *command mode* the firmware exchanges bytes with the chip,
//! in *XIP mode* the hardware turns reads of the flash window into reads of the chip.

use crate::devices::Plain;
use crate::devices::nor::Nor;
use crate::exit::Stop;
use std::collections::VecDeque;

const CTRLR0: u32 = 0x00;
const CTRLR1: u32 = 0x04;
const SSIENR: u32 = 0x08;
const TXFLR: u32 = 0x20;
const RXFLR: u32 = 0x24;
const SR: u32 = 0x28;
const IDR: u32 = 0x58;
const VERSION: u32 = 0x5C;
const DR0: u32 = 0x60;
const SPI_CTRLR0: u32 = 0xF4;

/// The mode byte that makes the chip stay in continuous read.
const CONTINUOUS: u32 = 0xA0;

/// What drives the chip select pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Select {
    /// The SSI, for as long as there is something to send.
    #[default]
    Automatic,
    /// The firmware holds it low.
    Low,
    /// The firmware holds it high.
    High,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Ssi {
    registers: Plain,
    received: VecDeque<u8>,
    select: Select,
    /// The same registers, looked at for "can the flash window be read?".
    xip: bool,
}

impl Ssi {
    /// What `flash_exit_xip` leaves: single lines, bytes, full duplex.
    pub(crate) fn command_mode() -> Self {
        let mut ssi = Self::default();
        ssi.registers.write(CTRLR0, 7 << 16);
        ssi.registers.write(SSIENR, 1);
        ssi
    }

    /// What `flash_enter_cmd_xip` sets up: plain 0x03 reads.
    pub(crate) fn enter_slow_xip(&mut self, nor: &Nor) {
        self.registers.write(CTRLR0, 31 << 16 | 3 << 8);
        self.registers
            .write(SPI_CTRLR0, 0x03 << 24 | 2 << 8 | 6 << 2);
        self.registers.write(SSIENR, 1);
        self.look(nor);
    }

    /// Whether reads of the flash window work.
    pub(crate) const fn in_xip(&self) -> bool {
        self.xip
    }

    fn look(&mut self, nor: &Nor) {
        let control = self.registers.read(CTRLR0);
        let frame = self.registers.read(SPI_CTRLR0);
        let enabled = self.registers.read(SSIENR) & 1 != 0;
        let words = control >> 16 & 31 == 31;
        let reads = control >> 8 & 3 == 3;
        // Without a command byte the chip has to be in continuous read already.
        let has_command = frame >> 8 & 3 != 0;
        self.xip = enabled && words && reads && (has_command || nor.in_continuous_read());
    }

    /// Single lines and bytes: what is written to DR are command bytes.
    fn takes_commands(&self) -> bool {
        let control = self.registers.read(CTRLR0);
        control >> 21 & 3 == 0 && control >> 16 & 31 == 7
    }

    /// The SSI sends what was written and then receives CTRLR1 + 1 bytes by itself.
    fn receives_by_itself(&self) -> bool {
        self.registers.read(CTRLR0) >> 8 & 3 == 3
    }

    pub(crate) fn read(&mut self, offset: u32, nor: &mut Nor, now: u64) -> Result<u32, Stop> {
        Ok(match offset {
            TXFLR => 0,
            RXFLR => u32::try_from(self.received.len()).unwrap_or(u32::MAX),
            SR => {
                self.finish(nor, now)?;
                let not_full_and_empty = 0b110;
                not_full_and_empty | u32::from(!self.received.is_empty()) << 3
            }
            IDR => 0x5153_5049,
            VERSION => 0x3430_312A,
            DR0..SPI_CTRLR0 => u32::from(self.received.pop_front().unwrap_or(0)),
            _ => self.registers.read(offset),
        })
    }

    /// Nothing is left to send: an automatic chip select goes high.
    fn finish(&mut self, nor: &mut Nor, now: u64) -> Result<(), Stop> {
        if self.select != Select::Automatic || !nor.is_selected() {
            return Ok(());
        }
        if self.receives_by_itself() {
            for _ in 0..=self.registers.read(CTRLR1) {
                self.received.push_back(nor.exchange(0, now));
            }
        }
        nor.deselect(now)
    }

    pub(crate) fn write(
        &mut self,
        offset: u32,
        value: u32,
        nor: &mut Nor,
        now: u64,
    ) -> Result<(), Stop> {
        if (DR0..SPI_CTRLR0).contains(&offset) && offset != 0xF0 {
            self.send(value, nor, now);
            return Ok(());
        }
        if offset == SSIENR && value & 1 == 0 {
            self.finish(nor, now)?;
            self.received.clear();
        }
        self.registers.write(offset, value);
        self.look(nor);
        Ok(())
    }

    fn send(&mut self, value: u32, nor: &mut Nor, now: u64) {
        if !self.takes_commands() {
            // boot2 does one read with four lines, whose mode byte makes the chip stay there.
            if value == CONTINUOUS {
                nor.enter_continuous_read();
            }
            return;
        }
        let byte = value.to_le_bytes()[0];
        let answer = match self.select {
            Select::High => 0xFF,
            Select::Automatic | Select::Low => nor.exchange(byte, now),
        };
        if !self.receives_by_itself() {
            self.received.push_back(answer);
        }
    }

    /// A write to the control register of the chip select pin (`IO_QSPI.GPIO_QSPI_SS_CTRL`).
    pub(crate) fn override_select(
        &mut self,
        control: u32,
        nor: &mut Nor,
        now: u64,
    ) -> Result<(), Stop> {
        let before = self.select;
        self.select = match control >> 8 & 3 {
            2 => Select::Low,
            3 => Select::High,
            _ => Select::Automatic,
        };
        match (before, self.select) {
            (Select::Low, Select::Low) => Ok(()),
            (Select::Low, _) | (_, Select::High) => nor.deselect(now),
            (_, Select::Low) => {
                nor.select();
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
