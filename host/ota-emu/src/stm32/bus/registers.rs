//! Which device answers at which address.

use super::super::{FLASH_REGISTERS, FLASH_START};
use super::{Bus, Doings, TIMERS, TimerPlace};
use crate::exit::Fault;

const GPIO: core::ops::Range<u32> = 0x4800_0000..0x4800_2000;
const RCC: u32 = 0x4002_1000;
const USART2: u32 = 0x4000_4400;
/// Its bit in the registers that enable and reset.
const USART2_BIT: u32 = 17;
pub(crate) const IWDG: u32 = 0x4000_3000;
const RTC: u32 = 0x4000_2800;
const PWR: u32 = 0x4000_7000;
/// PWR_CR1: the RTC's domain may be written to.
const DBP: u32 = 1 << 8;
/// DMA: the channels' enable bits.
const DMA: [u32; 2] = [0x4002_0000, 0x4002_0400];
const EXTI: u32 = 0x4001_0400;
const SPI1: u32 = 0x4001_3000;
/// Its bit in the registers that enable and reset.
const SPI1_BIT: u32 = 12;
/// USART2_CR3: DMA in either direction.
const USART_DMA: u32 = 3 << 6;

/// SYSCFG_MEMRMP: which bank of the flash is in front, and what is seen at 0.
const SYSCFG: u32 = 0x4001_0000;
const FB_MODE: u32 = 1 << 8;
const MEM_MODE: u32 = 7;
/// Blocks that only remember: PWR, SYSCFG, DMA.
const PLAIN: [u32; 4] = [PWR, SYSCFG, DMA[0], DMA[1]];

impl Bus {
    pub(super) fn load_register(&mut self, address: u32) -> u32 {
        let (block, offset) = (address & !0x3FF, address & 0x3FF);
        self.must_have_clock(block, address);
        self.doings = match self.doings {
            Doings::Nothing | Doings::Polls if self.flash.is_polled_at(address) => Doings::Polls,
            _ => Doings::More,
        };
        if let Some(index) = timer_at(block) {
            return self.timers[index].read(offset, self.now);
        }
        match block {
            RCC => self.rcc.read(offset),
            FLASH_REGISTERS => self.flash.read(offset),
            USART2 => {
                self.usart.run_until(self.now);
                // What is read may take an interrupt away.
                self.deadline = 0;
                self.usart.read(offset)
            }
            IWDG => self.iwdg.read(offset),
            SPI1 => self.spi.read(offset),
            EXTI => {
                // An edge that has just been may be asked for.
                self.run_ethernet();
                self.exti.read(offset)
            }
            RTC => self.backup.read(offset),
            _ if GPIO.contains(&block) => self.gpio.read(port(block), offset),
            _ if PLAIN.contains(&block) => self.plain.read(address),
            _ => {
                self.fail(Fault::NotModelled { address });
                0
            }
        }
    }

    pub(super) fn store_register(&mut self, address: u32, value: u32) {
        let (block, offset) = (address & !0x3FF, address & 0x3FF);
        self.must_have_clock(block, address);
        self.deadline = 0;
        if let Some(index) = timer_at(block) {
            return self.timers[index].write(offset, value, self.now);
        }
        match block {
            RCC => {
                self.rcc.write(offset, value);
                self.hold_in_reset(offset, value);
                self.retime();
            }
            FLASH_REGISTERS => self.store_flash_register(offset, value),
            USART2 if offset == 0x08 && value & USART_DMA != 0 => {
                self.fail(Fault::NotModelled { address });
            }
            USART2 => {
                self.usart.run_until(self.now);
                self.usart.write(offset, value, self.now);
            }
            IWDG => self.iwdg.write(offset, value, self.now),
            SPI1 => {
                let wires = &mut self.ethernet;
                if !self.spi.write(offset, value, |byte| wires.exchange(byte)) {
                    self.fail(Fault::NotModelled { address });
                }
            }
            EXTI => {
                // From the levels that there are now.
                self.see_pins();
                if !self.exti.write(offset, value) {
                    self.fail(Fault::NotModelled { address });
                }
            }
            RTC if self.plain.read(PWR) & DBP != 0 => self.backup.write(offset, value),
            RTC => {}
            _ if GPIO.contains(&block) => {
                self.gpio.write(port(block), offset, value);
                self.pins_changed();
            }
            _ if PLAIN.contains(&block) => {
                if is_beyond(block, offset, value) {
                    self.fail(Fault::NotModelled { address });
                }
                if address == SYSCFG {
                    self.exchange_banks(value & FB_MODE != 0);
                }
                self.plain.write(address, value);
            }
            _ => self.fail(Fault::NotModelled { address }),
        }
    }

    /// Brings this bank of the flash in front. What the caches know is of the other one then, and so
    /// is the code that goes on, if it is not in RAM.
    fn exchange_banks(&mut self, swapped: bool) {
        if swapped == self.swapped {
            return;
        }
        if !self.flash.cache.forgets_all() {
            let address = FLASH_START;
            self.fail(Fault::StaleCache { address });
        }
        self.swapped = swapped;
        self.other_code = true;
    }

    /// The reset registers of the RCC: timers, USART2 and SPI1.
    fn hold_in_reset(&mut self, offset: u32, value: u32) {
        const APB1RSTR1: u32 = 0x38;
        const APB2RSTR: u32 = 0x40;
        /// From the reset registers to the enable registers, whose bits are the same.
        const TO_ENABLE: u32 = 0x20;
        for (index, place) in TIMERS.iter().enumerate() {
            let (register, bit) = place.enable;
            if register == offset + TO_ENABLE && value >> bit & 1 != 0 {
                self.reset_timer(index);
            }
        }
        if offset == APB1RSTR1 && value >> USART2_BIT & 1 != 0 {
            self.usart.reset();
        }
        if offset == APB2RSTR && value >> SPI1_BIT & 1 != 0 {
            self.spi.reset();
        }
    }

    /// While the flash is busy, its control register makes the core wait.
    fn store_flash_register(&mut self, offset: u32, value: u32) {
        if offset == 0x14
            && let Some(until) = self.flash.busy_until()
            && !self.wait_for_flash(until)
        {
            return;
        }
        let done = self.flash.write(offset, value, self.now);
        if let Some(reset) = self.check(done) {
            self.reset.get_or_insert(reset);
        }
    }

    /// A device without its clock reads 0 and ignores stores.
    fn must_have_clock(&mut self, block: u32, address: u32) {
        let enable = match block {
            USART2 => (0x58, USART2_BIT),
            PWR => (0x58, 28),
            SYSCFG => (0x60, 0),
            SPI1 => (0x60, SPI1_BIT),
            _ if GPIO.contains(&block) => (0x4C, (block - GPIO.start) >> 10),
            _ => match timer_at(block) {
                Some(index) => TIMERS[index].enable,
                None => return,
            },
        };
        if !self.rcc.enabled(enable.0, enable.1) {
            self.fail(Fault::NoClock { address });
        }
    }
}

fn timer_at(block: u32) -> Option<usize> {
    TIMERS
        .iter()
        .position(|TimerPlace { block: at, .. }| *at == block)
}

const fn port(block: u32) -> usize {
    ((block - GPIO.start) >> 10) as usize
}

/// Whether a block that only remembers is asked to do something.
fn is_beyond(block: u32, offset: u32, value: u32) -> bool {
    match block {
        // CCR1 to CCR7.
        _ if DMA.contains(&block) => (offset + 12).is_multiple_of(20) && value & 1 != 0,
        // Something else than the flash at 0.
        SYSCFG => offset == 0 && value & MEM_MODE != 0,
        _ => false,
    }
}
