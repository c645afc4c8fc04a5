//! Images, put together by what the format's documentation says, right or wrong.

use sha2::{Digest as _, Sha256};

pub(crate) struct Builder {
    entry: u32,
    count: u8,
    body: Vec<u8>,
    sum: u8,
}

/// Constants, data, code in RAM, padding, code in flash: as linkers leave it.
pub(crate) fn application() -> Builder {
    Builder::new(0x4201_0020)
        .with(0x3C00_0020, 0x100)
        .with(0x3FC8_2000, 0x40)
        .with(0x4038_0000, 0x80)
        .mapped(0x4201_0020, 0x200)
}

impl Builder {
    pub(crate) fn new(entry: u32) -> Self {
        Self {
            entry,
            count: 0,
            body: vec![0; 24],
            sum: 0xEF,
        }
    }

    /// A segment whose header says this, and that has no bytes.
    pub(crate) fn claiming(mut self, address: u32, len: u32) -> Self {
        self.count += 1;
        self.body.extend(address.to_le_bytes());
        self.body.extend(len.to_le_bytes());
        self
    }

    pub(crate) fn with(self, address: u32, len: u32) -> Self {
        let mut image = self.claiming(address, len);
        for i in 0..len {
            let byte = (i.wrapping_mul(2_654_435_761) >> 24) as u8;
            image.sum ^= byte;
            image.body.push(byte);
        }
        image
    }

    /// A segment that lies in the file as it will be mapped, after padding.
    pub(crate) fn mapped(self, address: u32, len: u32) -> Self {
        let here = u32::try_from(self.body.len()).unwrap() + 8;
        let missing = address.wrapping_sub(here) & 0xFFFF;
        match missing {
            0 => self.with(address, len),
            8.. => {
                let mut image = self.claiming(0, missing - 8);
                image.body.extend(vec![0; missing as usize - 8]);
                image.with(address, len)
            }
            _ => panic!("no room for padding"),
        }
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        let mut bytes = self.body.clone();
        bytes[0] = 0xE9;
        bytes[1] = self.count;
        bytes[4..8].copy_from_slice(&self.entry.to_le_bytes());
        bytes[12] = 5;
        bytes[23] = 1;
        bytes.resize(bytes.len() | 15, 0);
        bytes.push(self.sum);
        let digest = Sha256::digest(&bytes);
        bytes.extend(digest);
        bytes
    }
}
