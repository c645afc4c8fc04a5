//! Journals with a past.

use crc::{CRC_64_XZ, Crc};
use ota_bootloader::{RECORD_LEN, Region};

use crate::rig::Rig;

const CHECK: Crc<u64> = Crc::<u64>::new(&CRC_64_XZ);
const CHECKED_LEN: usize = 120;

fn sequence(record: &[u8]) -> u32 {
    u32::from_le_bytes([record[8], record[9], record[10], record[11]])
}

/// A record with another sequence.
fn numbered(record: &[u8], sequence: u32) -> Vec<u8> {
    let mut record = record.to_vec();
    record[8..12].copy_from_slice(&sequence.to_le_bytes());
    let check = CHECK.checksum(&record[..CHECKED_LEN]);
    record[CHECKED_LEN..].copy_from_slice(&check.to_le_bytes());
    record
}

fn is_whole(record: &[u8]) -> bool {
    let check = CHECK.checksum(&record[..CHECKED_LEN]).to_le_bytes();
    record.starts_with(b"OTAJ") && record[CHECKED_LEN..] == check
}

impl Rig {
    /// Where in the journal the newest record lies, and what it is.
    ///
    /// # Panics
    /// If the journal holds no record.
    pub fn newest_record(&mut self) -> (u32, Vec<u8>) {
        let journal = self.region(Region::Journal);
        let records = (0..).step_by(RECORD_LEN).zip(journal.chunks(RECORD_LEN));
        let (at, record) = records
            .filter(|(_, record)| is_whole(record))
            .max_by_key(|(_, record)| sequence(record))
            .expect("a record");
        (at, record.to_vec())
    }

    /// Puts the newest record once more where one of this sequence belongs, as somebody does who
    /// can write the flash.
    ///
    /// # Panics
    /// If the journal holds no record.
    pub fn forge_record(&mut self, sequence: u32) {
        let geometry = self.product.map.geometry(Region::Journal);
        let places = geometry.erase_size / 128;
        let units = geometry.size / geometry.erase_size;
        let at = (sequence / places) % units * geometry.erase_size + sequence % places * 128;
        let (_, newest) = self.newest_record();
        self.load(Region::Journal, at, &numbered(&newest, sequence));
    }

    /// Leaves the state as it is, in a journal as if it had been written again and again: `left`
    /// blank places follow the newest record before its unit is full.
    ///
    /// # Panics
    /// If the journal holds no record, or a unit has no more than `left` places.
    pub fn fill_journal(&mut self, left: u32) {
        let geometry = self.product.map.geometry(Region::Journal);
        let places = geometry.erase_size / 128;
        assert!(left < places, "a unit has {places} places");
        let (_, newest) = self.newest_record();
        let mut filled = vec![geometry.erased; geometry.size as usize];
        for (place, to) in (0..places - left).zip(filled.chunks_mut(RECORD_LEN)) {
            to.copy_from_slice(&numbered(&newest, place));
        }
        self.load(Region::Journal, 0, &filled);
    }
}
