//! Erases a page in each bank, programs and reads it, and reads a torn double word, whose NMI is
//! noted and not looped in.
#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, Ordering};
use cortex_m_rt::{entry, exception};
use embassy_stm32::flash::{Blocking, Error, Flash};
use embassy_stm32::pac;
use embassy_stm32::usart::{Config, UartTx};
use panic_halt as _;

const PAGES: [u32; 2] = [0x2_0000, 0xA_0000];
static FAILED_AT: AtomicU32 = AtomicU32::new(u32::MAX);

#[exception]
unsafe fn NonMaskableInt() {
    let eccr = pac::FLASH.eccr().read();
    if eccr.eccd() {
        let bank = u32::from(eccr.bk_ecc()) << 19;
        FAILED_AT.store(bank | eccr.addr_ecc(), Ordering::Relaxed);
        pac::FLASH.eccr().write(|w| w.set_eccd(true));
    }
}

/// An erase leaves the data cache as it is.
fn empty_cache() {
    pac::FLASH.acr().modify(|w| w.set_dcen(false));
    pac::FLASH.acr().modify(|w| w.set_dcrst(true));
    pac::FLASH.acr().modify(|w| w.set_dcrst(false));
    pac::FLASH.acr().modify(|w| w.set_dcen(true));
}

fn write_and_read(flash: &mut Flash<'_, Blocking>, page: u32) -> Result<bool, Error> {
    flash.blocking_erase(page, page + 2048)?;
    empty_cache();
    flash.blocking_write(page, b"sixteen bytes...")?;
    let mut read = [0; 16];
    flash.blocking_read(page, &mut read)?;
    Ok(&read == b"sixteen bytes...")
}

#[entry]
fn main() -> ! {
    let p = embassy_stm32::init(stm32_check::full_speed());
    let mut uart = UartTx::new_blocking(p.USART2, p.PA2, Config::default()).expect("a baud rate");
    let mut flash = Flash::new_blocking(p.FLASH);
    for page in PAGES {
        let mut torn = [0; 8];
        let _ = flash.blocking_read(page + 8, &mut torn);
        core::hint::black_box(&torn);
        let line: &[u8] = match FAILED_AT.swap(u32::MAX, Ordering::Relaxed) {
            u32::MAX => b"readable\n",
            at if at == page + 8 => b"torn here\n",
            _ => b"torn elsewhere\n",
        };
        let _ = uart.blocking_write(line);
        let line: &[u8] = match write_and_read(&mut flash, page) {
            Ok(true) => b"written\n",
            Ok(false) => b"wrong\n",
            Err(_) => b"refused\n",
        };
        let _ = uart.blocking_write(line);
    }
    let _ = uart.blocking_write(b"done\n");
    loop {
        cortex_m::asm::wfi();
    }
}
