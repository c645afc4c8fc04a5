//! What of a flash decides what the code does with it: the state that the search compares.
//!
//! - *Slots*, by step: which step of which image it is, or junk. Slots are read by digests only,
//!   and erased before they are programmed: what matches nothing is as good as blank. (Chunk and
//!   step are of one size here; where units are larger than chunks, blankness matters.)
//! - *Banks*: whose envelope, whose digest table, or junk. The same holds.
//! - *Journal*: the newest record, and the one before it while something may still rot. Left out
//!   are what went wrong last and why releases failed, which are for people, and the position of
//!   a download that is over. Its place in the journal is left out too; the search puts the
//!   newest record at several places itself. How many requests came to nothing only makes the
//!   application wait. What follows the newest record in its unit is blank, used up, or takes a
//!   record and loses it later: where there are places of the last kind, all stays as it is. Other
//!   units are erased before they are used.
//! - Twice: as it reads now, and as it will after one more power-up.

use crc::{CRC_64_XZ, Crc, Table};
use ota_bootloader::{Index, Region};
use ota_sim::Flash;
use ota_testkit::Rig;

use crate::states::world::World;

const RECORD: usize = 128;
const CRC: Crc<u64, Table<0>> = Crc::<u64, Table<0>>::new(&CRC_64_XZ);
const DOWNLOADING: u8 = 2;

/// A journal record as it lies on flash.
pub(crate) type Raw = [u8; RECORD];

/// What a power-up sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    /// The newest two records with their places, newest first.
    pub(crate) records: Vec<(u32, Raw)>,
    /// Places behind the newest record, in its unit, that take one and lose it later.
    pub(crate) losing: Vec<u32>,
    /// Envelope and table of each bank: the number of a release in the story, from 1; 0 is junk.
    pub(crate) banks: [[u8; 2]; 2],
    /// The steps of both slots: one of all steps of all images, from 1; 0 is junk.
    pub(crate) slots: [Vec<u8>; 2],
}

/// What a view calls the `index`-th of the known things; 0 is junk.
fn name(index: usize) -> u8 {
    u8::try_from(index + 1).expect("few things")
}

fn small(place: u32) -> u8 {
    u8::try_from(place).expect("few places")
}

fn offset(number: usize) -> u32 {
    u32::try_from(number).expect("a small flash")
}

fn area(rig: &Rig, region: Region) -> (u32, usize) {
    let area = rig.product.map.area(region);
    (area.offset, area.size as usize)
}

fn read(flash: &mut Flash, offset: u32, len: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; len];
    flash.read(offset, &mut bytes).ok().map(|()| bytes)
}

impl View {
    pub(crate) fn of(world: &World, rig: &mut Rig) -> Self {
        let banks = [Index::Zero, Index::One].map(|bank| world.see_bank(rig, bank));
        let slots = [Index::Zero, Index::One].map(|slot| world.see_slot(rig, slot));
        let records = newest_records(rig);
        Self {
            losing: losing(rig, &records),
            records,
            banks,
            slots,
        }
    }

    /// As bytes, without what does not decide.
    fn put(&self, out: &mut Vec<u8>, with_former: bool) {
        let shown = 1 + usize::from(with_former);
        for (_, raw) in self.records.iter().take(shown) {
            out.extend(essence(raw));
        }
        out.push(0xEE);
        out.extend(self.banks.concat());
        out.extend(self.slots.concat());
    }
}

/// A state: as it reads now, and as it will after the next power-up.
pub(crate) fn key(now: &View, later: &View, running: bool, rot_left: bool, cuts: u8) -> Vec<u8> {
    let mut key = vec![u8::from(running), u8::from(rot_left), cuts];
    now.put(&mut key, rot_left);
    if now != later {
        later.put(&mut key, rot_left);
    }
    if now.records != later.records || !now.losing.is_empty() {
        // Its place stays as it is.
        key.extend(now.records.iter().map(|(place, _)| small(*place)));
        key.push(0xEE);
        key.extend(now.losing.iter().copied().map(small));
    }
    key
}

/// A record without what does not decide.
fn essence(raw: &Raw) -> Vec<u8> {
    let mut bytes = raw[4..120].to_vec();
    bytes[4..8].fill(0); // sequence
    bytes[24..26].fill(0); // last problem
    bytes[27] = 0; // requests that came to nothing
    bytes[112..116].fill(0); // high bytes of reasons
    if bytes[1] != DOWNLOADING {
        bytes[16..20].fill(0); // position
    }
    for failed in 0..4 {
        let reason = &mut bytes[44 + 17 * failed + 16];
        *reason = u8::from(*reason != 0);
    }
    bytes
}

fn newest_records(rig: &mut Rig) -> Vec<(u32, Raw)> {
    let (start, len) = area(rig, Region::Journal);
    let mut found: Vec<(u32, Raw)> = (0..len / RECORD)
        .filter_map(|place| {
            let at = start + offset(place * RECORD);
            let raw: Raw = read(&mut rig.flash, at, RECORD)?.try_into().ok()?;
            valid(&raw).then_some((offset(place), raw))
        })
        .collect();
    found.sort_by_key(|(_, raw)| core::cmp::Reverse(sequence(raw)));
    found.truncate(2);
    found
}

fn losing(rig: &Rig, records: &[(u32, Raw)]) -> Vec<u32> {
    let (start, _) = area(rig, Region::Journal);
    let places = rig.product.map.geometry(Region::Journal).erase_size / offset(RECORD);
    let Some((newest, _)) = records.first() else {
        return Vec::new();
    };
    let at = |place: u32| start + place * offset(RECORD);
    let end = (newest / places + 1) * places;
    (newest + 1..end)
        .filter(|place| rig.flash.loses(at(*place)..at(place + 1)))
        .collect()
}

fn valid(raw: &Raw) -> bool {
    let (checked, check) = raw.split_at(120);
    raw[..4] == *b"OTAJ" && CRC.checksum(checked).to_le_bytes() == *check
}

fn sequence(raw: &Raw) -> u32 {
    u32::from_le_bytes(raw[8..12].try_into().expect("4 bytes"))
}

impl World {
    fn see_bank(&self, rig: &mut Rig, bank: Index) -> [u8; 2] {
        let (start, len) = area(rig, Region::Bank(bank));
        let whose = |part: Option<Vec<u8>>, at: usize, end: usize| {
            let found = part.and_then(|bytes| {
                self.releases.iter().position(|release| {
                    let known = &release.head()[at..end.min(release.head().len())];
                    bytes.starts_with(known)
                })
            });
            found.map_or(0, name)
        };
        let envelope = read(&mut rig.flash, start, 1024);
        let table = read(&mut rig.flash, start + 1024, len - 1024);
        [whose(envelope, 0, 1024), whose(table, 1024, usize::MAX)]
    }

    fn see_slot(&self, rig: &mut Rig, slot: Index) -> Vec<u8> {
        let (start, len) = area(rig, Region::Slot(slot));
        let step = self.step as usize;
        (0..len / step)
            .map(|index| {
                let bytes = read(&mut rig.flash, start + offset(index * step), step);
                bytes.map_or(0, |bytes| self.which_step(&bytes))
            })
            .collect()
    }

    fn which_step(&self, bytes: &[u8]) -> u8 {
        let mut steps = self.steps();
        let found = steps.position(|known| bytes.starts_with(known));
        found.map_or(0, name)
    }

    fn steps(&self) -> impl Iterator<Item = &[u8]> {
        self.releases
            .iter()
            .flat_map(|release| release.image.chunks(self.step as usize))
    }

    /// The steps of a release, as a view names them.
    pub(crate) fn steps_of(&self, release: u8) -> Vec<u8> {
        let known = &self.releases[usize::from(release) - 1];
        known
            .image
            .chunks(self.step as usize)
            .map(|chunk| {
                let found = self.steps().position(|step| chunk.starts_with(step));
                name(found.expect("known"))
            })
            .collect()
    }

    /// Puts the newest two records of the journal at a place of its first unit. `false`: they stay
    /// where they are, for something in it moves.
    pub(crate) fn settle_journal(&self, rig: &mut Rig, place: u32) -> bool {
        let mut later = rig.clone();
        later.flash.power_up();
        let records = newest_records(rig);
        let moves = records != newest_records(&mut later) || !losing(rig, &records).is_empty();
        if records.is_empty() || moves {
            return false;
        }
        self.put_journal(rig, &records, place);
        true
    }

    /// Puts the newest two records at a place of the first unit of the journal; before it
    /// everything is used up, behind it blank.
    fn put_journal(&self, rig: &mut Rig, records: &[(u32, Raw)], place: u32) {
        let (start, len) = area(rig, Region::Journal);
        let unit = rig.product.map.geometry(Region::Journal).erase_size as usize;
        let units = len / unit;
        let (places, units) = (offset(unit / RECORD), offset(units));
        let mut bytes = vec![0; len];
        bytes[(place as usize + 1) * RECORD..unit].fill(rig.flash.config().erased);
        // In an epoch that the first unit can have.
        let newest = places * units + place;
        for (back, (_, raw)) in (0..).zip(records) {
            let at = (newest - back) % (places * units);
            let moved = with_sequence(raw, newest - back);
            bytes[at as usize * RECORD..][..RECORD].copy_from_slice(&moved);
        }
        // Whole, so that nothing of what was torn there comes back later.
        rig.flash
            .erase(start, start + offset(len))
            .expect("the power is on");
        rig.flash.load(start, &bytes);
    }
}

fn with_sequence(raw: &Raw, sequence: u32) -> Raw {
    let mut moved = *raw;
    moved[8..12].copy_from_slice(&sequence.to_le_bytes());
    let check = CRC.checksum(&moved[..120]);
    moved[120..].copy_from_slice(&check.to_le_bytes());
    moved
}

/// The place of the newest record.
pub(crate) fn newest_place(rig: &mut Rig) -> u32 {
    newest_records(rig).first().map_or(0, |(place, _)| *place)
}
