//! What was requested rots before the bootloader looks at it, or the journal dies: the release is
//! not to blame, and nothing is asked for without end.

use ota_bootloader::{Decision, Index, Region, ResetCause, Strategy};
use ota_sim::{Cut, Tear};
use ota_testkit::{Geometry, Release, Rig, Stop, random_image};

const BOTH: [Strategy; 2] = [Strategy::Swap, Strategy::Ab];

fn release(n: u64) -> Release {
    Release::new(n, random_image(9_000, n), 4096)
}

fn boot(rig: &mut Rig) -> Option<bool> {
    match rig.boot(ResetCause::Software) {
        Decision::Boot(start) => Some(start.trial),
        Decision::Recovery(_) => None,
    }
}

/// A confirmed device with release 1.
fn device(strategy: Strategy) -> Rig {
    let mut rig = Rig::new(Geometry {
        strategy,
        ..Geometry::small(3)
    });
    rig.provision(&release(1).package());
    assert_eq!(boot(&mut rig), Some(false));
    rig
}

/// Release 5 is requested, and a byte of what was staged rots.
fn rotten(strategy: Strategy, region: Rotten, offset: u32) -> Rig {
    let mut rig = device(strategy);
    rig.download(&release(5).package(), 8).unwrap();
    let other = rig.record().active.other();
    let (region, offset) = match region {
        Rotten::Bank => (Region::Bank(other), offset),
        Rotten::Image if strategy == Strategy::Swap => (Region::Slot(other), 4096 + offset),
        Rotten::Image => (Region::Slot(other), offset),
    };
    let byte = rig.region(region)[offset as usize];
    rig.rot(region, offset, !byte);
    assert_eq!(boot(&mut rig), Some(false));
    assert!(rig.runs(&release(1).image));
    rig
}

#[derive(Clone, Copy)]
enum Rotten {
    Bank,
    Image,
}

/// Magic, body, signature, digest table, image.
const PLACES: [(Rotten, u32); 5] = [
    (Rotten::Bank, 0),
    (Rotten::Bank, 100),
    (Rotten::Bank, 400),
    (Rotten::Bank, 1030),
    (Rotten::Image, 5_000),
];

fn each_rotten(check: impl Fn(Rig, String)) {
    for strategy in BOTH {
        for (region, offset) in PLACES {
            // Nothing moves on an A/B device: its bootloader does without the table.
            if !(strategy == Strategy::Ab && offset == 1030) {
                let name = format!("{strategy:?}, {offset}");
                check(rotten(strategy, region, offset), name);
            }
        }
    }
}

fn installs(rig: &mut Rig, n: u64, name: &str) {
    rig.download(&release(n).package(), 8).expect(name);
    assert_eq!(boot(rig), Some(true), "{name}");
    assert!(rig.runs(&release(n).image), "{name}");
    rig.confirm().expect(name);
}

#[test]
fn what_rotted_before_the_boot_is_tried_again_and_bears_no_blame_when_it_is_in() {
    each_rotten(|mut rig, name| {
        assert_ne!(rig.record().last_problem, 0, "{name}");
        installs(&mut rig, 5, &name);
        assert_eq!(rig.record().failed, [None; 4], "{name}");
    });
}

#[test]
fn nor_when_another_release_came_between_and_was_withdrawn() {
    each_rotten(|mut rig, name| {
        let other = release(6);
        let begun = rig.updater(|updater, anchors| {
            updater.admit(anchors, &other.package()[..1024]).map(|_| ())
        });
        assert_eq!(begun, Ok(Ok(())), "{name}");
        rig.updater(|updater, _| updater.cancel())
            .unwrap()
            .expect(&name);
        installs(&mut rig, 5, &name);
    });
}

/// The bank is torn in the course of it, and so is the record that says what is in it.
#[test]
fn nor_when_the_power_goes_while_it_is_begun_again() {
    let mut cuts = 0;
    for strategy in BOTH {
        for place in [0, 100, 400] {
            let start = rotten(strategy, Rotten::Bank, place);
            for operation in 1..30 {
                for tear in [Tear::Before, Tear::Mixed, Tear::Fading, Tear::After] {
                    let name = format!("{strategy:?}, {place}, {operation}:{tear}");
                    let mut rig = start.clone();
                    rig.flash.arm(Cut::new(operation, tear));
                    let cut = rig.download(&release(5).package(), 8);
                    if cut != Err(Stop::PowerCut) {
                        rig.flash.disarm();
                        continue;
                    }
                    cuts += 1;
                    rig.power_up();
                    // If the cut fell into the request, it may have been heard.
                    match boot(&mut rig) {
                        Some(false) => installs(&mut rig, 5, &name),
                        Some(true) => assert!(rig.runs(&release(5).image), "{name}"),
                        None => panic!("{name}: no image"),
                    }
                }
            }
        }
    }
    assert!(cuts > 250, "{cuts}");
}

#[test]
fn a_release_that_rots_each_time_is_asked_for_after_longer_and_longer_pauses() {
    let mut rig = device(Strategy::Swap);
    let mut pauses = Vec::new();
    for _ in 0..17 {
        rig.download(&release(5).package(), 8).unwrap();
        pauses.push(rig.updater(|updater, _| updater.reset_pause_s()).unwrap());
        let byte = rig.region(Region::Slot(Index::One))[5_000];
        rig.rot(Region::Slot(Index::One), 5_000, !byte);
        assert_eq!(boot(&mut rig), Some(false));
    }
    let doubling = (0..11).map(|times| 60 << times);
    let day = 24 * 60 * 60;
    let expected: Vec<u32> = [0; 3].into_iter().chain(doubling).chain([day; 3]).collect();
    assert_eq!(pauses, expected);
}

#[test]
fn the_pause_grows_whatever_the_cause_and_is_over_with_a_confirmation() {
    let mut rig = device(Strategy::Swap);
    let pause = |rig: &mut Rig| rig.updater(|updater, _| updater.reset_pause_s()).unwrap();
    // Withdrawn, rotten, failed, withdrawn, rotten, failed.
    for (n, expected) in (2..).zip([0, 0, 0, 60, 120, 240]) {
        rig.download(&release(n).package(), 8).unwrap();
        assert_eq!(pause(&mut rig), expected);
        match n % 3 {
            2 => rig.updater(|updater, _| updater.cancel()).unwrap().unwrap(),
            0 => rig.rot(Region::Bank(Index::One), 100, 0),
            _ => {
                for _ in 0..3 {
                    assert_eq!(boot(&mut rig), Some(true));
                }
            }
        }
        assert_eq!(boot(&mut rig), Some(false));
    }
    rig.download(&release(9).package(), 8).unwrap();
    assert_eq!(pause(&mut rig), 480);
    assert_eq!(boot(&mut rig), Some(true));
    rig.confirm().unwrap();
    assert_eq!(pause(&mut rig), 0);
    // The next one is the first again.
    rig.download(&release(10).package(), 8).unwrap();
    assert_eq!(pause(&mut rig), 0);
}

#[test]
fn a_wish_to_try_again_takes_no_pause() {
    let mut rig = device(Strategy::Swap);
    for n in 2..8 {
        rig.download(&release(n).package(), 8).unwrap();
    }
    assert_ne!(rig.updater(|updater, _| updater.reset_pause_s()), Ok(0));
    rig.updater(|updater, _| updater.forget_failures())
        .unwrap()
        .unwrap();
    assert_eq!(rig.updater(|updater, _| updater.reset_pause_s()), Ok(0));
}

/// The journal dies between the request and the reset: the bootloader cannot take the release, and
/// nothing else can be recorded either.
#[test]
fn a_staged_release_that_no_journal_can_carry_is_not_asked_for_again() {
    for strategy in BOTH {
        let mut rig = device(strategy);
        rig.download(&release(5).package(), 8).unwrap();
        for unit in 0..2 {
            rig.wear_out(Region::Journal, unit, true);
        }
        for _ in 0..3 {
            assert_eq!(boot(&mut rig), Some(false));
            assert!(rig.runs(&release(1).image));
            let answer = rig.download(&release(5).package(), 8);
            assert_eq!(answer, Err(Stop::Refused(0x1114)));
        }
    }
}

/// A staged release that is there after a reset was not taken: to ask again is a request like any
/// other, once in a power cycle.
#[test]
fn asking_again_for_a_staged_release_counts_as_a_request() {
    let mut rig = device(Strategy::Swap);
    rig.download(&release(5).package(), 8).unwrap();
    let package = release(5).package();
    for requests in 2..6 {
        let pauses = rig.updater(|updater, anchors| {
            [0; 3].map(|_| {
                updater.admit(anchors, &package[..1024]).unwrap();
                updater.reset_pause_s()
            })
        });
        let expected = [0, 0, 60, 120][requests - 2];
        assert_eq!(pauses, Ok([expected; 3]));
    }
}

/// A start that cannot be counted is not made if the former image can come back. If that has rotted,
/// the new one is all that is left.
#[test]
fn on_trial_with_a_dead_journal_and_a_rotten_former_image_the_new_one_starts_uncounted() {
    for strategy in BOTH {
        let mut rig = device(strategy);
        rig.download(&release(5).package(), 8).unwrap();
        assert_eq!(boot(&mut rig), Some(true));
        for unit in 0..2 {
            rig.wear_out(Region::Journal, unit, true);
        }
        let slot = match strategy {
            Strategy::Swap => Index::One,
            Strategy::Ab => rig.record().active.other(),
        };
        let byte = rig.region(Region::Slot(slot))[5_000];
        rig.rot(Region::Slot(slot), 5_000, !byte);
        for _ in 0..3 {
            assert_eq!(boot(&mut rig), Some(true), "{strategy:?}");
            assert!(rig.runs(&release(5).image), "{strategy:?}");
        }
    }
}
