//! A few words to whoever listens: on UART 0, where the mask ROM prints, and on the USB serial port.

use super::{Register, rom};

/// `USB_SERIAL_JTAG_EP1`: a byte for the computer.
const USB: Register = Register(0x6004_3000);
/// `USB_SERIAL_JTAG_EP1_CONF`: bit 0 sends what was written, bit 1 says that there is room.
const USB_CONF: Register = Register(0x6004_3004);
const SEND: u32 = 1 << 0;
const ROOM: u32 = 1 << 1;

/// Says something. What nobody takes from the USB port is lost there.
pub fn say(text: &str) {
    for byte in text.bytes() {
        // SAFETY: prints a character; the UART is as the mask ROM has set it up.
        unsafe { rom::uart_tx_one_char(byte) };
        if USB_CONF.read() & ROOM != 0 {
            // SAFETY: sends a byte, and has no other effect.
            unsafe { USB.write(u32::from(byte)) };
        }
    }
    // SAFETY: as above.
    unsafe { USB_CONF.change(0, SEND) };
}
