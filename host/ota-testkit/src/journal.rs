//! Journals with a past.

use crc::{CRC_64_XZ, Crc};
use ota_bootloader::{RECORD_LEN, Region};

use crate::rig::Rig;

const CHECK: Crc<u64> = Crc::<u64>::new(&CRC_64_XZ);
const CHECKED_LEN: usize = 120;

fn sequence(record: &[u8]) -> u32 {
    u32::from_le_bytes([record[8], record[9], record[10], record[11]])
}

impl Rig {
    /// Leaves the state as it is, in a journal as if it had been written again and again: `left`
    /// blank places follow the newest record before its unit is full.
    ///
    /// # Panics
    /// If the journal holds no record, or a unit has no more than `left` places.
    pub fn fill_journal(&mut self, left: u32) {
        let geometry = self.product.map.geometry(Region::Journal);
        let places = geometry.erase_size / 128;
        assert!(left < places, "a unit has {places} places");
        let old = self.region(Region::Journal);
        let mut newest = old
            .chunks(RECORD_LEN)
            .filter(|record| record.starts_with(b"OTAJ"))
            .max_by_key(|record| sequence(record))
            .expect("a record")
            .to_vec();
        let mut filled = vec![geometry.erased; old.len()];
        for (place, to) in (0..places - left).zip(filled.chunks_mut(RECORD_LEN)) {
            newest[8..12].copy_from_slice(&place.to_le_bytes());
            let check = CHECK.checksum(&newest[..CHECKED_LEN]);
            newest[CHECKED_LEN..].copy_from_slice(&check.to_le_bytes());
            to.copy_from_slice(&newest);
        }
        self.load(Region::Journal, 0, &filled);
    }
}
