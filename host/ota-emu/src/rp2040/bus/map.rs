//! The address map: which device answers at which address, and what none does.

use super::{Bus, XIP};
use crate::exit::{Fault, Reset};
use crate::rp2040::devices::adc::Adc;
use crate::rp2040::devices::dma::Dma;
use crate::rp2040::devices::resets::bit;
use crate::rp2040::devices::spi::Spi;
use crate::rp2040::devices::timer::Timer;
use crate::rp2040::devices::uart::Uart;

impl Bus {
    /// Why the flash window cannot be read, if it cannot.
    pub(crate) fn xip_fault(&self, address: u32) -> Option<Fault> {
        if !self.ssi.in_xip() {
            Some(Fault::NotInXip { address })
        } else if self.nor.busy(self.now) {
            Some(Fault::XipWhileBusy { address })
        } else if self.stale {
            Some(Fault::StaleCache { address })
        } else {
            None
        }
    }

    fn read_xip<const N: usize>(&mut self, address: u32) -> [u8; N] {
        if let Some(fault) = self.xip_fault(address) {
            self.fail(fault);
        }
        let offset = address & 0x00FF_FFFF;
        self.nor.read(offset)
    }

    /// The instruction at an address, without any consequence of looking at it.
    pub(crate) fn instruction(&self, address: u32) -> Option<u16> {
        let bytes = match address >> 28 {
            0x1 if XIP.contains(&address) => self.nor.read(address & 0x00FF_FFFF),
            0x2 => self.memory.read(address)?,
            _ => return None,
        };
        Some(u16::from_le_bytes(bytes))
    }

    pub(super) fn load<const N: usize>(&mut self, address: u32) -> [u8; N] {
        if !self.recordings.is_empty() {
            self.record_load(address, N);
        }
        match address >> 28 {
            0x0 => self.rom.read(address),
            0x1 if XIP.contains(&address) => self.read_xip(address),
            0x2 => self.memory.read(address).unwrap_or_else(|| {
                self.nothing(address);
                [0; N]
            }),
            _ => {
                let word = self.load_register(address & !3).to_le_bytes();
                let lane = address as usize & 3;
                core::array::from_fn(|i| word[(lane + i) & 3])
            }
        }
    }

    pub(super) fn store<const N: usize>(&mut self, address: u32, bytes: [u8; N]) {
        if !self.recordings.is_empty() {
            self.record_store(address, &bytes);
        }
        match address >> 28 {
            0x1 if XIP.contains(&address) => self.fail(Fault::XipStore { address }),
            0x2 => {
                if !self.memory.write(address, bytes) {
                    self.nothing(address);
                }
            }
            _ => {
                // A narrow store puts its bytes on every lane of the bus.
                let word = u32::from_le_bytes(core::array::from_fn(|i| bytes[i % N]));
                self.store_register(address & !3, word);
            }
        }
    }

    fn load_register(&mut self, address: u32) -> u32 {
        let offset = address & 0xFFF;
        match address >> 24 {
            // XIP_CTRL: the cache is ready, the stream empty.
            0x14 => match offset {
                0x00 => 0b11,
                0x08 => 0b011,
                _ => 0,
            },
            0x18 => {
                let read = self.ssi.read(offset, &mut self.nor, self.now);
                self.check(read)
            }
            0x40 => self.load_peripheral(address & 0x400F_FFFF),
            0x50 if address & 0x00F0_0000 == 0 => self.dma.read(offset),
            0xD0 => match self.gpio.read_sio(offset) {
                Some(value) => value,
                None => self.sio.read(offset),
            },
            0xE0 => self.load_private(address),
            0x50 => {
                self.fail(Fault::NotModelled { address });
                0
            }
            _ => {
                self.nothing(address);
                0
            }
        }
    }

    fn load_peripheral(&mut self, address: u32) -> u32 {
        let (block, offset) = (address & 0xF_C000, address & 0xFFF);
        self.must_run(block, address);
        match block {
            // SYSINFO: an RP2040 B2, and real.
            0x0_0000 if offset == 0 => 0x2000_2927,
            0x0_0000 | 0x6_C000 => 2,
            0x0_8000 => self.clocks.read(offset),
            0x0_C000 => self.resets.read(offset),
            0x1_0000 => self.power_sequence.read(offset),
            0x1_4000 => self.gpio.read(offset),
            0x2_4000 => self.crystal.read(offset),
            0x2_8000 => self.plls[0].read(offset),
            0x2_C000 => self.plls[1].read(offset),
            0x3_4000 => {
                // What is read may take an interrupt away.
                self.deadline = 0;
                self.uart.read(offset)
            }
            0x3_C000 => self.spi.read(offset),
            0x4_C000 => self.adc.read(offset),
            0x5_4000 => self.timer.read(offset, self.now),
            0x5_8000 => self.watchdog.read(offset, self.now),
            0x6_0000 if offset == 0x1C => self.ring.random_bit(),
            0x6_0000 => self.ring.read(offset),
            0x6_4000 => self.chip_reset.read(offset),
            _ => {
                self.must_be_plain(block, address);
                self.plain.read(block | offset)
            }
        }
    }

    fn store_register(&mut self, address: u32, value: u32) {
        let offset = address & 0xFFF;
        match address >> 24 {
            0x14 => self.stale &= offset != 0x04,
            0x18 => {
                let done = self.ssi.write(offset, value, &mut self.nor, self.now);
                self.check(done);
            }
            0x40 => self.store_peripheral(address & 0x400F_FFFF, value),
            0x50 if address & 0x00F0_0000 == 0 => {
                self.dma.write(offset, value);
                self.run_dma();
            }
            0xD0 => {
                if self.gpio.write_sio(offset, value) {
                    self.wire_ethernet();
                } else {
                    self.sio.write(offset, value);
                }
            }
            0xE0 => self.store_private(address, value),
            0x50 => self.fail(Fault::NotModelled { address }),
            _ => self.nothing(address),
        }
        // A device may have something to do earlier now.
        self.deadline = 0;
    }

    /// Registers of these blocks exist four times: as they are, to toggle, to set, to clear.
    fn store_peripheral(&mut self, address: u32, value: u32) {
        let plain = address & !0x3000;
        let value = match address >> 12 & 3 {
            0 => value,
            1 => self.load_peripheral(plain) ^ value,
            2 => self.load_peripheral(plain) | value,
            _ => self.load_peripheral(plain) & !value,
        };
        let (block, offset) = (plain & 0xF_C000, plain & 0xFFF);
        self.must_run(block, address);
        match block {
            0x0_0000 | 0x6_4000 | 0x6_C000 => {}
            0x0_8000 => self.clocks.write(offset, value),
            0x0_C000 => self.hold_in_reset(offset, value),
            0x1_0000 => self.power_sequence.write(offset, value),
            0x1_4000 => self.gpio.write(offset, value),
            0x1_8000 => self.write_flash_pins(offset, value),
            0x2_4000 => self.crystal.write(offset, value),
            0x2_8000 => self.plls[0].write(offset, value),
            0x2_C000 => self.plls[1].write(offset, value),
            0x3_4000 => self.uart.write(offset, value),
            0x3_C000 => {
                let ethernet = &mut self.ethernet;
                self.spi
                    .write(offset, value, |byte| ethernet.exchange(byte));
                self.wire_ethernet();
            }
            0x4_C000 => self.adc.write(offset, value),
            0x5_4000 => self.timer.write(offset, value, self.now),
            0x5_8000 => self.write_watchdog(offset, value),
            0x6_0000 => self.ring.write(offset, value),
            _ => {
                self.must_be_plain(block, address);
                self.plain.write(block | offset, value);
            }
        }
    }

    /// A device that is held in reset does not answer.
    fn must_run(&mut self, block: u32, address: u32) {
        let bit = match block {
            0x1_4000 => bit::IO_BANK0,
            0x1_C000 => bit::PADS_BANK0,
            0x3_4000 => bit::UART0,
            0x3_C000 => bit::SPI0,
            0x4_C000 => bit::ADC,
            0x5_4000 => bit::TIMER,
            _ => return,
        };
        if self.resets.is_held(bit) {
            self.fail(Fault::HeldInReset { address });
        }
    }

    /// SYSCFG, the pins of the flash, the pads and BUSCTRL need only remember. Others would have
    /// to do something, and do not exist here.
    fn must_be_plain(&mut self, block: u32, address: u32) {
        if !matches!(block, 0x0_4000 | 0x1_8000 | 0x1_C000 | 0x2_0000 | 0x3_0000) {
            self.fail(Fault::NotModelled { address });
        }
    }

    fn hold_in_reset(&mut self, offset: u32, value: u32) {
        let entered = self.resets.write(offset, value);
        if entered >> bit::IO_BANK0 & 1 != 0 {
            self.gpio.reset_functions();
        }
        if entered >> bit::TIMER & 1 != 0 {
            self.timer = Timer::new(self.now, self.watchdog.ticking());
        }
        if entered >> bit::UART0 & 1 != 0 {
            self.uart = Uart::default();
        }
        if entered >> bit::SPI0 & 1 != 0 {
            self.spi = Spi::default();
        }
        if entered >> bit::ADC & 1 != 0 {
            self.adc = Adc::default();
        }
        if entered >> bit::DMA & 1 != 0 {
            self.dma = Dma::default();
        }
    }

    fn write_flash_pins(&mut self, offset: u32, value: u32) {
        self.plain.write(0x1_8000 | offset, value);
        if offset == 0x0C {
            let done = self.ssi.override_select(value, &mut self.nor, self.now);
            self.check(done);
        }
    }

    fn write_watchdog(&mut self, offset: u32, value: u32) {
        if self.watchdog.write(offset, value, self.now) {
            self.reset.get_or_insert(Reset::WatchdogForced);
        }
        self.timer.set_ticking(self.watchdog.ticking(), self.now);
    }
}
