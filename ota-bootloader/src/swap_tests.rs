//! The exchange alone, without the bootloader around it, which would put together again what the
//! exchange left behind.

extern crate std;

use std::vec::Vec;

use ota_image::{Boot, BootKeys, ENVELOPE_LEN, Envelope, SoftwareCrypto};
use ota_sim::{Config, Cut, Flash, Tear};
use ota_testkit::{BOOT_SEED, Release, public_key, random_image};

use crate::image::Image;
use crate::io::{Bad, Io};
use crate::map::{Area, Chip, FlashMap, Layout, Strategy};
use crate::storage::{Index, OneFlash};
use crate::swap::{Direction, Exchange};

const STEP: u32 = 1024;
const ACTIVE: u32 = 7 * STEP;
const STAGING: u32 = 11 * STEP;

fn map() -> FlashMap {
    FlashMap::new(Layout {
        strategy: Strategy::Swap,
        internal: Chip {
            size: 17 * STEP,
            write_size: 4,
            erase_size: STEP,
            erased: 0xFF,
        },
        external: None,
        bootloader: Area::internal(0, STEP),
        journal: Area::internal(STEP, 2 * STEP),
        banks: [
            Area::internal(3 * STEP, 2 * STEP),
            Area::internal(5 * STEP, 2 * STEP),
        ],
        slots: [
            Area::internal(ACTIVE, 4 * STEP),
            Area::internal(STAGING, 6 * STEP),
        ],
        settings: Area::internal(0, 0),
        step: STEP,
    })
    .unwrap()
}

/// Two releases on a flash: the leaving one of bank 0, the entering one of bank 1.
#[derive(Clone)]
struct Pair {
    flash: Flash,
    images: [Vec<u8>; 2],
    envelopes: [Vec<u8>; 2],
}

impl Pair {
    fn new(leaving: Vec<u8>, entering: Vec<u8>) -> Self {
        let mut flash = Flash::new(Config::new(17 * STEP, 4, STEP));
        let mut envelopes = [Vec::new(), Vec::new()];
        let images = [leaving, entering];
        let places = [(3 * STEP, ACTIVE), (5 * STEP, STAGING + STEP)];
        for (n, (bank, slot)) in places.into_iter().enumerate() {
            let package = Release::new(1 + n as u64, images[n].clone(), STEP).package();
            flash.load(bank, &package[..package.len() - images[n].len()]);
            flash.load(slot, &images[n]);
            envelopes[n] = package[..ENVELOPE_LEN].to_vec();
        }
        Self {
            flash,
            images,
            envelopes,
        }
    }

    fn image(&self, bank: Index) -> Image<Boot> {
        let bytes = bank.of(&[&self.envelopes[0], &self.envelopes[1]]);
        let keys = [public_key(BOOT_SEED)];
        let keys = BootKeys::new(&keys).unwrap();
        let envelope = Envelope::parse(bytes).unwrap();
        let manifest = envelope.verify_boot(&mut SoftwareCrypto, &keys, 0).unwrap();
        Image::new(manifest, bank)
    }

    /// One exchange, and the erases that it took.
    fn run(&mut self, direction: Direction) -> (Result<(), Bad>, u64) {
        let (mut leaving, mut entering) = (self.image(Index::Zero), self.image(Index::One));
        let before = self.flash.stats().erases;
        let mut storage = OneFlash::new(self.flash.nor::<4, 1024>(), map()).unwrap();
        let mut crypto = SoftwareCrypto;
        let mut io = Io::new(&mut storage, &mut crypto);
        let (leaving, entering) = match direction {
            Direction::Forward => (&mut leaving, &mut entering),
            Direction::Backward => (&mut entering, &mut leaving),
        };
        let result = Exchange::new(leaving, entering, direction, &map()).run(&mut io, false);
        (result, self.flash.stats().erases - before)
    }

    fn at(&self, offset: u32, image: &[u8]) -> bool {
        self.flash.bytes()[offset as usize..].starts_with(image)
    }

    fn is_forward(&self) -> bool {
        self.at(ACTIVE, &self.images[1]) && self.at(STAGING, &self.images[0])
    }

    fn is_backward(&self) -> bool {
        self.at(ACTIVE, &self.images[0]) && self.at(STAGING + STEP, &self.images[1])
    }
}

/// Images of all lengths, one longer than the other both ways, and ones that share steps.
fn pairs() -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (leaving, entering) in [
        (4096, 4096),
        (4000, 1500),
        (700, 3073),
        (1, 1024),
        (2048, 2049),
    ] {
        pairs.push(Pair::new(
            random_image(leaving, 1),
            random_image(entering, 2),
        ));
    }
    pairs
}

const fn steps(image: &[u8]) -> u64 {
    image.len().div_ceil(STEP as usize) as u64
}

#[test]
fn images_change_places_with_one_erase_for_each_step_of_each_and_back_with_four_more() {
    for mut pair in pairs() {
        let each = steps(&pair.images[0]) + steps(&pair.images[1]);
        assert_eq!(pair.run(Direction::Forward), (Ok(()), each));
        assert!(pair.is_forward());
        let (result, erases) = pair.run(Direction::Backward);
        assert_eq!(result, Ok(()));
        assert!(pair.is_backward());
        // What a longer image left in its old place is still there; two steps may be found behind
        // a cut, and be copied over the spare.
        assert!(erases <= each + 4, "{erases} erases for {each} steps");
    }
}

#[test]
fn what_is_done_is_not_done_again_but_for_two_steps() {
    for mut pair in pairs() {
        pair.run(Direction::Forward).0.unwrap();
        let (result, erases) = pair.run(Direction::Forward);
        assert_eq!(result, Ok(()));
        assert!(pair.is_forward());
        assert!(erases <= 8, "{erases} erases");
    }
}

/// Every operation, and nothing of it, all of it, or a mixture: the exchange goes on where it was.
/// The erase that was cut counts as well.
#[test]
fn behind_a_cut_the_exchange_goes_on_with_at_most_eight_erases_more() {
    let mut cuts = 0;
    for pair in pairs() {
        for direction in [Direction::Forward, Direction::Backward] {
            let mut start = pair.clone();
            if direction == Direction::Backward {
                start.run(Direction::Forward).0.unwrap();
            }
            let mut whole = start.clone();
            let before = whole.flash.operations();
            let (_, erases) = whole.run(direction);
            for operation in 1..=whole.flash.operations() - before {
                for tear in [
                    Tear::Before,
                    Tear::After,
                    Tear::Mixed,
                    Tear::Late,
                    Tear::Fading,
                ] {
                    let mut pair = start.clone();
                    pair.flash.arm(Cut::new(operation, tear));
                    let (_, first) = pair.run(direction);
                    assert!(pair.flash.is_off());
                    pair.flash.power_up();
                    let (result, second) = pair.run(direction);
                    let id = pair.flash.history();
                    assert_eq!(result, Ok(()), "{id}");
                    let there = match direction {
                        Direction::Forward => pair.is_forward(),
                        Direction::Backward => pair.is_backward(),
                    };
                    assert!(there, "{id}");
                    assert!(
                        first + second <= erases + 9,
                        "{id}: {first} and {second}, {erases}"
                    );
                    cuts += 1;
                }
            }
        }
    }
    assert!(cuts > 500, "{cuts}");
}

/// Whatever step is damaged: either the exchange stops before it erases anything, or it can be
/// taken back.
#[test]
fn a_damaged_step_stops_the_exchange_before_anything_is_erased() {
    for pair in pairs() {
        for (offset, image) in [(ACTIVE, &pair.images[0]), (STAGING + STEP, &pair.images[1])] {
            for (step, _) in (0..).zip(image.chunks(STEP as usize)) {
                let mut pair = pair.clone();
                let place = offset + step * STEP;
                let byte = pair.flash.bytes()[place as usize];
                pair.flash.corrupt(place, !byte);
                assert_eq!(pair.run(Direction::Forward), (Err(Bad), 0), "step {step}");
            }
        }
    }
}

#[test]
fn what_is_done_needs_its_last_source_no_more() {
    for direction in [Direction::Forward, Direction::Backward] {
        let mut pair = Pair::new(random_image(4096, 1), random_image(4096, 2));
        pair.run(Direction::Forward).0.unwrap();
        let source = match direction {
            Direction::Forward => STAGING + 4 * STEP,
            Direction::Backward => {
                pair.run(Direction::Backward).0.unwrap();
                STAGING
            }
        };
        let byte = pair.flash.bytes()[source as usize];
        pair.flash.corrupt(source, !byte);
        assert_eq!(pair.run(direction), (Ok(()), 0));
    }
}

/// Going on would end well, and leave nothing to go back to.
#[test]
fn behind_a_cut_a_damaged_step_below_stops_the_exchange_as_well() {
    let mut pair = Pair::new(random_image(4096, 1), random_image(4096, 2));
    let before = pair.flash.operations();
    // Five erases and twenty pages: in the third step.
    pair.flash.arm(Cut::new(26, Tear::Before));
    pair.run(Direction::Forward).0.unwrap_err();
    assert_eq!(pair.flash.operations() - before, 26);
    pair.flash.power_up();
    for place in [ACTIVE, STAGING] {
        let mut pair = pair.clone();
        let byte = pair.flash.bytes()[place as usize];
        pair.flash.corrupt(place, !byte);
        assert_eq!(pair.run(Direction::Forward), (Err(Bad), 0), "{place:#x}");
    }
    assert_eq!(pair.run(Direction::Forward).0, Ok(()));
    assert!(pair.is_forward());
}
