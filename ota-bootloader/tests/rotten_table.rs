//! A digest table rots: what it describes is not lost, and updates go on.

use ota_bootloader::{BootState, Decision, Fallback, Index, ResetCause, Strategy};
use ota_sim::{Cut, Tear};
use ota_testkit::{Geometry, Release, Rig, random_image};

const POWER: ResetCause = ResetCause::Power;
const CRASH: ResetCause = ResetCause::Software;
const SMALL: Geometry = Geometry::small(3);

fn release(n: u64, len: u32) -> Release {
    Release::new(n, random_image(len, n), 4096)
}

/// A confirmed device with release 1.
fn device(geometry: Geometry) -> (Rig, Release) {
    let mut rig = Rig::new(geometry);
    let first = release(1, 9_000);
    rig.provision(&first.package());
    assert!(matches!(rig.boot(POWER), Decision::Boot(start) if !start.trial));
    (rig, first)
}

fn rot_table(rig: &mut Rig, bank: Index) {
    let at = rig.product.map.layout().banks[usize::from(bank.number())].offset + 1024 + 40;
    let byte = rig.flash.bytes()[at as usize];
    rig.flash.corrupt(at, !byte);
}

/// Resets until nothing is pending; what is on trial crashes.
fn crash_until_confirmed(rig: &mut Rig, id: &str) {
    for _ in 0..20 {
        assert!(
            matches!(rig.boot(CRASH), Decision::Boot(_)),
            "{id}: {:?}",
            rig.record()
        );
        if rig.is_confirmed() {
            return;
        }
    }
    panic!("{id}: no end in {:?}", rig.record());
}

/// Downloads, boots and confirms.
fn install(rig: &mut Rig, release: &Release, id: &str) {
    rig.download(&release.package(), 8).expect(id);
    let decision = rig.boot(POWER);
    assert!(
        matches!(decision, Decision::Boot(start) if start.trial),
        "{id}: {decision:?} {:?}",
        rig.record()
    );
    assert!(rig.holds(Index::Zero, 0, &release.image), "{id}");
    rig.confirm().expect(id);
}

#[test]
fn a_table_that_rotted_is_computed_anew_when_a_release_is_admitted() {
    let units = [1024, 4096];
    for (erase_size, write_size) in units.into_iter().zip([32, 1]) {
        let (mut rig, old) = device(Geometry {
            erase_size,
            write_size,
            ..SMALL
        });
        rot_table(&mut rig, Index::Zero);
        install(&mut rig, &release(2, 12_000), "after the rot");
        assert_eq!(
            rig.record().state,
            BootState::Confirmed(Fallback::Available)
        );
        assert!(
            rig.holds(Index::One, 0, &old.image),
            "the former image is kept"
        );
        // And the new table is as good as the old one: a bad release is undone by it.
        rot_table(&mut rig, Index::One);
        rig.download(&release(3, 5_000).package(), 8).unwrap();
        assert!(matches!(rig.boot(POWER), Decision::Boot(start) if start.trial));
        crash_until_confirmed(&mut rig, "revert");
        assert_eq!(rig.running(), Some(2));
    }
}

#[test]
fn a_table_that_rots_while_its_successor_is_staged_costs_one_more_try() {
    let (mut rig, old) = device(SMALL);
    let new = release(2, 12_000);
    rig.download(&new.package(), 8).unwrap();
    rot_table(&mut rig, Index::Zero);
    assert!(matches!(rig.boot(CRASH), Decision::Boot(start) if !start.trial));
    assert_eq!(rig.record().last_problem, 0x1004);
    assert!(rig.holds(Index::Zero, 0, &old.image));
    // The chunks are still in staging.
    let asked = rig.download(&new.package(), 8).unwrap();
    assert!(asked < 1024 + 1024 + 4096, "{asked}");
    assert!(matches!(rig.boot(POWER), Decision::Boot(start) if start.trial));
}

#[test]
fn an_a_b_device_does_not_need_the_table_of_what_runs() {
    let (mut rig, _) = device(Geometry {
        strategy: Strategy::Ab,
        ..SMALL
    });
    rot_table(&mut rig, Index::Zero);
    rig.download(&release(2, 12_000).package(), 8).unwrap();
    assert!(matches!(rig.boot(POWER), Decision::Boot(start) if start.trial));
    crash_until_confirmed(&mut rig, "revert");
    assert_eq!(rig.running(), Some(1));
}

#[test]
fn a_cut_at_every_operation_of_the_mending_loses_nothing() {
    let (mut start, old) = device(SMALL);
    rot_table(&mut start, Index::Zero);
    let new = release(2, 8_200);
    start.approve(&new.image);
    let mut whole = start.clone();
    whole
        .updater(|updater, anchors| updater.admit(anchors, &new.package()[..1024]).map(|_| ()))
        .unwrap()
        .unwrap();
    let operations = whole.flash.operations() - start.flash.operations();
    // A record, bank 1 with its table, two records, and bank 0.
    assert!(operations > 15, "{operations}");
    for operation in 1..=operations {
        for tear in Tear::ALL {
            let mut rig = start.clone();
            let cut = Cut::new(operation, tear);
            let id = cut.to_string();
            rig.flash.arm(cut);
            assert!(rig.download(&new.package(), 8).is_err(), "{id}");
            for _ in 0..3 {
                rig.flash.power_up();
                let decision = rig.boot(POWER);
                assert!(
                    matches!(decision, Decision::Boot(start) if !start.trial),
                    "{id}: {decision:?} {:?}",
                    rig.record()
                );
                assert!(rig.holds(Index::Zero, 0, &old.image), "{id}");
            }
            let mut bad = rig.clone();
            install(&mut rig, &new, &id);
            bad.download(&new.package(), 8).expect(&id);
            crash_until_confirmed(&mut bad, &id);
            assert_eq!(bad.running(), Some(1), "{id}");
        }
    }
}

#[test]
fn a_record_that_rots_behind_the_mending_costs_no_image() {
    let (mut rig, old) = device(SMALL);
    rot_table(&mut rig, Index::Zero);
    let new = release(2, 8_200);
    rig.updater(|updater, anchors| updater.admit(anchors, &new.package()[..1024]).map(|_| ()))
        .unwrap()
        .unwrap();
    assert_eq!(rig.record().active, Index::One);
    let journal = rig.product.map.layout().journal.offset;
    let newest = (0..32)
        .map(|place| journal + 128 * place)
        .filter(|at| rig.flash.bytes()[*at as usize..][..4] == *b"OTAJ")
        .max_by_key(|at| rig.flash.bytes()[*at as usize + 8])
        .unwrap();
    rig.flash.corrupt(newest + 9, 0x77);
    assert!(matches!(rig.boot(POWER), Decision::Boot(_)));
    assert!(rig.holds(Index::Zero, 0, &old.image));
    install(&mut rig, &new, "after the rot");
}

#[test]
fn a_former_image_comes_back_without_its_table_through_a_cut_at_every_operation() {
    let (mut start, old) = device(SMALL);
    start
        .download(&release(2, 12_000).package(), 8)
        .expect("a download");
    for _ in 0..3 {
        assert!(matches!(start.boot(CRASH), Decision::Boot(start) if start.trial));
    }
    let back = |rig: &mut Rig, id: &str| {
        crash_until_confirmed(rig, id);
        assert!(rig.holds(Index::Zero, 0, &old.image), "{id}");
        install(rig, &release(3, 5_000), id);
    };
    // The table rots before the images change places back, or half way.
    for early in [false, true] {
        if early {
            rot_table(&mut start, Index::Zero);
        }
        let mut whole = start.clone();
        assert!(matches!(whole.boot(CRASH), Decision::Boot(_)));
        let operations = whole.flash.operations() - start.flash.operations();
        assert!(operations > 40, "{operations}");
        for operation in 1..=operations {
            for tear in Tear::ALL {
                let cut = Cut::new(operation, tear);
                let mut rig = start.clone();
                rig.flash.arm(cut);
                rig.boot(CRASH);
                assert!(rig.flash.is_off(), "{cut}: the cut fell");
                rig.flash.power_up();
                if !early {
                    rot_table(&mut rig, Index::Zero);
                }
                back(&mut rig, &format!("{cut}, rotten before: {early}"));
            }
        }
    }
}
