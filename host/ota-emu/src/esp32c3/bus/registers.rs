//! Which device answers at which address.

use super::super::devices::cache::TABLE;
use super::super::devices::clocks::{self, Place};
use super::super::devices::efuse;
use super::super::devices::registers::Registers;
use super::super::devices::rtc::Wish;
use super::super::devices::systimer::SysTimer;
use super::super::devices::timg::TimerGroup;
use super::super::devices::watchdog::Action;
use super::{Bus, Scope, cause};
use crate::exit::Fault;

const UART0: u32 = 0x6000_0000;
const SPI1: u32 = 0x6000_2000;
const SPI0: u32 = 0x6000_3000;
const GPIO: u32 = 0x6000_4000;
pub(crate) const RTC: u32 = 0x6000_8000;
/// The fuses are in the upper half of the RTC's block.
const EFUSE: u32 = 0x800;
const IO_MUX: u32 = 0x6000_9000;
const ANALOG: u32 = 0x6000_E000;
const GROUPS: [u32; 2] = [0x6001_F000, 0x6002_0000];
const SYSTIMER: u32 = 0x6002_3000;
const APB_CTRL: u32 = 0x6002_6000;
const RANDOM: u32 = APB_CTRL + 0xB0;
pub(crate) const SHA: u32 = 0x6003_B000;
const USB: u32 = 0x6004_3000;
const SYSTEM: u32 = 0x600C_0000;
const SENSITIVE: u32 = 0x600C_1000;
const MATRIX: u32 = 0x600C_2000;
const CACHE: u32 = 0x600C_4000;
const MMU: u32 = 0x600C_5000;
const DEBUG: u32 = 0x600C_E000;
/// Parts of the radio, which are switched off there: two front ends, the receiver, the base band.
const RADIO: [u32; 4] = [0x6000_5000, 0x6000_6000, 0x6001_C000, 0x6001_D000];

/// Blocks that only remember.
const PLAIN: [u32; 6] = [SPI0, IO_MUX, ANALOG, APB_CTRL, SENSITIVE, DEBUG];

fn is_plain(block: u32) -> bool {
    PLAIN.contains(&block) || RADIO.contains(&block)
}
/// The calibration of the PLL is done.
const PLL_CALIBRATION: u32 = ANALOG + 0x40;
const CALIBRATED: u32 = 1 << 24;

/// The plain blocks after a reset.
pub(super) fn plain() -> Registers {
    Registers::new(&[
        (IO_MUX, 0x07FF),
        (APB_CTRL, 1),
        (APB_CTRL + 0x04, 0x0001_0727),
        (APB_CTRL + 0x08, 0x07FF),
        (APB_CTRL + 0x14, 0xFFFC_E030),
        (APB_CTRL + 0x9C, 0x15),
        (APB_CTRL + 0xA4, 0x3F),
        (APB_CTRL + 0xAC, 0x3F),
    ])
}

const fn split(address: u32) -> (u32, u32) {
    (address & !0xFFF, address & 0xFFF)
}

fn group(block: u32) -> Option<usize> {
    GROUPS.iter().position(|at| *at == block)
}

impl Bus {
    pub(super) fn load_register(&mut self, address: u32) -> u32 {
        let (block, offset) = split(address);
        if !self.is_on(block, address) {
            return 0;
        }
        if let Some(group) = group(block) {
            return self.groups[group].read(offset, self.now);
        }
        match block {
            UART0 => {
                self.uart.run_until(self.now);
                // What is read may take an interrupt away.
                self.deadline = 0;
                self.uart.read(offset)
            }
            SPI1 => self.spi.read(offset),
            GPIO => self.gpio.read(offset),
            RTC if offset >= EFUSE => efuse::read(offset - EFUSE),
            RTC => self.rtc.read(offset),
            SYSTIMER => {
                self.systimer.run_until(self.now);
                self.systimer.read(offset)
            }
            APB_CTRL if address == RANDOM => self.random(),
            ANALOG if address == PLL_CALIBRATION => self.plain.read(address) | CALIBRATED,
            SHA => self.sha.read(offset, self.now),
            USB => self.usb.read(offset),
            SYSTEM => self.clocks.read(offset),
            MATRIX => {
                self.run_devices();
                self.matrix.read(offset)
            }
            CACHE => self.cache.read(offset),
            MMU if offset < TABLE => self.cache.entry(offset as usize / 4),
            _ if is_plain(block) => self.plain.read(address),
            _ => {
                self.fail(Fault::NotModelled { address });
                0
            }
        }
    }

    /// Not random at all, so that two runs are the same; but never twice the same.
    fn random(&mut self) -> u32 {
        self.now += 1;
        let mixed = self.now.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        ((mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 32) as u32
    }

    pub(super) fn store_register(&mut self, address: u32, value: u32) {
        let (block, offset) = split(address);
        if !self.is_on(block, address) {
            return;
        }
        self.deadline = 0;
        let now = self.now;
        if let Some(group) = group(block) {
            let done = self.groups[group].write(offset, value, now);
            return self.settle(block, done);
        }
        let modelled = match block {
            UART0 => {
                self.uart.run_until(now);
                let done = self.uart.write(offset, value, now);
                return self.settle(block, done);
            }
            SPI1 => match self.spi.write(offset, value, &mut self.nor, now / 1000) {
                Some(done) => {
                    self.check(done);
                    true
                }
                None => false,
            },
            GPIO => self.gpio.write(offset, value),
            RTC if offset >= EFUSE => efuse::write(offset - EFUSE, value),
            RTC => {
                let wish = self.rtc.write(offset, value, now);
                return match wish {
                    Ok(wish) => self.grant(wish),
                    Err(fault) => self.settle(block, Err(fault)),
                };
            }
            SYSTIMER => {
                self.systimer.write(offset, value, now);
                true
            }
            SHA => self.sha.write(offset, value, now, self.clocks.apb()),
            USB => {
                self.usb.write(offset, value);
                true
            }
            SYSTEM => {
                self.clocks.write(offset, value);
                self.hold_in_reset();
                self.retime();
                true
            }
            MATRIX => self.matrix.write(offset, value),
            CACHE => {
                self.cache.write(offset, value);
                self.look_again();
                true
            }
            MMU if offset < TABLE => {
                self.cache.set_entry(offset as usize / 4, value);
                self.look_again();
                true
            }
            _ if is_plain(block) => {
                self.plain.write(address, value);
                true
            }
            _ => false,
        };
        if !modelled {
            self.fail(Fault::NotModelled { address });
        }
    }

    /// A device knows a register by its offset; who reads of it wants the address.
    fn settle(&mut self, block: u32, done: Result<(), Fault>) {
        self.check(done.map_err(|fault| match fault {
            Fault::Misuse { register, what } => Fault::Misuse {
                register: block + register,
                what,
            },
            fault => fault,
        }));
    }

    /// What the RTC wants of the rest of the chip.
    pub(super) fn grant(&mut self, wish: Option<Wish>) {
        let reset = match wish {
            None | Some(Wish::Watchdog(Action::Nothing | Action::Interrupt)) => return,
            Some(Wish::ResetCore) => (Scope::Core, cause::SOFTWARE),
            Some(Wish::ResetCpu) => (Scope::Cpu, cause::SOFTWARE_CPU),
            Some(Wish::Watchdog(Action::ResetCpu)) => (Scope::Cpu, cause::RTC_WATCHDOG_CPU),
            Some(Wish::Watchdog(Action::ResetCore)) => (Scope::Core, cause::RTC_WATCHDOG),
            Some(Wish::Watchdog(Action::ResetSystem)) => {
                (Scope::System, cause::RTC_WATCHDOG_SYSTEM)
            }
            Some(Wish::SuperWatchdog) => (Scope::System, cause::SUPER_WATCHDOG),
        };
        self.reset.get_or_insert(reset);
    }

    /// Whether a device can be reached. Without its clock, or in reset, it reads as 0 and ignores
    /// stores, which is a mistake; but `esp-hal` switches the watchdogs of timer groups off when it
    /// has taken their clocks away already.
    fn is_on(&mut self, block: u32, address: u32) -> bool {
        let Some(place) = place(block) else {
            return true;
        };
        if !self.clocks.has_clock(place) {
            if group(block).is_none() {
                self.fail(Fault::NoClock { address });
            }
        } else if self.clocks.is_held(place) {
            self.fail(Fault::HeldInReset { address });
        } else {
            return true;
        }
        false
    }

    /// What is in reset forgets its settings.
    fn hold_in_reset(&mut self) {
        let (apb, now) = (self.clocks.apb(), self.now);
        if self.clocks.is_held(clocks::UART0) {
            self.uart.reset();
        }
        if self.clocks.is_held(clocks::SYSTIMER) {
            self.systimer = SysTimer::new(now);
        }
        for (number, place) in clocks::TIMER_GROUPS.into_iter().enumerate() {
            if self.clocks.is_held(place) {
                self.groups[number] = TimerGroup::new(number, apb, now);
            }
        }
    }
}

fn place(block: u32) -> Option<Place> {
    match block {
        UART0 => Some(clocks::UART0),
        SYSTIMER => Some(clocks::SYSTIMER),
        SHA => Some(clocks::SHA),
        _ => group(block).map(|group| clocks::TIMER_GROUPS[group]),
    }
}
