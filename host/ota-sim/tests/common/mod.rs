//! What the tests share: geometries and a generator of bytes.
#![allow(dead_code, reason = "each test crate uses its part")]

use ota_sim::{Config, Flash, FlashError};

/// Every write size, both erased values, with and without error correction.
pub(crate) fn geometries() -> Vec<Config> {
    let mut all = Vec::new();
    for write in [1, 2, 4, 8, 16, 32] {
        for erased in [0xFF, 0x00] {
            let config = Config::new(4 * 1024, write, 1024).with_erased(erased);
            all.extend([config, config.with_ecc()]);
        }
    }
    all
}

/// `len` bytes that depend on `seed`, none of them blank.
pub(crate) fn pattern(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x2545_F491_4F6C_DD1D) | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        1 + state.to_le_bytes()[4] % 254
    };
    (0..len).map(next).collect()
}

pub(crate) fn read(flash: &mut Flash, offset: u32, len: usize) -> Result<Vec<u8>, FlashError> {
    let mut bytes = vec![0; len];
    flash.read(offset, &mut bytes).map(|()| bytes)
}

pub(crate) fn blank(config: &Config, len: usize) -> Vec<u8> {
    vec![config.erased; len]
}
