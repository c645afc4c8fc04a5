//! What catches a bug that is put back in, where no other test does: `cargo xtask bugs` tries.

use ota_bootloader::{Admission, Decision, Index, Region, ResetCause, Work};
use ota_image::{ENVELOPE_LEN, Role};
use ota_proof::sweep::{Choice, Extent, Found, Story, Sweep, all, run};
use ota_sim::{Cut, Tear};
use ota_testkit::{Geometry, OTHER_SEED, RELEASE_SEED, Release, Rig, random_image};

#[test]
fn every_swap_of_short_images_goes_on_where_a_cut_left_it() {
    let extent = Extent {
        firsts: 20,
        seconds: 100,
        seed: 2,
    };
    let short = |name: &str| name.starts_with("w1-u1024-swap/two-kinds/healthy");
    let rows = run(
        extent,
        2,
        |configuration| short(&configuration.row),
        |_, _| {},
    );
    let cuts: u64 = rows.iter().map(|row| row.cuts).sum();
    assert!(cuts > 5000, "{cuts} cuts");
    let broken = rows.iter().flat_map(|row| &row.failures).next();
    assert_eq!(broken, None);
}

/// A record that fades, and then a power-up for it to be gone.
struct Fading;

impl Choice for Fading {
    fn first(&self, _: u64) -> Vec<Tear> {
        vec![Tear::Fading]
    }
    fn second(&self, _: Cut, _: u64) -> Vec<Tear> {
        vec![Tear::Before]
    }
    fn pairs(&self) -> bool {
        true
    }
}

#[test]
fn nothing_is_erased_on_the_strength_of_a_record_that_fades() {
    let name = "w1-u1024-swap/shrink/crashes";
    let known = all().into_iter().find(|known| known.name == name);
    let story = Story::new(known.expect(name).plot);
    let sweep = Sweep::new(&story).expect("an undisturbed run");
    let mut found = Found::default();
    for operation in 1..=sweep.operations() {
        sweep.at(operation, &Fading, &mut found);
    }
    assert!(found.pairs > 2000, "{} pairs", found.pairs);
    assert!(found.failures.is_empty(), "{:?}", found.failures);
}

#[test]
fn no_byte_of_a_forged_release_reaches_a_slot() {
    let mut rig = Rig::new(Geometry::small(3));
    rig.provision(&Release::new(1, random_image(9_000, 1), 4096).package());
    assert!(matches!(rig.boot(ResetCause::Power), Decision::Boot(_)));
    let before = rig.region(Region::Slot(Index::One));
    for boot_seed in [OTHER_SEED, RELEASE_SEED] {
        let signers = [(Role::Release, RELEASE_SEED), (Role::Boot, boot_seed)];
        let forged = Release::new(2, random_image(9_000, 2), 4096).signed_by(&signers);
        rig.approve(&forged.image);
        let package = forged.package();
        let admitted = rig.updater(|updater, anchors| {
            let Ok(Admission::Download(mut staging)) =
                updater.admit(anchors, &package[..ENVELOPE_LEN])
            else {
                return false;
            };
            let mut buffer = [0; 4096];
            while let Ok(work) = updater.poll(&mut staging, &mut buffer, 1) {
                if let Work::Fetch(need) = work {
                    let piece = &package[need.offset as usize..][..need.piece as usize];
                    if updater.accept(&mut staging, piece).is_err() {
                        break;
                    }
                }
            }
            true
        });
        assert_eq!(rig.region(Region::Slot(Index::One)), before);
        assert_eq!(admitted, Ok(false));
    }
}
