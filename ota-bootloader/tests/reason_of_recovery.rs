//! Where nothing can be booted, the code says what is wrong with the image that is there.

use ota_bootloader::{BootState, Decision, Index, Region, ResetCause, Strategy};
use ota_sim::{Cut, Tear};
use ota_testkit::{Geometry, Release, Rig, Stop, random_image};

const BOTH: [Strategy; 2] = [Strategy::Swap, Strategy::Ab];
const POWER: ResetCause = ResetCause::Power;

fn release(n: u64) -> Release {
    Release::new(n, random_image(2_500, n), 1024)
}

/// A device from the factory that was never started.
fn new(strategy: Strategy) -> Rig {
    let mut rig = Rig::new(Geometry {
        strategy,
        erase_size: 1024,
        step: 1024,
        slot: 3 * 1024,
        bank: 2048,
        ..Geometry::small(3)
    });
    rig.provision(&release(1).package());
    rig
}

fn started(strategy: Strategy) -> Rig {
    let mut rig = new(strategy);
    assert!(matches!(rig.boot(POWER), Decision::Boot(_)));
    rig
}

fn downloading(mut rig: Rig) -> Rig {
    rig.flash.arm(Cut::new(15, Tear::Before));
    let cut = rig.download(&release(5).package(), 8);
    assert_eq!(cut, Err(Stop::PowerCut));
    rig.power_up();
    assert_eq!(rig.record().state, BootState::Downloading);
    rig
}

fn staged(mut rig: Rig) -> Rig {
    rig.download(&release(5).package(), 8).unwrap();
    rig
}

fn on_trial(strategy: Strategy) -> Rig {
    let mut rig = staged(started(strategy));
    assert!(matches!(rig.boot(POWER), Decision::Boot(start) if start.trial));
    rig
}

fn updated(strategy: Strategy) -> Rig {
    let mut rig = started(strategy);
    rig.download(&release(2).package(), 8).unwrap();
    assert!(matches!(rig.boot(POWER), Decision::Boot(_)));
    rig.confirm().unwrap();
    assert!(rig.runs(&release(2).image));
    rig
}

fn left(mut rig: Rig) -> Rig {
    rig.updater(|updater, anchors| updater.revert(&anchors.boot()))
        .unwrap()
        .unwrap();
    rig
}

fn lost(mut rig: Rig) -> Rig {
    let size = rig.product.map.area(Region::Journal).size;
    rig.load(Region::Journal, 0, &vec![0; size as usize]);
    rig
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    BlankBank,
    Envelope,
    Image,
    /// Of the device, so of both images.
    Policy,
}

const DAMAGES: [Damage; 4] = [
    Damage::BlankBank,
    Damage::Envelope,
    Damage::Image,
    Damage::Policy,
];

impl Damage {
    fn befall(self, rig: &mut Rig, bank: Index) {
        match self {
            Self::BlankBank => rig.load(Region::Bank(bank), 0, &[0xFF; 2048]),
            Self::Envelope => flip(rig, Region::Bank(bank), 100),
            Self::Image => self.befall_image(rig, bank),
            Self::Policy => rig.product.hardware = 9,
        }
    }

    /// On a device that swaps, the other image may be a former or a coming one.
    fn befall_image(self, rig: &mut Rig, bank: Index) {
        // Where the decision was to go back, the journal names the image that is to come.
        let record = rig.record();
        let going_back = matches!(record.state, BootState::Reverting(_));
        let runs = (bank == record.active) != going_back;
        match (rig.product.map.strategy(), runs) {
            (Strategy::Ab, _) => flip(rig, Region::Slot(bank), 500),
            (Strategy::Swap, true) => flip(rig, Region::Slot(Index::Zero), 500),
            (Strategy::Swap, false) => {
                for offset in [500, 1_500, 2_500] {
                    flip(rig, Region::Slot(Index::One), offset);
                }
            }
        }
    }

    /// What is wrong with an image; `with` is what is wrong with the other one.
    fn code(self, with: Self) -> u16 {
        match self {
            Self::BlankBank => 0x0102,
            Self::Envelope => 0x0204,
            Self::Image if with != Self::Policy => 0x1003,
            Self::Image | Self::Policy => 0x0403,
        }
    }
}

fn flip(rig: &mut Rig, region: Region, offset: u32) {
    let byte = rig.region(region)[offset as usize];
    rig.rot(region, offset, !byte);
}

/// The code of a device that boots nothing, now and later.
fn recovery(rig: &mut Rig, name: &str) -> u16 {
    let [first, later @ ..] = [(); 4].map(|()| match rig.boot(POWER) {
        Decision::Recovery(recovery) => recovery.code(),
        Decision::Boot(start) => panic!("{name}: {start:?}"),
    });
    assert_eq!(later, [first; 3], "{name}");
    first
}

#[test]
fn on_a_factory_device_it_is_the_only_image_whether_it_was_started_or_not() {
    for strategy in BOTH {
        for damage in DAMAGES {
            for start in [new, started, |strategy| lost(started(strategy))] {
                let mut rig = start(strategy);
                let name = format!("{strategy:?}, {damage:?}, {:?}", rig.record().state);
                damage.befall(&mut rig, Index::Zero);
                let code = recovery(&mut rig, &name);
                assert_eq!(code, damage.code(damage), "{name}");
            }
        }
    }
}

/// The trial has failed: only the former image may run.
fn failed(strategy: Strategy) -> Rig {
    let mut rig = started(strategy);
    rig.product.trial.attempts = 1;
    rig = staged(rig);
    rig.boot(POWER);
    rig.updater(|updater, _| updater.give_up())
        .unwrap()
        .unwrap();
    rig
}

/// Whether a state has a second image that may run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Second {
    No,
    Yes,
    /// It is the only one that may run.
    Only,
}

/// The states in which the journal says which image is the active one.
fn known(strategy: Strategy) -> [(Rig, Second); 8] {
    [
        (downloading(started(strategy)), Second::No),
        (staged(started(strategy)), Second::No),
        (on_trial(strategy), Second::Yes),
        (failed(strategy), Second::Only),
        (updated(strategy), Second::Yes),
        (downloading(updated(strategy)), Second::No),
        (staged(updated(strategy)), Second::No),
        (left(updated(strategy)), Second::Yes),
    ]
}

#[test]
fn where_both_images_are_bad_it_is_the_active_one_or_the_one_that_is_there() {
    let mut tried = 0;
    for strategy in BOTH {
        for (start, second) in known(strategy) {
            for damage in DAMAGES {
                for other in DAMAGES {
                    let mut rig = start.clone();
                    let record = rig.record();
                    let name = format!("{strategy:?}, {:?}, {damage:?}, {other:?}", record.state);
                    other.befall(&mut rig, record.active.other());
                    damage.befall(&mut rig, record.active);
                    let expected = match (second, damage) {
                        (Second::Only, _) | (Second::Yes, Damage::BlankBank) => other.code(damage),
                        _ => damage.code(other),
                    };
                    assert_eq!(recovery(&mut rig, &name), expected, "{name}");
                    tried += 1;
                }
            }
        }
    }
    assert_eq!(tried, 2 * 8 * 16);
}

#[test]
fn with_the_journal_lost_as_well_it_is_one_that_is_there() {
    for strategy in BOTH {
        for start in [updated(strategy), staged(started(strategy))] {
            for damage in DAMAGES {
                for other in DAMAGES {
                    let mut rig = start.clone();
                    let active = rig.record().active;
                    let name = format!("{strategy:?}, {damage:?}, {other:?}");
                    other.befall(&mut rig, active.other());
                    damage.befall(&mut rig, active);
                    let code = recovery(&mut lost(rig), &name);
                    let codes = [damage.code(other), other.code(damage)];
                    assert!(codes.contains(&code), "{name}: {code:#06x}");
                    let nothing_there = [damage, other] == [Damage::BlankBank; 2];
                    assert_eq!(code == 0x0102, nothing_there, "{name}");
                }
            }
        }
    }
}
