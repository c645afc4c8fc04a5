//! An application that updates itself, with all that `ota-client` and `SoftwareCrypto` bring along:
//! links without an allocator.
#![no_std]
#![no_main]

use bare_metal::{ChipFlash, MAP, PRODUCT, reset};
use ota_bootloader::{OneFlash, Updater};
use ota_client::{Config, Download, Fault, Range, Reply, Source, blocking};
use ota_image::{PublicKey, SoftwareCrypto, TrustAnchors};

static RELEASE: [PublicKey; 1] = [PublicKey::Ed25519([1; 32])];
static BOOT: [PublicKey; 1] = [PublicKey::P256([2; 64])];

unsafe extern "C" {
    fn chip_number() -> u32;
    fn chip_fill(bytes: *mut u8, len: usize);
    fn chip_show(number: u32);
}

/// A server that answers anything.
struct Server;

impl Source for Server {
    type Error = Fault;
    async fn open(&mut self, range: Range) -> Result<Reply, Fault> {
        // SAFETY: is not run. So for all calls here.
        match unsafe { chip_number() } {
            0 => Ok(Reply {
                offset: range.offset,
                length: range.length,
                total: None,
            }),
            _ => Err(Fault::Link),
        }
    }
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        // SAFETY: see above.
        unsafe { chip_fill(buffer.as_mut_ptr(), buffer.len()) };
        Ok(buffer.len())
    }
}

/// Time that does not pass.
struct NoTime;

impl embedded_hal::delay::DelayNs for NoTime {
    fn delay_ns(&mut self, _: u32) {}
}

impl blocking::Clock for NoTime {
    fn now_ms(&mut self) -> u32 {
        0
    }
}

fn update() -> u16 {
    let (Ok(anchors), Ok(storage)) = (
        TrustAnchors::new(&RELEASE, &BOOT),
        OneFlash::new(ChipFlash, MAP),
    ) else {
        return u16::MAX;
    };
    let mut updater = match Updater::open(&PRODUCT, storage, SoftwareCrypto) {
        Ok(updater) => updater,
        Err(error) => return error.code(),
    };
    let mut buffer = [0; 4096];
    let mut download = Download::new(Config::DEFAULT, &mut buffer);
    match blocking::run(&mut download, &mut updater, &anchors, Server, NoTime) {
        Ok(_) => 0,
        Err(error) => error.code(),
    }
}

/// Where it begins.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    let code = update();
    // SAFETY: see above.
    unsafe { chip_show(code.into()) };
    reset()
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    reset()
}
