//! The fuses, as a chip of revision 0.3 without any of the user's own is delivered.

/// A locally administered address.
const MAC: [u8; 6] = [0x02, 0x00, 0x00, 0xC3, 0x00, 0x01];
/// BLK1, word 3: the lower part of the revision.
const REVISION: u32 = 3 << 18;
/// The commands that read and burn fuses.
const COMMAND: u32 = 0x1D4;
const BURN: u32 = 2;

pub(crate) fn read(offset: u32) -> u32 {
    let [a, b, c, d, e, f] = MAC;
    match offset {
        // The address is kept with its last byte first.
        0x44 => u32::from_be_bytes([c, d, e, f]),
        0x48 => u32::from_be_bytes([0, 0, a, b]),
        0x50 => REVISION,
        0x1C8 => 2,
        0x1E8 => 0x0001_FE1C,
        0x1EC => 0x1200_0000,
        0x1F0 => 0x0028_8000,
        0x1F4 => 0x190,
        _ => 0,
    }
}

/// False if a fuse were burnt, which is not modelled.
pub(crate) const fn write(offset: u32, value: u32) -> bool {
    !(offset == COMMAND && value & BURN != 0)
}
