//! What is swept: devices, images, stories.
//!
//! The name of a configuration says all of it, as in `w8-u2048-ecc-swap/grow/crash`: words of 8
//! bytes, erase units of 2048, error correction; a new image longer than the old one; firmware
//! that crashes.

use ota_bootloader::Strategy;
use ota_testkit::{External, Geometry, Holds};

use super::story::{Firmware, Images, Plot, Start};

/// How deep a configuration is swept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// One of so many single cuts.
    Singles(u64),
    /// All single cuts; behind each, one of so many operations of the recovery, in one tear.
    Pairs(u64),
    /// All single cuts; behind each, every operation of the recovery in every tear.
    Every,
}

impl Depth {
    pub(super) const fn firsts(self) -> u64 {
        match self {
            Self::Singles(of) => of,
            Self::Pairs(_) | Self::Every => 1,
        }
    }
}

/// A story with a name.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The first part of the ids of its cuts.
    pub name: String,
    /// The line of the table that it is counted in.
    pub row: String,
    /// The story.
    pub plot: Plot,
    /// How deep it is swept.
    pub depth: Depth,
}

const KIB: u32 = 1024;

/// A device, and how deep its stories are swept.
struct Device {
    geometry: Geometry,
    chunk: u32,
    /// One of so many operations of a recovery; 0: single cuts only, one of eight.
    pairs: u64,
}

const fn chip(write_size: u32, erase_size: u32, chunk: u32, pairs: u64) -> Device {
    let step = if erase_size > chunk {
        erase_size
    } else {
        chunk
    };
    Device {
        geometry: Geometry {
            write_size,
            erase_size,
            step,
            slot: 3 * step,
            bank: if erase_size > 2 * KIB {
                erase_size
            } else {
                2 * KIB
            },
            ..Geometry::small(3)
        },
        chunk,
        pairs,
    }
}

impl Device {
    const fn ecc(mut self) -> Self {
        self.geometry.ecc = true;
        self
    }

    const fn zero(mut self) -> Self {
        self.geometry.erased = 0;
        self
    }

    const fn ab(mut self) -> Self {
        self.geometry.strategy = Strategy::Ab;
        self
    }

    /// With a second chip; both slots' units have to divide the step.
    const fn beside(mut self, external: External) -> Self {
        let slots = !matches!(external.holds, Holds::Journal);
        if slots && external.erase_size > self.geometry.step {
            self.geometry.step = external.erase_size;
            self.geometry.slot = 3 * external.erase_size;
        }
        self.geometry.external = Some(external);
        self
    }

    fn name(&self) -> String {
        let geometry = &self.geometry;
        let flags = |erased: u8, ecc: bool| {
            let zero = if erased == 0 { "-zero" } else { "" };
            format!("{zero}{}", if ecc { "-ecc" } else { "" })
        };
        let internal = flags(geometry.erased, geometry.ecc);
        let external = geometry.external.map_or(String::new(), |chip| {
            let holds = format!("{:?}", chip.holds).to_lowercase();
            let flags = flags(chip.erased, chip.ecc);
            format!("-{holds}-w{}-u{}{flags}", chip.write_size, chip.erase_size)
        });
        let chunk = match self.chunk {
            chunk if chunk == geometry.step => String::new(),
            chunk => format!("-c{chunk}"),
        };
        let strategy = format!("{:?}", geometry.strategy).to_lowercase();
        let (word, unit) = (geometry.write_size, geometry.erase_size);
        format!("w{word}-u{unit}{internal}{external}{chunk}-{strategy}")
    }

    fn configuration(&self, images: Images, firmware: Firmware, start: Start) -> Configuration {
        let step = self.geometry.step;
        let images_name = match &images {
            Images::Lengths(old, new) => match (old.div_ceil(step), new.div_ceil(step)) {
                (old, new) if old < new => "grow",
                (old, new) if old > new => "shrink",
                (1, 1) => "one",
                _ => "equal",
            }
            .to_owned(),
            Images::Steps(old, new) => format!("{old}-{new}"),
        };
        let story = match start {
            Start::Factory => kebab(&format!("{firmware:?}")),
            start => kebab(&format!("{start:?}")),
        };
        let name = format!("{}/{images_name}/{story}", self.name());
        Configuration {
            row: name.clone(),
            name,
            depth: match self.pairs {
                0 => Depth::Singles(8),
                of => Depth::Pairs(of),
            },
            plot: Plot {
                geometry: self.geometry,
                chunk: self.chunk,
                images,
                firmware,
                start,
                counter: 1,
                room: None,
            },
        }
    }

    /// Old and new of so many steps, the last of them not full.
    fn lengths(&self, old: u32, new: u32) -> Images {
        let step = self.geometry.step;
        Images::Lengths(old * step - step / 2 - 5, new * step - step / 4 - 3)
    }
}

fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.extend(letter.to_lowercase());
    }
    kebab
}

const NOR: External = External {
    write_size: 1,
    erase_size: 4 * KIB,
    erased: 0xFF,
    ecc: false,
    holds: Holds::Staging,
};

/// Every device that is swept with an update that grows and one that fails.
fn devices() -> Vec<Device> {
    let holds = |holds| External { holds, ..NOR };
    vec![
        chip(1, 128, KIB, 4),
        chip(4, 128, KIB, 4).zero(),
        chip(4, 256, KIB, 4).zero().ecc(),
        chip(8, 512, KIB, 4),
        chip(8, 2 * KIB, KIB, 8).ecc(),
        chip(16, 8 * KIB, 4 * KIB, 64).ecc(),
        chip(32, KIB, KIB, 4).zero().ecc(),
        chip(1, 4 * KIB, 4 * KIB, 16),
        chip(4, 4 * KIB, KIB, 16),
        chip(16, 16 * KIB, 16 * KIB, 256).zero(),
        chip(4, 64 * KIB, 4 * KIB, 0),
        chip(32, 128 * KIB, 16 * KIB, 0).ecc(),
        chip(1, 128, KIB, 4).ab(),
        chip(8, 2 * KIB, KIB, 8).ecc().ab(),
        chip(16, KIB, KIB, 4).zero().ab(),
        chip(4, 4 * KIB, 4 * KIB, 16).ab(),
        chip(32, 128 * KIB, 16 * KIB, 0).ecc().ab(),
        chip(8, 2 * KIB, KIB, 32).ecc().beside(NOR),
        chip(4, 128, KIB, 32).zero().beside(holds(Holds::Slots)),
        chip(8, 2 * KIB, 2 * KIB, 32).ecc().ab().beside(NOR),
        chip(1, 4 * KIB, 4 * KIB, 16).beside(External {
            write_size: 32,
            erase_size: 128,
            erased: 0,
            ecc: true,
            holds: Holds::Journal,
        }),
        chip(32, 128 * KIB, 4 * KIB, 0)
            .ecc()
            .beside(holds(Holds::Slots)),
    ]
}

/// Small devices, swept with every story.
fn favourites() -> Vec<Device> {
    vec![
        chip(1, KIB, KIB, 1),
        chip(8, 2 * KIB, KIB, 4).ecc(),
        chip(4, KIB, KIB, 1).ab(),
    ]
}

/// Single cuts with the journal as full as it can be.
fn full_journals(device: &Device) -> Vec<Configuration> {
    let firmwares = [Firmware::Healthy, Firmware::Crashes];
    let full = |firmware, room| {
        let images = device.lengths(1, 2);
        let mut full = device.configuration(images, firmware, Start::Factory);
        full.plot.room = Some(room);
        full.depth = Depth::Pairs(64);
        full.row = format!("{}/room", full.row);
        full.name = format!("{}{room}", full.row);
        full
    };
    firmwares
        .into_iter()
        .flat_map(|firmware| (0..16).map(move |room| full(firmware, room)))
        .collect()
}

/// Every pair of images of up to three steps of two kinds.
fn two_kinds(device: &Device) -> Vec<Configuration> {
    const IMAGES: [&str; 14] = [
        "a", "b", "aa", "ab", "ba", "bb", "aaa", "aab", "aba", "abb", "baa", "bab", "bba", "bbb",
    ];
    let pair = |old, new, firmware| {
        let images = Images::Steps(old, new);
        let mut pair = device.configuration(images, firmware, Start::Factory);
        pair.depth = Depth::Pairs(256);
        pair.row = format!(
            "{}/two-kinds/{}",
            device.name(),
            kebab(&format!("{firmware:?}"))
        );
        pair
    };
    let pairs = IMAGES
        .into_iter()
        .flat_map(|old| IMAGES.into_iter().map(move |new| (old, new)));
    pairs
        .filter(|(old, new)| old != new)
        .flat_map(|(old, new)| {
            [Firmware::Healthy, Firmware::Unplugged].map(|firmware| pair(old, new, firmware))
        })
        .collect()
}

/// Everything that is swept.
#[must_use]
pub fn all() -> Vec<Configuration> {
    let mut all = Vec::new();
    for device in devices() {
        let factory = Start::Factory;
        all.push(device.configuration(device.lengths(1, 3), Firmware::Healthy, factory));
        all.push(device.configuration(device.lengths(3, 1), Firmware::Unplugged, factory));
    }
    for device in favourites() {
        let mut story = |images, firmware, start| {
            all.push(device.configuration(images, firmware, start));
        };
        for firmware in [
            Firmware::Healthy,
            Firmware::Hangs,
            Firmware::GivesUp,
            Firmware::Reverts,
            Firmware::Relapses,
        ] {
            story(device.lengths(2, 2), firmware, Start::Factory);
        }
        story(device.lengths(3, 2), Firmware::Crashes, Start::Factory);
        story(device.lengths(2, 3), Firmware::Unplugged, Start::Factory);
        for start in [
            Start::RotInActive,
            Start::RotOnTrial,
            Start::RotInStaged,
            Start::Lost,
        ] {
            story(device.lengths(2, 2), Firmware::Healthy, start);
        }
        if device.geometry.strategy == Strategy::Swap {
            for start in [Start::RotInSwap, Start::LostInSwap] {
                story(device.lengths(3, 3), Firmware::Healthy, start);
            }
        }
        for firmware in [Firmware::Healthy, Firmware::Crashes] {
            let one = device.lengths(1, 1);
            let mut one = device.configuration(one, firmware, Start::Factory);
            one.depth = Depth::Every;
            all.push(one);
        }
    }
    all.extend(full_journals(&chip(1, 4 * KIB, KIB, 0)));
    all.extend(full_journals(&chip(8, 2 * KIB, 2 * KIB, 0).ecc().ab()));
    all.extend(two_kinds(&chip(1, KIB, KIB, 0)));
    all
}
